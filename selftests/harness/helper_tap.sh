# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests that are shell scripts. A function t_CLAIM is a test and fails
# if its last command does.

# Scripts that want them say what is done around each test; a test whose
# before_each fails has failed.
before_each() { :; }
after_each() { :; }

is() { [ "$1" = "$2" ] || { echo "# '$1', not '$2'"; false; }; }

# The children of a process, by their ids; not every kernel has its own list.
children_of() { grep -ls "^PPid:[[:blank:]]$1\$" /proc/[0-9]*/status | cut -d / -f 3; }

# Run all of them; false if one failed. Prints KTAP, with names GROUP.CLAIM; with several
# groups, all are run for each, and find which in $group.
# Usage: run_tests GROUP...
run_tests() {
	tests=$(sed -n 's/^t_\([A-Za-z0-9_]*\)() *{.*/\1/p' "$0")
	echo "KTAP version 1"
	echo "1..$(($(echo "$tests" | wc -l) * $#))"
	number=0
	failures=0
	for group; do
		for claim in $tests; do
			number=$((number + 1))
			if before_each && "t_$claim"; then
				echo "ok $number $group.$claim"
			else
				echo "not ok $number $group.$claim"
				failures=1
			fi
			after_each
		done
	done
	return $failures
}
