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
unit() { systemctl show -P "$1" "$2"; }
main_pids() { echo "$(unit MainPID nginx) $(unit MainPID redis-server) $(unit MainPID strict)"; }
serves() { is "$(wget -qO - "http://127.0.0.1:8083/page")" first; }

# What the page calls strict: it cannot run without its name. systemd takes blanks
# around the "=", too.
cat >/etc/systemd/system/strict.service <<'END'
[Unit]
RequiresMountsFor=/run/procfd
[Service]
Type=exec
ExecStart = /usr/bin/procfd exec --name strict -- /usr/bin/sleep 1000
END

t_services_run_under_their_names() {
	systemctl daemon-reload && systemctl start nginx redis-server strict &&
		eventually procfd status --quiet strict &&
		procfd status --quiet nginx && procfd status --quiet redis && serves &&
		main_pids >/root/main-pids
}

t_purge_succeeds() {
	echo y | as_printed 'apt-get purge procfd procfd-dkms libprocfd1 libprocfd-dev' \
		>/root/purge.log 2>&1 || { sed 's/^/# /' /root/purge.log; false; }
}

t_services_run_on() {
	is "$(main_pids)" "$(cat /root/main-pids)" && serves && is "$(redis-cli ping)" PONG &&
		is "$(unit ActiveState strict)" active
}

t_the_purge_names_the_units_that_cannot_start_any_more() {
	says "$(cat /root/purge.log)" '^procfd: these units run on, but start no more' &&
		is "$(grep -c '^/etc/systemd/system/' /root/purge.log)" 1 &&
		says "$(cat /root/purge.log)" '^/etc/systemd/system/strict.service'
}

t_services_can_be_started_again() {
	for service in nginx redis-server; do
		systemctl stop $service && systemctl start $service &&
			is "$(unit ActiveState $service)" active || return
	done
	serves && is "$(redis-cli ping)" PONG
}

t_nothing_has_failed() {
	systemctl stop strict
	rm /etc/systemd/system/strict.service
	is "$(systemctl list-units --failed --plain --no-legend)" ''
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
			! -path '/etc/systemd/system/*.d/*' ! -path /etc/tmpfiles.d/procfd-users.conf)" ''
}

t_no_package_of_theirs_is_known() {
	is "$(dpkg -l '*procfd*' 2>/dev/null | grep -E '^[a-z][^n]')" ''
}

run_tests remove
