// SPDX-License-Identifier: GPL-2.0-only
#include <linux/namei.h>

struct dentry *probe(struct dentry *dir);

struct dentry *probe(struct dentry *dir)
{
#ifndef PROBE_COUNTER
	return lookup_one(NULL, &QSTR("name"), dir);
#else
	return lookup_one(NULL, "name", dir, 4);
#endif
}
