#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# An event loop that never heard of procfd, Python's asyncio, waits on names as
# on pipes: without a thread. Prints KTAP.
# shellcheck disable=SC2317	# cleanup() is called by name
set -u

# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_root
needs_module
needs_program python3

scratch=$(mktemp -d)
names=$scratch/names
mkdir "$names" "$scratch/python"
mount -t procfdfs procfd "$names" || exit 1
cleanup() {
	# One of them still runs.
	for name in a b c; do
		echo KILL >"$names/$name"
	done 2>/dev/null
	umount "$names"
	rm -rf "$scratch"
}
# A guest has a part of Python's library only.
if [ -e "$here/helper_python.tar" ]; then
	tar -xf "$here/helper_python.tar" -C "$scratch/python" || exit 1
	export PYTHONHOME="$scratch/python" PYTHONPATH="$scratch/python"
fi
for name in a b c; do
	"$here/helper_daemon" "$names/$name" sleep 1000 >/dev/null || exit 1
done

timeout 120 /usr/bin/python3 -S - "$names" <<'END'
import asyncio
import os
import sys

PATIENCE = 60
number = 0
failed = False


def check(ok, claim, what=""):
    global number, failed
    number += 1
    failed = failed or not ok
    if not ok:
        print("#", what)
    print("ok" if ok else "not ok", number, "event_loop." + claim, flush=True)


def path(name):
    return os.path.join(sys.argv[1], name)


def threads():
    return len(os.listdir("/proc/self/task"))


async def record_of(name):
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader),
        open(path(name), "rb", buffering=0))
    record = await reader.read()
    transport.close()
    return record


async def main():
    waiting = {name: asyncio.create_task(record_of(name)) for name in "abc"}
    for _ in range(100):
        await asyncio.sleep(0)  # once round the loop, not a wait
    check(not any(task.done() for task in waiting.values()),
          "has_nothing_to_read_while_they_run")

    with open(path("a"), "wb", buffering=0) as signal:
        signal.write(b"TERM")
    record = await asyncio.wait_for(waiting["a"], PATIENCE)
    check(record.startswith(b"killed 15\n") and record.endswith(b"\n"),
          "reads_the_record_of_one_that_has_exited_to_the_end", record)
    check(not waiting["b"].done() and not waiting["c"].done(),
          "goes_on_waiting_for_the_others")

    transport, _ = await asyncio.get_running_loop().connect_write_pipe(
        asyncio.BaseProtocol, open(path("b"), "wb", buffering=0))
    transport.write(b"KILL")
    record = await asyncio.wait_for(waiting["b"], PATIENCE)
    check(record.startswith(b"killed 9\n"), "signals_as_it_writes_to_a_pipe", record)
    if not transport.is_closing():  # the exit may have hung up on it
        transport.abort()

    again = await asyncio.wait_for(record_of("a"), PATIENCE)
    check(again.startswith(b"killed 15\n"), "reads_it_at_once_when_it_is_over", again)
    check(threads() == 1, "does_all_this_without_a_thread", threads())

    waiting["c"].cancel()
    try:
        await waiting["c"]
    except asyncio.CancelledError:
        pass
    check(os.path.getsize(path("c")) == 0, "may_stop_waiting_for_one_that_runs")


print("KTAP version 1")
print("1..7", flush=True)
asyncio.run(main())
sys.exit(1 if failed else 0)
END
status=$?
# shellcheck disable=SC2034	# for helper_tap.sh
finished=yes
exit $status
