// SPDX-License-Identifier: GPL-2.0-only
/*
 * frename: a name is replaced by a link.
 */
#include <linux/fsnotify.h>
#include <linux/random.h>
#include <linux/ratelimit.h>

#include "flink.h"
#include "fs.h"

/* How often a fresh hidden name may turn out to be taken. */
#define HIDDEN_TRIES	16

/*
 * May the directory lose this one? From may_delete() in fs/namei.c, which older
 * kernels do not export; may_change_directory() has asked the rest of it.
 */
static int may_remove(const struct procfd_link *link, struct inode *inode)
{
	struct vfsmount *mnt = link->dir.mnt;
	struct inode *dir = d_inode(link->dir.dentry);

	if (!vfsuid_valid(i_uid_into_vfsuid(mnt_idmap(mnt), inode)) ||
	    !vfsgid_valid(i_gid_into_vfsgid(mnt_idmap(mnt), inode)))
		return -EOVERFLOW;
	if (IS_APPEND(dir) || IS_APPEND(inode) || IS_IMMUTABLE(inode) ||
	    IS_SWAPFILE(inode))
		return -EPERM;
	if (dir->i_mode & S_ISVTX &&
	    __check_sticky(mnt_idmap(mnt), dir, inode))
		return -EPERM;
	return 0;
}

/*
 * What vfs_rename() will find, in its order. It would find that too late: by then
 * the hidden name was there, and the directory and the source have new times
 * although nothing was done.
 *
 * Not known before is what only vfs_rename() itself can tell: that something is
 * mounted on the name in the caller's namespace, a lease, what a security module
 * says of the two inodes, and what the filesystem answers.
 */
static int may_replace(const struct procfd_link *link, struct dentry *target)
{
	struct inode *dir = d_inode(link->dir.dentry);
	int ret;

	ret = may_remove(link, link->inode);
	if (!ret)
		ret = may_remove(link, d_inode(target));
	if (ret)
		return ret;
	if (d_is_dir(target))
		return -EISDIR;
	/* Deleted, and NFS keeps it until the last one closes it. */
	if (target->d_flags & DCACHE_NFSFS_RENAMED)
		return -EBUSY;
	if (!dir->i_op->rename || !dir->i_op->unlink)
		return -EPERM;
	return 0;
}

/*
 * Remove the hidden name where vfs_unlink() refuses, although it was not asked
 * for by anybody: the source has a new owner or became append-only since we
 * looked, a security module lets names be made and not removed, somebody has
 * found the name, as inotify tells it, and mounted something there. What is
 * mounted goes with the name.
 */
static int unlink_anyway(struct inode *dir, struct dentry *hidden)
{
	struct inode *inode = d_inode(hidden);
	int ret;

	inode_lock(inode);
	ret = dir->i_op->unlink(dir, hidden);
	if (!ret)
		dont_mount(hidden);
	inode_unlock(inode);
	if (ret)
		return ret;

	if (d_mountpoint(hidden))
		d_invalidate(hidden);
	if (hidden->d_flags & DCACHE_NFSFS_RENAMED)
		return 0;
	fsnotify_link_count(inode);
	d_delete_notify(dir, hidden);
	return 0;
}

/*
 * Remove the hidden name again, so that nothing is left of it. Its directory has
 * been locked since it was made. vfs_unlink() waits for no delegation, since it
 * has nowhere to say whose: then it refuses.
 *
 * Locks: the directory's is held, the source's is taken and dropped inside, as by
 * unlink(2).
 */
static void remove_hidden(const struct procfd_link *link, struct dentry *hidden,
			  bool was_linkable)
{
	struct inode *dir = d_inode(link->dir.dentry);
	int ret;

	if (was_linkable)
		procfd_relink_give_back(d_inode(hidden));
	ret = procfd_vfs_unlink(&link->dir, hidden);
	if (ret)
		ret = unlink_anyway(dir, hidden);
	if (!ret)
		return;
	if (was_linkable)
		procfd_relink_give_back_not(d_inode(hidden));
	pr_warn_ratelimited("cannot remove %pd again: %d\n", hidden, ret);
}

/*
 * Short: some filesystems have names of 14 bytes. By hand: snprintf() would be a
 * fifteenth of the whole call.
 */
static struct dentry *lookup_hidden(const struct procfd_link *link)
{
	char name[sizeof(".flink01234567")] = ".flink";
	u32 random = get_random_u32();
	size_t i;

	for (i = strlen(name); i < sizeof(name) - 1; i++, random >>= 4)
		name[i] = "0123456789abcdef"[random & 0xf];
	return procfd_lookup_one(&link->dir, name);
}

/*
 * Some filesystems leave the dentry of a new link negative or unhashed, and
 * want it looked up from the server.
 */
static struct dentry *lookup_linked(const struct procfd_link *link,
				    struct dentry *hidden)
{
	struct dentry *again;

	if (d_is_positive(hidden) && !d_unhashed(hidden))
		return hidden;
	again = procfd_lookup_one(&link->dir, hidden->d_name.name);
	dput(hidden);
	if (!IS_ERR(again) && d_is_negative(again)) {
		dput(again);
		again = ERR_PTR(-EIO);
	}
	return again;
}

/* A new name for the source that nobody looks for. */
static struct dentry *link_hidden(const struct procfd_link *link,
				  struct delegated_inode *di,
				  bool *was_linkable)
{
	struct dentry *hidden;
	int tries, ret = -EEXIST;

	for (tries = 0; ret == -EEXIST && tries < HIDDEN_TRIES; tries++) {
		hidden = lookup_hidden(link);
		if (IS_ERR(hidden))
			return hidden;
		if (d_is_negative(hidden)) {
			procfd_fs_prepay(hidden, true);
			ret = procfd_relink(link, hidden, di, was_linkable);
			procfd_fs_prepay(hidden, false);
		}
		if (!ret)
			return lookup_linked(link, hidden);
		dput(hidden);
	}
	return ERR_PTR(ret);
}

/**
 * procfd_replace - replace a name by one of the source
 * @link: the call; its directory is locked
 * @target: the name that is replaced, positive
 * @di: out: what has a delegation to be broken, if that is why it failed
 *
 * There is no call that makes a link and replaces with it, so: link to a hidden
 * name and rename that over the target. Under one hold of the directory's lock,
 * so no listing of the directory shows the hidden name and no lookup misses the
 * target. inotify and audit see the three events.
 *
 * Both names are in the same directory, whose lock is all that vfs_rename()
 * then wants; lock_rename(), which newer kernels keep to themselves, is not
 * needed.
 *
 * Return: 0, or what rename(2) would say. What may_replace() refuses has changed
 * nothing at all; where it fails later, the names are as they were.
 */
int procfd_replace(const struct procfd_link *link, struct dentry *target,
		   struct delegated_inode *di)
{
	struct dentry *hidden;
	bool was_linkable;
	int ret;

	ret = may_replace(link, target);
	if (ret)
		return ret;

	hidden = link_hidden(link, di, &was_linkable);
	if (IS_ERR(hidden))
		return PTR_ERR(hidden);

	procfd_race_sleep(replace_hidden);
	/*
	 * d_move() makes @hidden the target's name; @target is left unhashed.
	 * Nothing happens if both are names of one file, as a server may say now
	 * that said otherwise when the target was looked up.
	 */
	ret = procfd_vfs_rename(&link->dir, hidden, target, di);
	if (ret || d_inode(hidden) == d_inode(target))
		remove_hidden(link, hidden, was_linkable);
	dput(hidden);
	return ret;
}
