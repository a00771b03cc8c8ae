#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A report as KCSAN writes it.
while read -r line; do echo "$line" >/dev/kmsg; done <<'END'
==================================================================
BUG: KCSAN: data-race in vfs_open / fput
write to 0xffff888003f9a0c8 of 4 bytes by task 91 on cpu 1:
vfs_open+0x31/0x60
do_sys_openat2+0x6f/0x90
==================================================================
==================================================================
BUG: KCSAN: data-race in d_revalidate / dont_mount
write to 0xffff88807e303138 of 4 bytes by task 92 on cpu 0:
dont_mount+0x2e/0x47
vfs_rename+0x721/0x8d3
flink_in_directory+0xacf/0xf80 [procfd]
==================================================================
END
echo "KTAP version 1"
echo "1..1"
echo "ok 1 reported"
