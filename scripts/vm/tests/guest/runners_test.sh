#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What runs the tests, broken in every way that somebody's machine may: it must fail,
# or skip and say why. There is no module procfd where this runs, but one of that name.
# helper_program is a GoogleTest program of the suite, helper_script.sh one in shell.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"

scratch=$(mktemp -d)
chmod 0755 "$scratch"
cp "$here/helper_tap.sh" "$scratch"
cleanup() { rm -rf "$scratch"; }

# gives STATUS PATTERN COMMAND...: what it exits with and prints
gives() {
	wanted=$1
	pattern=$2
	shift 2
	"$@" >"$scratch/out" 2>&1
	status=$?
	if [ $status != "$wanted" ] || ! grep -q -e "$pattern" "$scratch/out"; then
		echo "# status $status, not $wanted, or no '$pattern':"
		sed 's/^/# /' "$scratch/out"
		return 1
	fi
}
# A script of which the rest is given.
script() {
	{
		# shellcheck disable=SC2016	# for that script
		printf '#!/bin/sh\nset -u\n. "$(dirname -- "$0")/helper_tap.sh"\n'
		cat
	} >"$scratch/x_test.sh"
	chmod +x "$scratch/x_test.sh"
}
in_directory() {
	dir=$1
	shift
	(cd "$dir" && gives "$@")
}

t_a_program_without_the_module_is_skipped() {
	gives 4 '^1\.\.0 # SKIP no /dev/procfd' "$here/helper_program"
}

t_a_script_without_the_module_is_skipped() {
	gives 4 '^1\.\.0 # SKIP no /dev/procfd' "$here/helper_script.sh"
}

t_a_program_with_something_else_for_a_device_is_skipped() {
	mknod /dev/procfd c 1 3 || return
	gives 4 '^1\.\.0 # SKIP no /dev/procfd' "$here/helper_program" &&
		gives 4 '^1\.\.0 # SKIP no /dev/procfd' "$here/helper_script.sh"
	result=$?
	rm /dev/procfd
	return $result
}

t_a_program_without_root_is_skipped() {
	gives 4 '^1\.\.0 # SKIP needs root' su alice -c "$here/helper_program"
}

t_a_script_without_root_is_skipped() {
	gives 4 '^1\.\.0 # SKIP needs root' su alice -c "$here/helper_script.sh"
}

t_a_program_that_is_killed_half_way_fails() {
	# It has no plan either; the shell tells of a signal by 128 and more.
	gives 143 '' sh -c 'kill -TERM $$; exec "$1"' sh "$here/helper_program"
}

two_tests() {
	script <<-'END'
		cd /proc || exit 1
		t_one() { cd /; }
		t_two() { [ -e "$here/helper_tap.sh" ]; }
		run_tests x
	END
}

t_a_script_finds_itself_from_anywhere() {
	two_tests &&
		in_directory / 0 '^ok 2 x.two$' "$scratch/x_test.sh" &&
		in_directory "$scratch" 0 '^ok 2 x.two$' ./x_test.sh &&
		in_directory "$scratch" 0 '^ok 2 x.two$' sh x_test.sh &&
		in_directory /tmp 0 '^ok 2 x.two$' "./${scratch##*/}/x_test.sh"
}

t_a_script_without_tests_fails() {
	script <<-'END'
		run_tests x
	END
	gives 1 'no tests in' "$scratch/x_test.sh"
}

t_a_script_that_exits_half_way_fails() {
	script <<-'END'
		t_one() { :; }
		t_two() { exit 0; }
		run_tests x
	END
	gives 1 'ended half way' "$scratch/x_test.sh"
}

t_a_script_that_is_killed_half_way_fails_and_cleans_up() {
	script <<-'END'
		cleanup() { echo "# cleaned up"; }
		t_one() { kill -TERM $$; }
		run_tests x
	END
	gives 143 '^# cleaned up' "$scratch/x_test.sh"
}

t_a_script_may_skip_one_test_or_all() {
	script <<-'END'
		t_one() { skip the moon is full; }
		t_two() { :; }
		run_tests x
	END
	gives 0 '^ok 1 x.one # SKIP the moon is full$' "$scratch/x_test.sh" || return
	script <<-'END'
		t_one() { skip the moon is full; }
		run_tests x
	END
	gives 4 '^ok 1 x.one # SKIP the moon is full$' "$scratch/x_test.sh" || return
	script <<-'END'
		needs_program no_such_program
		t_one() { :; }
		run_tests x
	END
	gives 4 '^1\.\.0 # SKIP no program no_such_program$' "$scratch/x_test.sh"
}

t_a_script_with_a_failed_test_fails_whatever_else_is_skipped() {
	script <<-'END'
		t_one() { skip the moon is full; }
		t_two() { false; }
		run_tests x
	END
	gives 1 '^not ok 2 x.two$' "$scratch/x_test.sh"
}

run_tests runners
