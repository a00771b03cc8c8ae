// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mnt_idmapping.h>

struct mnt_idmap *probe(void);

struct mnt_idmap *probe(void)
{
	return &nop_mnt_idmap;
}
