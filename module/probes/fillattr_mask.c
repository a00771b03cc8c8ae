// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

void probe(struct inode *inode, struct kstat *stat);

void probe(struct inode *inode, struct kstat *stat)
{
#ifndef PROBE_COUNTER
	generic_fillattr(NULL, 0, inode, stat);
#else
	generic_fillattr(NULL, inode, stat);
#endif
}
