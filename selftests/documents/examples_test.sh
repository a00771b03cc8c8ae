#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The programs in examples/, as they stand there, on names in /run/procfd.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC3045	# the shell that runs this has read -t
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
# shellcheck source=selftests/harness/helper_httpd.sh
. "$here/helper_httpd.sh"
needs_root
needs_module
needs_program procfd python3

scratch=$(mktemp -d)
mkdir -p /run/procfd /var/log/web
mount -t procfdfs procfd /run/procfd || exit 1
cleanup() {
	cd / || return
	umount /run/procfd
	rm -rf "$scratch" /var/log/web
}
tar -xf "$here/helper_examples.tar" -C "$scratch" || exit 1
mkdir "$scratch/lib"
tar -xf "$here/helper_python.tar" -C "$scratch/lib" || exit 1
export PYTHONHOME="$scratch/lib" PYTHONPATH="$scratch/lib"
stand_in_for_httpd "$scratch/bin" || exit 1
cd /run/procfd || exit 1

# A daemon, which keeps no directory of ours busy.
start() { (cd / && exec "$here/helper_daemon" "/run/procfd/$1" sh -c "$2"); }
python() { (cd / && exec timeout 90 /usr/bin/python3 -S "$@"); }
first() { head -n 1 "$1"; }

# What a daemon or an example says, a line at a time.
mkfifo "$scratch/events"
exec 9<>"$scratch/events"
expect() {
	got=nothing
	read -r -t 90 got <&9
	[ "$got" = "$1" ] || { echo "# got '$got', not '$1'"; false; }
}

# Until a command succeeds; every turn makes a process, so it is no spin.
until_so() {
	i=0
	until "$@" 2>/dev/null; do
		i=$((i + 1))
		[ "$i" -lt 3000 ] || return
	done
}
alive() { { echo 0 >"$1"; } 2>/dev/null; }
inode_is_not() { [ "$(stat -c %i "$1")" != "$2" ]; }

t_two_daemons_are_kept_by_a_shell() {
	(cd / && exec sh "$scratch/two-daemons.sh" >&9) &
	until_so alive web && until_so alive clock &&
		before=$(stat -c %i web) &&
		echo KILL >web && expect 'web: killed 9' &&
		until_so inode_is_not web "$before" && until_so alive web &&
		clock=$(stat -c %i clock) &&
		echo TERM >two-daemons && wait &&
		is "$(both | sort | tr '\n' ';')" 'clock: killed 15;web: killed 15;' &&
		is "$(stat -c %i clock)" "$clock" &&
		! alive web && ! alive clock && ! alive two-daemons
}
both() { for _ in 1 2; do read -r -t 90 line <&9 && echo "$line"; done; }

t_the_supervisor_restarts_hands_over_and_stops() {
	supervise && expect '/run/procfd/kept: started' &&
		echo KILL >kept && expect 'killed 9' &&
		expect '/run/procfd/kept: started' && first=$(stat -c %i kept) &&
		echo KILL >supervisor && supervise &&
		expect '/run/procfd/kept: taken over' &&
		echo USR1 >supervisor && is "$(first supervisor)" 'exited 0' &&
		alive kept && supervise && expect '/run/procfd/kept: taken over' &&
		is "$(stat -c %i kept)" "$first" &&
		echo TERM >supervisor && expect 'killed 15' &&
		is "$(first supervisor)" 'exited 0'
}
supervise() {
	rm -f supervisor
	start supervisor "exec supervisor /run/procfd/kept ${1:-sleep 1000} >&9"
}

# SIGHUP, which it passes on to the program, ends the pause no sooner.
t_the_supervisor_starts_once_a_second_at_most() {
	begin=$(centiseconds)
	supervise 'sh -c "exit 1"' || return
	for _ in 1 2; do
		expect '/run/procfd/kept: started' && expect 'exited 1' &&
			echo HUP >supervisor || return
	done
	expect '/run/procfd/kept: started' && [ $(($(centiseconds) - begin)) -ge 200 ]
}
centiseconds() { sed 's/\.//; s/ .*//' /proc/uptime; }

t_the_supervisor_replaces_what_was_never_started() {
	"$here/helper_holder" /run/procfd/kept </dev/null >&9 && expect held &&
		supervise && expect '/run/procfd/kept: started' && alive kept
}

t_the_supervisor_takes_a_start_over_and_sees_it_given_up() {
	mkfifo "$scratch/order" || return
	"$here/helper_holder" /run/procfd/kept <"$scratch/order" >&9 &
	exec 8>"$scratch/order"
	expect held && supervise 8>&- &&
		expect '/run/procfd/kept: taken over' && exec 8>&- &&
		expect 'never started' && expect '/run/procfd/kept: started' && alive kept
	result=$?
	exec 8>&-
	return "$result"
}

t_logrotate_tells_the_daemon_by_its_name() {
	echo old >/var/log/web/access.log
	start web '
		exec 3>>/var/log/web/access.log
		trap "exec 3>>/var/log/web/access.log; echo again >&9" USR1
		echo ready >&9
		while :; do sleep 1000 & wait; done' &&
		expect ready &&
		logrotate -f -s "$scratch/state" "$scratch/logrotate.conf" &&
		expect again &&
		is "$(cat /var/log/web/access.log.1)" old &&
		echo KILL >web && is "$(first web)" 'killed 9' &&
		! logrotate -f -s "$scratch/state" "$scratch/logrotate.conf" 2>/dev/null
}

t_watch_py_says_how_each_ended() {
	start a 'exec sleep 1000' && start b 'exec sleep 1000' || return
	python "$scratch/watch.py" /run/procfd/a /run/procfd/b >"$scratch/out" &
	echo TERM >a && echo KILL >b && wait $! &&
		is "$(sed 's/ after .*//' "$scratch/out" | sort | tr '\n' ';')" \
			'/run/procfd/a: killed 15;/run/procfd/b: killed 9;'
}

t_name_child_py_names_a_child_and_reads_its_end() {
	is "$(python "$scratch/name_child.py" /run/procfd/child sh -c 'exit 7')" 'exited 7' &&
		is "$(first child)" 'exited 7'
}

t_the_go_program_names_a_child_and_reads_its_end() {
	is "$("$here/helper_go_example" child sh -c 'exit 7')" 'exited 7' &&
		is "$(first child)" 'exited 7' &&
		! "$here/helper_go_example" child true 2>"$scratch/complaint" &&
		is "$(cat "$scratch/complaint")" 'link child: file exists'
}

after_each() {
	for name in *; do
		if alive "$name" && echo TERM >"$name"; then cat "$name"; fi
	done >/dev/null 2>&1
	rm -rf ./*
	while read -r -t 0 got <&9 && read -r got <&9; do :; done
}

run_tests examples
