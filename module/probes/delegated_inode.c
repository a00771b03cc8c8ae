// SPDX-License-Identifier: GPL-2.0-only
#include <linux/filelock.h>
#include <linux/fs.h>

int probe(struct delegated_inode *di);

int probe(struct delegated_inode *di)
{
	return vfs_link(NULL, NULL, NULL, NULL, di);
}
