#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The library's example in plain C does what its first comment says. Prints KTAP.
# A function t_CLAIM is a test.
# shellcheck disable=SC2317	# tests are called by name
set -u

# What it prints first, and its exit status.
is() {	# expected, time-limit's arguments...
	expected=$1
	shift
	got=$(time-limit "$@" 2>/dev/null </dev/null; echo "status $?")
	got=$(echo "$got" | sed -n '1p;$!d;1!p' | paste -s -d, -)
	[ "$got" = "$expected" ] || { echo "# '$got', not '$expected'"; false; }
}

t_prints_the_record_and_exits_as_the_command_did() {
	is 'exited 7,status 7' 60 sh -c 'exit 7' &&
		is 'killed 9,status 137' 60 sh -c 'kill -KILL $$'
}

t_ends_the_command_when_its_time_is_up() {
	is 'killed 15,status 124' 1 tail -f /dev/null
}

t_tells_a_command_that_is_not_there() {
	is 'exited 127,status 127' 60 /nonexistent
}

t_refuses_wrong_usage() {
	is 'status 125' 0 true && is 'status 125' 5
}

tests=$(sed -n 's/^t_\([A-Za-z0-9_]*\)().*/\1/p' "$0")
echo "KTAP version 1"
echo "1..$(echo "$tests" | wc -l)"
number=0
status=0
for claim in $tests; do
	number=$((number + 1))
	if "t_$claim"; then
		echo "ok $number $claim"
	else
		echo "not ok $number $claim"
		status=1
	fi
done
exit $status
