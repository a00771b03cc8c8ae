#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# A report as lockdep writes it.
while read -r line; do echo "$line" >/dev/kmsg; done <<'END'
=============================
WARNING: suspicious RCU usage
6.1.192-kasan #3 Tainted: G           O
-----------------------------
security/apparmor/include/lib.h:217 RCU-list traversed in non-reader section!!
stack backtrace:
Call Trace:
<TASK>
dump_stack_lvl+0x6f/0xa2
aa_replace_profiles+0x5da/0x159a
</TASK>
END
echo "KTAP version 1"
echo "1..1"
echo "ok 1 reported"
