#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's own nginx and redis with the drop-ins of packaging/examples, which are
# installed before the boot; so the boot has started both under their names.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=packaging/tests/helper_system.sh
. /run/tests/helper_system.sh

unit() { systemctl show -P "$1" "$2"; }
pid_of() { procfd info --json "$1" | tr -d ' \n' | sed -nE 's/.*"pid":([0-9]+).*/\1/p'; }
redis() { setpriv --reuid redis --regid redis --init-groups "$@"; }

t_nginx_was_started_at_boot_and_its_name_is_its_main_process() {
	is "$(unit ActiveState nginx)" active &&
		is "$(pid_of nginx)" "$(unit MainPID nginx)" &&
		is "$(tr '\0' ' ' <"/proc/$(unit MainPID nginx)/comm")" nginx &&
		is "$(stat -c '%a %U:%G' $names/nginx)" '660 root:adm'
}

t_nginx_serves() {
	echo first >/var/www/html/page &&
		is "$(wget -qO - http://127.0.0.1/page)" first
}

new_port() {
	sed -i "s/listen [0-9]* default_server/listen $1 default_server/" \
		/etc/nginx/sites-enabled/default
}
serves_at() { is "$(wget -qO - "http://127.0.0.1:$1/page")" first; }

t_a_word_to_its_name_reloads_nginx() {
	before=$(unit MainPID nginx)
	new_port 8081 &&
		as_printed 'echo HUP >/run/procfd/nginx' &&
		eventually serves_at 8081 && is "$(unit MainPID nginx)" "$before"
}

t_systemctl_reload_does_what_it_always_did() {
	new_port 8082 &&
		as_printed 'systemctl reload nginx' && eventually serves_at 8082
}

t_the_group_of_the_name_may_reload_and_others_may_not() {
	new_port 8083 &&
		! setpriv --reuid nobody --regid nogroup --clear-groups \
			sh -c "echo HUP >$names/nginx" 2>/dev/null &&
		setpriv --reuid nobody --regid adm --clear-groups \
			sh -c "echo HUP >$names/nginx" &&
		eventually serves_at 8083
}

t_a_second_start_under_the_name_is_refused() {
	procfd run --name nginx -- true 2>/dev/null
	is $? 125
}

t_stopped_through_its_name_it_ends_and_the_name_says_how() {
	as_printed 'procfd stop nginx' &&
		says "$(as_printed 'head -n 1 /run/procfd/nginx')" '^exited 0$' &&
		eventually is_inactive nginx && is "$(unit Result nginx)" success
}
is_inactive() { is "$(unit ActiveState "$1")" inactive; }

t_started_again_it_has_the_name_again() {
	systemctl start nginx && procfd status --quiet nginx &&
		is "$(pid_of nginx)" "$(unit MainPID nginx)" && eventually serves_at 8083
}

t_stopped_by_systemctl_it_ends_and_the_name_says_how() {
	systemctl stop nginx && is "$(head -n 1 $names/nginx)" 'exited 0' &&
		is "$(unit Result nginx)" success
}

t_redis_is_ready_in_its_sandbox_which_hides_the_device() {
	is "$(unit Type redis-server)" notify && is "$(unit ActiveState redis-server)" active &&
		is "$(unit PrivateDevices redis-server)" yes &&
		is "$(unit ProtectSystem redis-server)" strict &&
		[ -e "/proc/$(unit MainPID redis-server)/root/dev/null" ] &&
		[ ! -e "/proc/$(unit MainPID redis-server)/root/dev/procfd" ] &&
		is "$(redis-cli ping)" PONG
}

t_the_name_of_redis_is_its_own() {
	is "$(stat -c '%a %U:%G' $names/redis)" '660 redis:adm' &&
		is "$(pid_of $names/redis)" "$(unit MainPID redis-server)"
}

t_redis_stopped_through_its_name_is_restarted_by_systemd() {
	before=$(unit MainPID redis-server)
	exec 5<$names/redis
	redis sh -c "echo TERM >$names/redis" &&
		is "$(head -n 1 <&5)" 'exited 0' &&
		eventually replaced "$before" &&
		eventually redis-cli ping &&
		is "$(pid_of $names/redis)" "$(unit MainPID redis-server)" &&
		is "$(unit NRestarts redis-server)" 1
	result=$?
	exec 5<&-
	return $result
}
replaced() {
	[ "$(unit ActiveState redis-server)" = active ] &&
		[ "$(unit MainPID redis-server)" != "$1" ] && procfd status --quiet $names/redis
}

t_redis_stopped_by_systemctl_ends_and_the_name_says_how() {
	systemctl stop redis-server && is "$(head -n 1 $names/redis)" 'exited 0' &&
		is "$(unit Result redis-server)" success
}

t_the_drop_ins_are_installed_as_printed() {
	rm -r /etc/systemd/system/nginx.service.d /etc/systemd/system/redis-server.service.d \
		$names/nginx $names/redis
	as_printed 'cp -r /usr/share/doc/procfd/examples/systemd/nginx.service.d /etc/systemd/system/' &&
		as_printed 'cp -r /usr/share/doc/procfd/examples/systemd/redis-server.service.d /etc/systemd/system/' &&
		as_printed 'systemctl daemon-reload' &&
		as_printed 'systemctl restart nginx redis-server' &&
		they_have_their_names
}
they_have_their_names() {
	is "$(pid_of nginx)" "$(unit MainPID nginx)" &&
		is "$(pid_of redis)" "$(unit MainPID redis-server)"
}

t_a_remount_takes_the_names_and_leaves_the_services() {
	before="$(unit MainPID nginx) $(unit MainPID redis-server)"
	as_printed 'systemctl restart run-procfd.mount' &&
		is "$(unit MainPID nginx) $(unit MainPID redis-server)" "$before" &&
		serves_at 8083 && is "$(redis-cli ping)" PONG &&
		is "$(ls $names)" '' &&
		systemctl restart nginx redis-server && they_have_their_names
}

# As with a new kernel that dkms has built nothing for.
t_without_a_mount_they_start_without_names() {
	systemctl stop run-procfd.mount && systemctl mask --runtime run-procfd.mount 2>/dev/null &&
		systemctl restart nginx redis-server && serves_at 8083 &&
		is "$(redis-cli ping)" PONG && is "$(ls $names)" ''
	result=$?
	systemctl unmask --runtime run-procfd.mount 2>/dev/null
	systemctl start run-procfd.mount && systemctl restart nginx redis-server &&
		they_have_their_names && return $result
}

# What the page says about sandboxes, one by one.
# Usage: sandboxed PROPERTY=VALUE... -- COMMAND	as a service; systemd-run would
# want a bus.
sandboxed() {
	{
		printf '[Service]\nType=oneshot\nStandardOutput=truncate:/root/said\n'
		printf 'StandardError=truncate:/root/complaint\n'
		while [ "$1" != -- ]; do
			echo "$1"
			shift
		done
		shift
		printf 'ExecStart=%s\n' "$*"
	} >/run/systemd/system/sandboxed.service
	rm -f /root/said /root/complaint
	systemctl daemon-reload && systemctl start sandboxed 2>/dev/null
	code=$?
	cat /root/said
	return $code
}

t_private_devices_hides_the_device() {
	! sandboxed PrivateDevices=yes -- procfd exec --name $names/sandboxed -- true &&
		says "$(cat /root/complaint)" /dev/procfd && [ ! -e $names/sandboxed ]
}

t_private_devices_leaves_the_use_of_names() {
	procfd run --detach --name used -- sleep 1000 &&
		sandboxed PrivateDevices=yes -- sh -c "'echo TERM >$names/used'" &&
		is "$(sandboxed PrivateDevices=yes -- head -n 1 $names/used)" 'killed 15' &&
		procfd rm used
}

t_bind_paths_and_device_allow_give_it_back() {
	sandboxed PrivateDevices=yes BindPaths=/dev/procfd DeviceAllow='/dev/procfd rw' -- \
		procfd exec --name $names/sandboxed -- true &&
		is "$(head -n 1 $names/sandboxed)" 'exited 0' && procfd rm sandboxed
}

t_bind_paths_alone_is_not_enough() {
	! sandboxed PrivateDevices=yes BindPaths=/dev/procfd -- \
		procfd exec --name $names/sandboxed -- true &&
		says "$(cat /root/complaint)" /dev/procfd && [ ! -e $names/sandboxed ]
}

t_protect_system_strict_lets_a_service_watch_and_not_signal() {
	procfd run --detach --name watched -- sleep 1000 &&
		! sandboxed ProtectSystem=strict -- sh -c "'echo TERM >$names/watched'" &&
		says "$(cat /root/complaint)" 'Read-only file system' &&
		sandboxed ProtectSystem=strict ReadWritePaths=$names -- \
			sh -c "'echo TERM >$names/watched'" &&
		is "$(sandboxed ProtectSystem=strict -- head -n 1 $names/watched)" 'killed 15' &&
		procfd rm watched
}

run_tests units
