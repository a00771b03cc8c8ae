// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

int probe(struct mnt_idmap *idmap, struct dentry *dir);

int probe(struct mnt_idmap *idmap, struct dentry *dir)
{
	struct renamedata rd = {
		.mnt_idmap	= idmap,
		.old_parent	= dir,
		.new_parent	= dir,
	};

	return vfs_rename(&rd);
}
