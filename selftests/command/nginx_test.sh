#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Debian's nginx, run, reloaded and stopped through its name, by who may. It listens
# on a UNIX socket, since not every kernel that runs this has IP.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_root
needs_module
needs_program procfd nginx

scratch=$(mktemp -d)
chmod 0755 "$scratch"
mkdir -p /run/procfd /var/log/nginx /var/lib/nginx
mount -t procfdfs procfd /run/procfd || exit 1
cleanup() {
	cd / || return
	umount /run/procfd
	rm -rf "$scratch" /var/log/nginx /var/lib/nginx
}
name=/run/procfd/nginx
mkdir "$scratch/python"
tar -xf "$here/helper_python.tar" -C "$scratch/python" || exit 1

configure() {	# what it answers
	cat >"$scratch/nginx.conf" <<-END_OF_CONFIG
		user nobody nogroup;
		worker_processes 1;
		error_log $scratch/error.log;
		pid $scratch/pid;
		events { }
		http {
			access_log off;
			server {
				listen unix:$scratch/socket;
				location / { return 200 "$1"; }
			}
		}
	END_OF_CONFIG
}
page() {
	PYTHONHOME=$scratch/python PYTHONPATH=$scratch/python timeout 120 \
		/usr/bin/python3 -S - "$scratch/socket" 2>/dev/null <<-'END'
			import socket
			import sys
			with socket.socket(socket.AF_UNIX) as connection:
			    connection.connect(sys.argv[1])
			    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
			    answer = connection.makefile("rb").read()
			print(answer.partition(b"\r\n\r\n")[2].decode())
		END
}
# A command that reloads, and the end of the old worker, which till then may answer.
reload_by() {
	master=$(cat "$scratch/pid")
	worker=$(children_of "$master")
	procfd link --pid "$worker" worker && "$@" && procfd wait worker
	result=$?
	procfd rm worker && return $result
}
# Every turn makes a process and a connection, so it is no spin.
until_page_is() {
	i=0
	until [ "$(page)" = "$1" ]; do
		i=$((i + 1))
		[ "$i" -lt 1000 ] || { echo "# '$(page)', not '$1'"; return 1; }
	done
}
run() {
	procfd run --detach --name nginx --mode 0660 --owner root:ops -- \
		nginx -c "$scratch/nginx.conf" -g 'daemon off;'
}

t_it_is_started_under_a_name_and_serves() {
	configure one
	run && until_page_is one && procfd status --quiet nginx
}

t_a_second_start_is_refused_and_changes_nothing() {
	run 2>/dev/null
	is $? 125 && is "$(page)" one
}

t_who_may_write_the_name_reloads_it() {
	inode=$(stat -c %i "$name")
	configure two
	reload_by su alice -c "echo HUP >$name" && until_page_is two &&
		is "$(stat -c %i "$name")" "$inode" && procfd status --quiet nginx
}

t_who_may_not_does_not() {
	configure three
	! su nobody -s /bin/sh -c "echo HUP >$name" 2>/dev/null && is "$(page)" two
}

t_it_is_stopped_through_its_name_and_tells_how_it_ended() {
	echo QUIT >"$name" && read -r how code <"$name" && is "$how $code" 'exited 0' &&
		is "$(page)" ''
}

t_it_is_started_again_in_the_place_of_the_dead_one() {
	run && until_page_is three && procfd stop nginx &&
		is "$(head -n 1 "$name")" 'exited 0'
}

run_tests nginx
