#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The packages are removed while a process is held by its name. A boot of its own.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=packaging/tests/helper_system.sh
. /run/tests/helper_system.sh
keep_page

procfd run --detach --name held -- sleep 1000 || exit 1
exec 5<$names/held

t_purge_succeeds() {
	echo y | as_printed 'apt-get purge procfd procfd-dkms libprocfd1 libprocfd-dev' \
		>/root/purge.log 2>&1 5<&- || { sed 's/^/# /' /root/purge.log; false; }
}

t_it_says_what_stays() {
	says "$(cat /root/purge.log)" '^procfd-dkms: the module is in use and stays loaded' &&
		says "$(cat /root/purge.log)" '^procfd: /run/procfd is in use and stays mounted'
}

t_nothing_was_killed_and_the_name_still_works() {
	echo 0 >$names/held && echo TERM >$names/held && is "$(head -n 1 <&5)" 'killed 15'
}

t_the_files_are_gone() {
	[ ! -e /usr/bin/procfd ] && ! modinfo procfd 2>/dev/null
}

run_tests held
