/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * procfdfs, as the rest of the module has it: what main.c registers, what an open
 * device keeps, and all that flink knows of this filesystem.
 */
#ifndef PROCFD_FS_H
#define PROCFD_FS_H

#include <linux/types.h>

struct dentry;
struct inode;
struct vfsmount;

int procfd_fs_register(void);
void procfd_fs_unregister(void);

struct vfsmount *procfd_fs_pin(void);
void procfd_fs_unpin(void);

bool procfd_fs_is_descriptor(const struct inode *inode);
bool procfd_fs_is_dead(const struct inode *inode);
void procfd_fs_prepay(struct dentry *dentry, bool on);

#endif /* PROCFD_FS_H */
