// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

int probe(struct inode *dir, struct dentry *dentry);

int probe(struct inode *dir, struct dentry *dentry)
{
#ifndef PROBE_COUNTER
	return dir->i_op->create(NULL, dir, dentry, 0, true);
#else
	return dir->i_op->create(NULL, dir, dentry, 0);
#endif
}
