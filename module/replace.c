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
 * Remove the hidden name again. Not by vfs_unlink(), which may refuse: an
 * append-only directory lets us make an entry and not remove it, a sticky one
 * likewise if the source is somebody else's, and neither must keep a name that
 * nobody has asked for. What it would ask was asked for the link, under the
 * same hold of the directory's lock. Whoever has found the name meanwhile, as
 * inotify tells it, finds it gone, and what he has mounted on it goes with it.
 */
static void remove_hidden(const struct procfd_link *link, struct dentry *hidden,
			  bool was_linkable)
{
	struct inode *dir = d_inode(link->dir.dentry);
	struct inode *inode = d_inode(hidden);
	int ret;

	inode_lock(inode);
	ret = dir->i_op->unlink(dir, hidden);
	if (!ret)
		dont_mount(hidden);
	if (!ret && was_linkable)
		procfd_relink_give_back(inode);
	inode_unlock(inode);

	if (ret) {
		pr_warn_ratelimited("cannot remove %pd again: %d\n", hidden,
				    ret);
		return;
	}
	if (d_mountpoint(hidden))
		d_invalidate(hidden);
	if (hidden->d_flags & DCACHE_NFSFS_RENAMED)
		return;
	fsnotify_link_count(inode);
	d_delete_notify(dir, hidden);
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
 * Return: 0, or what rename(2) would say, and then nothing is left of the hidden
 * name.
 */
int procfd_replace(const struct procfd_link *link, struct dentry *target,
		   struct delegated_inode *di)
{
	struct inode *dir = d_inode(link->dir.dentry);
	struct dentry *hidden;
	bool was_linkable;
	int ret;

	/*
	 * vfs_rename() will find these too. Known before, they cost no hidden
	 * name.
	 */
	if (d_is_dir(target))
		return -EISDIR;
	if (!dir->i_op->rename || !dir->i_op->unlink)
		return -EPERM;

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
