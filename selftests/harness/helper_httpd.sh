# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests of documents and examples that start httpd.

# On a kernel without IP, such as the sanitizer kernels, there is no httpd: put into a
# directory what stands for it as a process, that catches HUP and stays; and find it.
# Usage: stand_in_for_httpd DIR
stand_in_for_httpd() {
	[ ! -e /proc/net/tcp ] || return 0
	mkdir -p "$1" && mkfifo "$1/never" && cat >"$1/httpd" <<-END || return
		#!/bin/sh
		trap : HUP
		exec 3<>"$1/never"
		while :; do read -r _ <&3; done
	END
	chmod 0755 "$1" "$1/httpd"
	PATH=$1:$PATH
}
