#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The programs that libprocfd(3) prints do what it says of them.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_module

scratch=$(mktemp -d)
cleanup() { rm -rf "$scratch"; }
tar -xf "$here/helper_manual.tar" -C "$scratch" || exit 1
cd "$scratch" || exit 1

t_the_first_waits_for_its_child() {
	is "$(./1)" 'exited 0'
}

t_the_second_has_what_a_program_prints() {
	year=$(TZ=UTC date +%Y)
	printed=$(./2) || return
	# It was New Year meanwhile?
	[ "$printed" = "$year" ] || is "$printed" "$(TZ=UTC date +%Y)"
}

t_the_third_waits_for_two() {
	is "$(./3 | sort | xargs)" '1: exited 0 2: exited 0'
}

t_the_third_ends_by_a_signal_and_says_so() {
	# It takes signals from when it has both children on, who stay for as long as that takes.
	mkdir bin && printf '#!/bin/sh\nexec %s 1000\n' "$(command -v sleep)" >bin/sleep &&
		chmod +x bin/sleep || return
	(PATH=$scratch/bin:$PATH && exec ./3) &
	until [ "$(children_of $! | wc -l)" = 2 ]; do :; done
	sleeping=$(children_of $!)
	kill -TERM $!
	wait $!
	is $? 143
	result=$?
	# shellcheck disable=SC2086	# two
	kill $sleeping && return $result
}

run_tests manual
