# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests of documents and examples that start busybox's httpd.

# On a kernel without IP, such as the sanitizer kernels, it does not start: put into a
# directory a busybox whose httpd is a process that catches HUP and stays; and find it.
# Usage: stand_in_for_httpd DIR
stand_in_for_httpd() {
	[ ! -e /proc/net/tcp ] || return 0
	mkdir -p "$1" && mkfifo "$1/never" && cat >"$1/busybox" <<-END || return
		#!/bin/sh
		[ "\$1" = httpd ] || exec /bin/busybox "\$@"
		trap : HUP
		exec 3<>"$1/never"
		while :; do read -r _ <&3; done
	END
	chmod 0755 "$1" "$1/busybox"
	PATH=$1:$PATH
}
