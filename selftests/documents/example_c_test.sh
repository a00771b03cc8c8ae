#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The library's examples in plain C do what their first comments say.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_module
needs_program time-limit pd-run

scratch=$(mktemp -d)
cleanup() { rm -rf "$scratch"; }

# What time-limit prints first, and its exit status.
prints() {	# expected, time-limit's arguments...
	expected=$1
	shift
	got=$(time-limit "$@" 2>/dev/null </dev/null; echo "status $?")
	got=$(echo "$got" | sed -n '1p;$!d;1!p' | paste -s -d, -)
	is "$got" "$expected"
}

t_prints_the_record_and_exits_as_the_command_did() {
	prints 'exited 7,status 7' 60 sh -c 'exit 7' &&
		prints 'killed 9,status 137' 60 sh -c 'kill -KILL $$'
}

t_ends_the_command_when_its_time_is_up() {
	prints 'killed 15,status 124' 1 tail -f /dev/null
}

t_tells_a_command_that_is_not_there() {
	prints 'exited 127,status 127' 60 /nonexistent
}

t_refuses_wrong_usage() {
	prints 'status 125' 5 && prints 'status 125'
}

t_refuses_what_is_no_number_of_seconds() {
	for seconds in 0 -1 5x '' 2147484 4294968 99999999999999999999; do
		prints 'status 125' "$seconds" true || return
	done
	is "$(time-limit 5x true 2>&1)" 'time-limit: 5x: not 1 to 2147483 seconds' &&
		prints 'exited 0,status 0' 2147483 true
}

t_pd_run_exits_as_the_command_did_and_prints_what_it_used() {
	got=$(pd-run sh -c 'exit 7' 2>&1; echo "status $?")
	echo "$got" | grep -qxE '[0-9]+\.[0-9]{6} s user, [0-9]+\.[0-9]{6} s system, [1-9][0-9]* KiB' &&
		is "$(echo "$got" | tail -n 1)" 'status 7' &&
		is "$(pd-run sh -c 'kill -TERM $$' 2>/dev/null; echo $?)" 143 &&
		is "$(pd-run /nonexistent 2>/dev/null; echo $?)" 127 &&
		is "$(pd-run 2>/dev/null; echo $?)" 125
}

# Killed, it has no time to do anything: the last close does it. The command's end is
# that of the pipe.
t_pd_run_is_not_outlived_by_the_command() {
	mkfifo "$scratch/fifo" || return
	pd-run sh -c 'echo started; exec sleep 1000' >"$scratch/fifo" 2>/dev/null &
	exec 3<"$scratch/fifo"
	read -r said <&3 && is "$said" started && kill -KILL $! && is "$(cat <&3)" ''
	result=$?
	exec 3<&-
	wait
	return $result
}

run_tests example_c
