// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

void probe(struct inode *dir, struct dentry *dentry);

void probe(struct inode *dir, struct dentry *dentry)
{
#ifndef PROBE_COUNTER
	struct dentry *ret = dir->i_op->mkdir(NULL, dir, dentry, 0);

	dput(ret);
#else
	int ret = dir->i_op->mkdir(NULL, dir, dentry, 0);

	dentry->d_time = ret;
#endif
}
