#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Run the library's tests under valgrind; scripts/sanitize/userlib puts both here.
# A test is one that passes and leaves nothing to complain of. Prints KTAP.
set -u

# valgrind makes a plain fork of vfork: posix_spawn(3) cannot tell its errors then.
filter='-*cannot_be_executed*:*_in_its_directory*:*may_not*:*bad_descriptors*'
filter="$filter:*without_a_name*:*searches_path*:*session_and_process_group*"
# RLIMIT_NOFILE is its own, and so is signal 64; signals come late: after their
# timer is off and their handler gone.
filter="$filter:*without_a_descriptor_left*:*_on_after_a*signal"
filter="$filter:*signal_reaches_it_whatever_the_number"

export VALGRIND_LIB=/valgrind/lib
limit=$((100 * ${PROCFD_TIMEOUT_SCALE:-1}))
echo "KTAP version 1"
# shellcheck disable=SC2012	# names of ours
echo "1..$(ls /valgrind/bin | wc -l)"
number=0
status=0
for program in /valgrind/bin/*; do
	number=$((number + 1))
	log=/tmp/valgrind.log
	timeout "$limit" /valgrind/valgrind -q \
		--error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
		--sim-hints=lax-ioctls \
		--log-file=$log.%p "$program" --gtest_filter="$filter" >$log.out 2>&1
	rc=$?
	if [ $rc = 0 ] && ! cat $log.[0-9]* 2>/dev/null | grep -q '^==.*[^ =]'; then
		echo "ok $number ${program##*/}"
	else
		# busybox's timeout leaves the program its own end, by SIGTERM
		case $rc in
		124 | 143) echo "# not over after $limit seconds; the last test that ended:" ;;
		esac
		tail -n 1 $log.out | sed 's/^/# /'
		grep -E '^not ok|^#' $log.out | sed 's/^/# /' | head -n 40
		cat $log.[0-9]* 2>/dev/null | sed 's/^/# /' | head -n 60
		echo "not ok $number ${program##*/}"
		status=1
	fi
	rm -f $log.*
done
exit $status
