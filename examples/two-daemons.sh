#!/bin/sh
# SPDX-License-Identifier: MIT
# Keep two daemons running, with names alone: no pid, no pidfile.
#
#	two-daemons.sh [DIRECTORY]		(default /run/procfd)
#
# One that dies is started again; one that ends well, or by SIGTERM, was told to.
# `echo TERM >DIRECTORY/two-daemons` ends all of it. Those that still run when
# this starts, it takes over.
set -u
dir=${1:-/run/procfd}

keep() {
	name=$1
	shift
	while :; do
		procfd status "$name" >/dev/null ||
			procfd run --detach --name "$name" -- "$@" || return
		read -r how code <"$name"	# waits, and tells how it ended
		echo "${name##*/}: $how $code"
		case "$how $code" in
		'exited 0' | 'killed 15') return ;;
		esac
	done
}

procfd link --pid $$ "$dir/two-daemons" || exit
trap 'echo TERM >"$dir/web"; echo TERM >"$dir/clock"' TERM

keep "$dir/web" busybox httpd -f -p 8080 -h /tmp &
keep "$dir/clock" sh -c 'while :; do date >/tmp/clock; sleep 1 & wait; done' &
while :; do
	wait && break	# a signal ends one wait, the trap runs, and then the next
done
