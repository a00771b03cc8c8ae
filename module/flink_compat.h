/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rooms of flink alone need of the differences between kernels. HAVE_* come from
 * have.h, as in compat.h; wrappers are named after what the newest kernel has.
 */
#ifndef PROCFD_FLINK_COMPAT_H
#define PROCFD_FLINK_COMPAT_H

#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/namei.h>

#include "compat.h"

#ifdef HAVE_FILELOCK	/* 6.3; before that part of fs.h */
#include <linux/filelock.h>
#endif

/* 6.3 gave mounts a struct mnt_idmap in place of a user namespace. */
#ifndef HAVE_MNT_IDMAP
#define mnt_idmap(mnt)	mnt_user_ns(mnt)
#endif

/*
 * 6.19 put the inode whose delegation is to be broken into a struct of its own;
 * later ones may hold more than the inode there, so that only the kernel's own
 * break_deleg_wait() may end it.
 */
#ifdef HAVE_DELEGATED_INODE
#define procfd_delegated(di)	(di)
#else
struct delegated_inode {
	struct inode *di_inode;
};

#define procfd_delegated(di)	(&(di)->di_inode)

static inline bool is_delegated(struct delegated_inode *di)
{
	return di->di_inode;
}
#endif

static inline int procfd_break_deleg_wait(struct delegated_inode *di)
{
	return break_deleg_wait(procfd_delegated(di));
}

/* 6.19 put accessors before i_state. Those that change it need i_lock. */
#ifndef HAVE_INODE_STATE_SET
static inline unsigned long inode_state_read(struct inode *inode)
{
	return inode->i_state;
}

static inline void inode_state_set(struct inode *inode, unsigned long flags)
{
	inode->i_state |= flags;
}

static inline void inode_state_clear(struct inode *inode, unsigned long flags)
{
	inode->i_state &= ~flags;
}
#endif

static inline int procfd_vfs_link(struct dentry *old_dentry,
				  const struct path *dir,
				  struct dentry *new_dentry,
				  struct delegated_inode *di)
{
	return vfs_link(old_dentry, mnt_idmap(dir->mnt), d_inode(dir->dentry),
			new_dentry, procfd_delegated(di));
}

/* Without anywhere to say which delegation is in the way. */
static inline int procfd_vfs_unlink(const struct path *dir,
				    struct dentry *dentry)
{
	return vfs_unlink(mnt_idmap(dir->mnt), d_inode(dir->dentry), dentry,
			  NULL);
}

/*
 * Within one directory. 6.17 takes the directories as dentries and one idmap
 * for both.
 */
static inline int procfd_vfs_rename(const struct path *dir,
				    struct dentry *old_dentry,
				    struct dentry *new_dentry,
				    struct delegated_inode *di)
{
	struct renamedata rd = {
#if defined(HAVE_RENAMEDATA_PARENT)
		.mnt_idmap	= mnt_idmap(dir->mnt),
		.old_parent	= dir->dentry,
		.new_parent	= dir->dentry,
#elif defined(HAVE_MNT_IDMAP)
		.old_mnt_idmap	= mnt_idmap(dir->mnt),
		.new_mnt_idmap	= mnt_idmap(dir->mnt),
		.old_dir	= d_inode(dir->dentry),
		.new_dir	= d_inode(dir->dentry),
#else
		.old_mnt_userns	= mnt_idmap(dir->mnt),
		.new_mnt_userns	= mnt_idmap(dir->mnt),
		.old_dir	= d_inode(dir->dentry),
		.new_dir	= d_inode(dir->dentry),
#endif
		.old_dentry	= old_dentry,
		.new_dentry	= new_dentry,
		.delegated_inode = procfd_delegated(di),
	};

	return vfs_rename(&rd);
}

/* 6.16 takes the name as a qstr. */
static inline struct dentry *procfd_lookup_one(const struct path *dir,
					       const char *name)
{
#ifdef HAVE_LOOKUP_ONE_QSTR
	return lookup_one(mnt_idmap(dir->mnt), &QSTR(name), dir->dentry);
#else
	return lookup_one(mnt_idmap(dir->mnt), name, dir->dentry, strlen(name));
#endif
}

/*
 * Is a dentry still right for what is to be done with it? 6.14 tells the directory
 * and the name, since a dentry's own are not always stable.
 *
 * Return: 1, 0 if it has to be looked up anew, or an error.
 */
static inline int procfd_d_revalidate(const struct path *dir, const char *name,
				      struct dentry *dentry,
				      unsigned int intent)
{
#ifdef HAVE_D_REVALIDATE_NAME
	struct qstr qstr = QSTR_INIT(name, strlen(name));

	if (!(dentry->d_flags & DCACHE_OP_REVALIDATE))
		return 1;
	qstr.hash = full_name_hash(dir->dentry, name, qstr.len);
	return dentry->d_op->d_revalidate(d_inode(dir->dentry), &qstr, dentry,
					  intent);
#else
	if (!(dentry->d_flags & DCACHE_OP_REVALIDATE))
		return 1;
	return dentry->d_op->d_revalidate(dentry, intent);
#endif
}

#endif /* PROCFD_FLINK_COMPAT_H */
