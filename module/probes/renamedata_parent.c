// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

int probe(struct dentry *dir);

int probe(struct dentry *dir)
{
	struct renamedata rd = {
#ifndef PROBE_COUNTER
		.mnt_idmap	= NULL,
		.old_parent	= dir,
		.new_parent	= dir,
#else
		.old_dir	= d_inode(dir),
		.new_dir	= d_inode(dir),
#endif
	};

	return vfs_rename(&rd);
}
