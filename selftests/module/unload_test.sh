#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading: refused while anything needs the module, clean
# afterwards, again and again under load. The module is loaded when this starts;
# PROCFD_MODULE is its file, PROCFD_ROUNDS how often (1000 in a long run).
# shellcheck disable=SC2317	# cleanup() is called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_root
needs_module
needs_module_file

rounds=${PROCFD_ROUNDS:-25}
work=$(mktemp -d) || exit 1
cd "$work" || exit 1
cleanup() {
	cd /
	umount -l "$work/names" 2>/dev/null
	rm -rf "$work"
}

n=0
failed=0
# What the last command has shown of claim $1.
shows() {
	if [ $? = 0 ]; then
		word=ok
	else
		word='not ok'
		failed=1
	fi
	n=$((n + 1))
	echo "$word $n unload.$1"
}

loaded() { [ -d /sys/module/procfd ]; }
load() { loaded || insmod "$PROCFD_MODULE"; }

# What follows from an exit may hold the module for a moment longer.
unload() {
	tries=0
	until rmmod procfd 2>rmmod.log; do
		tries=$((tries + 1))
		if [ "$tries" -gt 2000 ]; then
			sed 's/^/# /' rmmod.log
			echo "# references: $(cat /sys/module/procfd/refcnt)"
			return 1
		fi
	done
}

# Hold the module by $1, in a process that ends when descriptor 9 is closed.
holder=
hold() {
	rm -f held end
	mkfifo held end
	"$here/helper_unload" hold "$1" <end >held &
	holder=$!
	exec 9>end
	read -r answer <held && [ "$answer" = held ]
}
let_go() {
	exec 9>&-
	wait "$holder"
}

is_refused() { ! rmmod procfd 2>rmmod.log && loaded; }

# Refused, still usable, and let go: then it unloads.
refused_while_held() {
	load && hold "$1" && is_refused && is_refused || return 1
	"$here/helper_unload" burst || return 1
	let_go
	unload && ! loaded
}
by_mount() {
	load && mkdir -p names && mount -t procfdfs procfdfs names || return 1
	is_refused || return 1
	umount names
	unload
}
by_name() {
	load && mkdir -p names && mount -t procfdfs procfdfs names || return 1
	hold name || return 1
	let_go
	[ -p names/name ] && is_refused && is_refused || return 1
	umount names
	unload
}
by_open_name() {
	load && mkdir -p names && mount -t procfdfs procfdfs names || return 1
	hold name || return 1
	exec 8<names/name
	umount -l names
	is_refused || return 1
	let_go
	exec 8<&-
	unload
}

leaves_nothing() {
	load && "$here/helper_unload" burst && unload || return 1
	! [ -e /dev/procfd ] && ! grep -q procfd /proc/filesystems &&
		! grep -q procfd /proc/misc && ! grep -q procfd /proc/modules
}

twice_is_refused() {
	load && ! insmod "$PROCFD_MODULE" 2>insmod.log && unload
}

# Strangers fork and exit all the time; users come and go as it is unloaded.
rounds_under_load() {
	strangers=
	for _ in 1 2 3; do
		"$here/helper_unload" forks &
		strangers="$strangers $!"
	done
	round=0
	result=0
	while [ "$round" -lt "$rounds" ]; do
		round=$((round + 1))
		if ! load; then
			echo "# round $round: does not load"
			result=1
			break
		fi
		"$here/helper_unload" burst &
		one=$!
		"$here/helper_unload" burst &
		two=$!
		unload || result=1
		wait "$one" || result=1
		wait "$two" || result=1
		[ "$result" = 0 ] || break
	done
	for pid in $strangers; do
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null
	done
	echo "# $round rounds"
	return "$result"
}

echo "KTAP version 1"
echo "1..10"
refused_while_held device
shows is_refused_while_the_device_is_open
refused_while_held descriptor
shows is_refused_while_a_descriptor_exists
refused_while_held pending
shows is_refused_while_a_fork_is_announced
refused_while_held quiet
shows is_refused_while_a_quiet_child_runs
by_mount
shows is_refused_while_names_are_mounted
by_name
shows is_refused_while_a_name_exists
by_open_name
shows is_refused_while_a_name_is_open_and_unmounted
leaves_nothing
shows leaves_nothing_behind
twice_is_refused
shows is_not_loaded_twice
rounds_under_load
shows goes_and_comes_under_load
load
# shellcheck disable=SC2034	# for helper_tap.sh
finished=yes
exit "$failed"
