# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests that are shell scripts, first of all. A function t_CLAIM is a test
# and fails if its last command does. Exit status of the script: 0 all passed, 1
# something failed, 4 all skipped.

# Where the test lies, before anything changes directory.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
self=$here/${0##*/}

# Scripts that want them say what is done around each test and at the end; a test
# whose before_each fails has failed.
before_each() { :; }
after_each() { :; }
cleanup() { :; }

# However the script ends, it cleans up, and is a success only if it came to its end.
finished=
# shellcheck disable=SC2154	# the trap gives it a value
trap 'status=$?
	cleanup
	if [ -z "$finished" ] && [ $status = 0 ]; then
		echo "# the test has ended half way"
		status=1
	fi
	exit $status' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

is() { [ "$1" = "$2" ] || { echo "# '$1', not '$2'"; false; }; }

# The children of a process, by their ids; not every kernel has its own list.
children_of() { grep -ls "^PPid:[[:blank:]]$1\$" /proc/[0-9]*/status | cut -d / -f 3; }

# Nothing of the script can run here: say why, and end it.
skip_all() {
	finished=yes
	echo "KTAP version 1"
	echo "1..0 # SKIP $*"
	exit 4
}
# A test calls this, with the reason, and returns.
skip() { reason=$*; }

needs_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }
needs_module() {
	if ! [ -c /dev/procfd ] || ! grep -q ' procfd$' /proc/misc; then
		skip_all "no /dev/procfd: load the module procfd"
	fi
}
needs_module_file() {
	PROCFD_MODULE=${PROCFD_MODULE:-$here/procfd.ko}
	[ -f "$PROCFD_MODULE" ] || skip_all "no module file $PROCFD_MODULE"
}
needs_program() {
	for program; do
		command -v "$program" >/dev/null || skip_all "no program $program"
	done
}

# Run all of them; false if one failed. Prints KTAP, with names GROUP.CLAIM; with several
# groups, all are run for each, and find which in $group.
# Usage: run_tests GROUP...
run_tests() {
	tests=$(sed -n 's/^t_\([A-Za-z0-9_]*\)() *{.*/\1/p' "$self")
	[ -n "$tests" ] || { echo "# no tests in $self"; return 1; }
	echo "KTAP version 1"
	echo "1..$(($(echo "$tests" | wc -l) * $#))"
	number=0
	skipped=0
	failures=0
	for group; do
		for claim in $tests; do
			number=$((number + 1))
			reason=
			if ! { before_each && "t_$claim"; }; then
				echo "not ok $number $group.$claim"
				failures=1
			elif [ -n "$reason" ]; then
				echo "ok $number $group.$claim # SKIP $reason"
				skipped=$((skipped + 1))
			else
				echo "ok $number $group.$claim"
			fi
			after_each
		done
	done
	finished=yes
	[ "$skipped" != "$number" ] || return 4
	return $failures
}
