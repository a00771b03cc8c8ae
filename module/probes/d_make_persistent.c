// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/dcache.h>

void probe(struct dentry *dentry, struct inode *inode);

void probe(struct dentry *dentry, struct inode *inode)
{
#ifndef PROBE_COUNTER
	d_make_persistent(dentry, inode);
#else
	kill_litter_super(inode->i_sb);
#endif
}
