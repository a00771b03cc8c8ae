/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rooms of flink share: flink.c decides, relink.c makes a link, replace.c
 * replaces by one, durable.c flushes.
 *
 * Locks, outermost first:
 *
 *   inode_lock(directory)
 *     the source's procfd_busy	(only for filesystems that relink.c knows)
 *       inode_lock(source and victim), taken by vfs_link() and vfs_rename()
 *         inode->i_lock
 */
#ifndef PROCFD_FLINK_H
#define PROCFD_FLINK_H

#include <linux/fs.h>
#include <linux/path.h>
#include <linux/types.h>

#include "debug/hooks.h"
#include "flink_compat.h"

struct procfd_busy;
struct procfd_flink;

/**
 * struct procfd_link - one call
 * @file: the source, as the caller's descriptor has it
 * @inode: its inode
 * @dir: the directory that gets the entry
 * @name: the entry's name, one component
 * @flags: PROCFD_LINK_* flags
 */
struct procfd_link {
	struct file *file;
	struct inode *inode;
	struct path dir;
	const char *name;
	u32 flags;
};

/**
 * struct procfd_durable - what is flushed for one call with DURABLE
 * @dir: the directory
 * @whole_before: the whole filesystem before the link, for a source without a name
 * @whole_after: the whole filesystem after it
 */
struct procfd_durable {
	struct file *dir;
	bool whole_before;
	bool whole_after;
};

/* flink.c */
int procfd_flink(const struct procfd_flink *args);

/* relink.c */
struct procfd_busy *procfd_busy_lock(const struct procfd_link *link);
void procfd_busy_unlock(struct procfd_busy *busy);
int procfd_relink(const struct procfd_link *link, struct dentry *new_dentry,
		  struct delegated_inode *di, bool *was_linkable);
void procfd_relink_give_back(struct inode *inode);
void procfd_relink_give_back_not(struct inode *inode);

/* replace.c */
int procfd_replace(const struct procfd_link *link, struct dentry *target,
		   struct delegated_inode *di);

/* durable.c */
int procfd_durable_begin(const struct procfd_link *link,
			 struct procfd_durable *d);
int procfd_durable_end(const struct procfd_link *link,
		       const struct procfd_durable *d);
void procfd_durable_put(struct procfd_durable *d);

#endif /* PROCFD_FLINK_H */
