// SPDX-License-Identifier: GPL-2.0-only
#include <linux/pid.h>

#ifndef PROBE_COUNTER
u64 probe(const struct pid *pid);

u64 probe(const struct pid *pid)
{
	return pid->ino;
}
#else
/*
 * The members of a struct without a name are those of the outer one: no two may
 * have the same name.
 */
struct probe {
	u64 ino;
	struct pid;
};
#endif
