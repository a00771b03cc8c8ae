// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

#ifndef PROBE_COUNTER
int probe(struct delegated_inode *di);

int probe(struct delegated_inode *di)
{
	return vfs_link(NULL, NULL, NULL, NULL, di);
}
#else
int probe(struct inode **delegated);

int probe(struct inode **delegated)
{
	return vfs_link(NULL, NULL, NULL, NULL, delegated);
}
#endif
