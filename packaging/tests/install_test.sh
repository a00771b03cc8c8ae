#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# After the first boot of a system that the packages are installed on.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=packaging/tests/helper_system.sh
. /run/tests/helper_system.sh

unit() { systemctl show -P "$1" "$2"; }

t_dkms_has_built_for_this_kernel() {
	says "$(dkms status)" "^procfd/[0-9.]+, $(uname -r), x86_64: installed"
}

t_modules_load_has_loaded_the_module() {
	is "$(unit Result systemd-modules-load.service)" success &&
		says "$(cat /proc/modules)" '^procfd ' &&
		says "$(modinfo -F filename procfd)" '/updates/dkms/procfd.ko'
}

t_everyone_may_open_the_device() {
	is "$(stat -c '%F %a %U:%G' /dev/procfd)" 'character special file 666 root:root'
}

# The module's own mode is the same, so let udev have another and come back.
t_the_mode_is_by_the_udev_rule() {
	rule=/etc/udev/rules.d/10-test.rules
	echo 'KERNEL=="procfd", MODE="0600"' >$rule &&
		udevadm control --reload && chmod 0640 /dev/procfd &&
		udevadm trigger --settle /dev/procfd &&
		is "$(stat -c %a /dev/procfd)" 666
	result=$?
	rm -f $rule
	return $result
}

t_names_are_mounted() {
	is "$(unit ActiveState run-procfd.mount)" active &&
		is "$(findmnt -n -o SOURCE,FSTYPE $names | xargs)" 'procfd procfdfs' &&
		says "$(findmnt -n -o OPTIONS $names)" nosuid,nodev,noexec &&
		is "$(stat -c '%a %U:%G' $names)" '755 root:root'
}

t_the_mount_is_before_tmpfiles() {
	says "$(unit Before run-procfd.mount)" systemd-tmpfiles-setup.service &&
		[ "$(unit ActiveEnterTimestampMonotonic run-procfd.mount)" -le \
			"$(unit ExecMainStartTimestampMonotonic systemd-tmpfiles-setup.service)" ]
}

t_tmpfiles_has_made_a_directory_in_it() {
	is "$(stat -c '%a %U:%G' $names/adm)" '2770 root:adm'
}

t_nothing_has_failed() {
	is "$(systemctl list-units --failed --plain --no-legend)" ''
}

t_each_command_says_its_version_and_has_a_page() {
	version=$(dpkg-query -W -f '${Version}' procfd)
	commands=$(dpkg -L procfd | sed -n 's|^/usr/bin/||p')
	[ -n "$commands" ] || return 1
	for command in $commands; do
		is "$($command --version)" "$command $version" || return 1
		[ -e "/usr/share/man/man1/$command.1.gz" ] || { echo "# no page of $command"; return 1; }
	done
}

# The names of processes are in the mount, so it must live through this.
t_an_upgrade_keeps_names() {
	procfd run --detach --name kept -- sleep 1000 &&
		dpkg -i /root/debs/procfd_*.deb >/root/upgrade.log 2>&1 &&
		procfd status --quiet kept &&
		is "$(unit ActiveState run-procfd.mount)" active &&
		procfd stop kept && procfd rm kept
}

run_tests install
