#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A complaint in the kernel log that does not panic.
echo "<4>INFO: task init:1 blocked for more than 120 seconds." >/dev/kmsg
echo "KTAP version 1"
echo "1..1"
echo "ok 1 first"
