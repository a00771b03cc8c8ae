#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The packages go, and nothing of theirs stays. The last test of a boot.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=packaging/tests/helper_system.sh
. /run/tests/helper_system.sh
keep_page
dpkg -L procfd procfd-dkms libprocfd1 libprocfd-dev | sort -u |
	while read -r path; do [ -d "$path" ] || echo "$path"; done >/root/files

loaded() { grep -q '^procfd ' /proc/modules; }

t_purge_succeeds() {
	echo y | as_printed 'apt-get purge procfd procfd-dkms libprocfd1 libprocfd-dev' \
		>/root/purge.log 2>&1 || { sed 's/^/# /' /root/purge.log; false; }
}

t_the_names_are_unmounted() {
	! grep ' procfdfs ' /proc/mounts && [ ! -e $names ]
}

t_the_module_is_unloaded_and_gone() {
	! loaded && ! modinfo procfd 2>/dev/null && is "$(dkms status)" ''
}

t_no_file_of_theirs_is_left() {
	[ "$(wc -l </root/files)" -gt 50 ] || return 1
	left=$(while read -r path; do
		if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi
	done </root/files)
	is "$left" '' &&
		is "$(find / -xdev -name '*procfd*' ! -path '/root/*' ! -path '/var/log/*' \
			! -path '/etc/systemd/system/*.d/*' ! -path /etc/tmpfiles.d/procfd-redis.conf)" ''
}

t_no_package_of_theirs_is_known() {
	is "$(dpkg -l '*procfd*' 2>/dev/null | grep -E '^[a-z][^n]')" ''
}

run_tests remove
