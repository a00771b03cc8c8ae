#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What Documentation/install.md has a newcomer do.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2154	# read by a command of the page
set -u
# shellcheck source=packaging/tests/helper_system.sh
. /run/tests/helper_system.sh

t_a_program_is_run_under_a_name() {
	as_printed 'procfd run --detach --name demo -- sleep 1000' &&
		says "$(as_printed 'ls -l /run/procfd/demo')" '^prw------- 1 root root 0 ' &&
		as_printed 'procfd status demo'
}

t_a_second_one_is_refused() {
	complaint=$(procfd run --detach --name demo -- sleep 1000 2>&1)
	is $? 125 && says "$complaint" /run/procfd/demo
}

t_a_signal_is_a_word_written_to_the_name() {
	as_printed 'echo TERM >/run/procfd/demo'
}

t_reading_the_name_waits_for_the_end() {
	as_printed 'read -r how code </run/procfd/demo' && is "$how $code" 'killed 15'
}

t_the_status_stays_and_says_dead() {
	procfd status --quiet demo
	is $? 1
}

t_rm_removes_the_name() {
	as_printed 'procfd rm demo' && [ ! -e $names/demo ]
}

t_a_user_is_given_a_directory_and_makes_names_in_it() {
	! su alice -c 'procfd run --detach --name mine -- sleep 1000' 2>/dev/null &&
		[ ! -e $names/mine ] &&
		as_printed 'install -d -o alice -m 0700 /run/procfd/alice' &&
		as_printed "su alice -c 'procfd run --detach --name /run/procfd/alice/job -- sleep 1000'" &&
		is "$(stat -c '%U %a' $names/alice/job)" 'alice 600' &&
		as_printed "su alice -c 'PROCFD_DIR=/run/procfd/alice procfd stop job'" &&
		is "$(head -n 1 $names/alice/job)" 'killed 15' &&
		rm -r $names/alice
}

t_a_directory_for_a_group_comes_from_tmpfiles() {
	rm -r /etc/tmpfiles.d/procfd-users.conf $names/adm &&
		as_printed 'cp /usr/share/doc/procfd/examples/systemd/tmpfiles.d/procfd-users.conf /etc/tmpfiles.d/' &&
		as_printed 'systemd-tmpfiles --create procfd-users.conf' &&
		is "$(stat -c '%a %U:%G' $names/adm)" '2770 root:adm' &&
		su alice -c "procfd run --detach --owner :adm --mode 0660 --name $names/adm/job -- sleep 1000" &&
		setpriv --reuid nobody --regid adm --clear-groups \
			sh -c "echo TERM >$names/adm/job" &&
		is "$(head -n 1 $names/adm/job)" 'killed 15' && rm $names/adm/job
}

t_an_ordinary_user_names_in_a_directory_of_its_own() {
	install -d -o www-data -m 0700 $names/user &&
		setpriv --reuid www-data --regid www-data --clear-groups \
			procfd run --detach --name $names/user/mine -- sleep 1000 &&
		is "$(stat -c '%U:%G %a' $names/user/mine)" 'www-data:www-data 600' &&
		! setpriv --reuid nobody --regid nogroup --clear-groups \
			sh -c "echo TERM >$names/user/mine" 2>/dev/null &&
		echo KILL >$names/user/mine && is "$(head -n 1 $names/user/mine)" 'killed 9' &&
		rm -r $names/user
}

# Built in this root, with what libprocfd-dev has, before it was booted.
t_a_program_built_with_pkg_config_runs() { /root/consumer/with_pkg_config; }

t_programs_built_with_cmake_run() {
	/root/consumer/build/with_procfd && /root/consumer/build/with_procfd_static
}

t_they_use_the_packaged_library() {
	for program in /root/consumer/with_pkg_config /root/consumer/build/with_procfd; do
		says "$(ldd $program)" 'libprocfd.so.1 => /(usr/)?lib/x86_64-linux-gnu/libprocfd.so.1' ||
			return 1
	done
	! ldd /root/consumer/build/with_procfd_static | grep libprocfd
}

t_the_library_forks_names_signals_and_waits() {
	is "$(/root/consumer/lifecycle $names/cxx)" 'killed 15' && [ ! -e $names/cxx ]
}

t_frename_replaces_a_file() {
	echo old >/root/file && echo new | frename /root/file && is "$(cat /root/file)" new
}

run_tests newcomer
