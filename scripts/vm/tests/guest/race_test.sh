#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A report as KCSAN writes it.
while read -r line; do echo "$line" >/dev/kmsg; done <<'END'
==================================================================
BUG: KCSAN: data-race in descriptor_open [procfd] / descriptor_release [procfd]
write to 0xffff888003f9a0c8 of 4 bytes by task 91 on cpu 1:
descriptor_open+0x31/0x60 [procfd]
do_sys_openat2+0x6f/0x90
==================================================================
END
echo "KTAP version 1"
echo "1..1"
echo "ok 1 reported"
