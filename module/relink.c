// SPDX-License-Identifier: GPL-2.0-only
/*
 * A link for a file that has no name left.
 *
 * vfs_link() refuses such a file unless its inode has I_LINKABLE, which O_TMPFILE
 * sets. To a file that was unlinked the flag is lent, on filesystems that are
 * known to bear it, and by one caller at a time of each inode.
 */
#include <linux/hashtable.h>
#include <linux/magic.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "flink.h"
#include "../uapi/procfd.h"

/*
 * Filesystems whose ->link makes one name out of none. Every filesystem must be
 * able to do that for O_TMPFILE, but not every one can for a file that was
 * unlinked: it has to undo all that its unlink began. These are proven by the
 * tests, each with its own checker; no other is tried.
 *
 * btrfs is here only so that a failed replacement can give an O_TMPFILE file
 * back as it was. It defers the removal of the last name's back reference, and
 * a link made before that has happened loses its own to it: `btrfs check` then
 * reports errors, and removing the name makes the filesystem read-only. Forcing
 * a commit first does not help, since the caller could link and unlink again
 * between that and our link.
 */
static const struct lendable {
	const char *name;
	unsigned long magic;
	bool tmpfile_only;
	bool no_tmpfile;
} lendable[] = {
	{ "btrfs",	BTRFS_SUPER_MAGIC,	.tmpfile_only = true },
	{ "ext4",	EXT4_SUPER_MAGIC },
	{ PROCFD_FS_TYPE, PROCFD_FS_MAGIC,	.no_tmpfile = true },
	{ "ramfs",	RAMFS_MAGIC },
	{ "tmpfs",	TMPFS_MAGIC },
	{ "xfs",	XFS_SUPER_MAGIC },
};

/* The name may be anything: the magic number has to agree. */
static const struct lendable *lendable_of(const struct super_block *sb)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lendable); i++) {
		if (lendable[i].magic == sb->s_magic &&
		    !strcmp(lendable[i].name, sb->s_type->name))
			return &lendable[i];
	}
	return NULL;
}

/*
 * A lock for each inode that is being flinked, for as long as it is: its
 * procfd_busy.
 *
 * Not a few locks that inodes share by hash. Whoever holds one waits for
 * inode_lock(), which whoever writes to the file can hold for as long as they
 * like, by a page fault that their own FUSE server answers. The next one waits
 * with a directory locked, and only a flink of the same file may have to, into a
 * directory that its caller may change: as linkat(2) does.
 */

/**
 * struct procfd_busy - the lock of one inode
 * @node: in busy_inodes
 * @inode: whose it is; everyone who uses the lock holds a reference on that
 * @users: who holds @lock or waits for it, under busy_inodes_lock
 * @lock: the lock
 */
struct procfd_busy {
	struct hlist_node node;
	const struct inode *inode;
	unsigned int users;
	struct mutex lock;	/* around vfs_link() */
};

static DEFINE_HASHTABLE(busy_inodes, 10);
static DEFINE_SPINLOCK(busy_inodes_lock);

static struct procfd_busy *busy_get(const struct inode *inode)
{
	struct procfd_busy *fresh, *busy;

	fresh = kmalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	fresh->inode = inode;
	fresh->users = 1;
	mutex_init(&fresh->lock);

	procfd_race_sleep(busy_made);
	spin_lock(&busy_inodes_lock);
	hash_for_each_possible(busy_inodes, busy, node, (unsigned long)inode) {
		if (busy->inode == inode) {
			busy->users++;
			break;
		}
	}
	if (!busy)
		hash_add(busy_inodes, &fresh->node, (unsigned long)inode);
	spin_unlock(&busy_inodes_lock);

	if (!busy)
		return fresh;
	mutex_destroy(&fresh->lock);
	kfree(fresh);
	return busy;
}

static void busy_put(struct procfd_busy *busy)
{
	bool last;

	spin_lock(&busy_inodes_lock);
	last = --busy->users == 0;
	if (last)
		hash_del(&busy->node);
	spin_unlock(&busy_inodes_lock);

	if (last) {
		mutex_destroy(&busy->lock);
		kfree(busy);
	}
}

/**
 * procfd_busy_lock - wait until nobody flinks the source of a link
 * @link: the call; the directory may be locked, the source is not
 *
 * Not for every filesystem: one that is stacked on another calls vfs_link()
 * again inside its ->link, and takes the lock of a directory there. Whoever
 * flinks in that directory holds it and waits for the source.
 *
 * Context: Process context, may sleep.
 * Return: what to unlock, NULL if nothing; ERR_PTR(-ENOMEM), ERR_PTR(-EINTR) for
 * a fatal signal.
 */
struct procfd_busy *procfd_busy_lock(const struct procfd_link *link)
{
	struct procfd_busy *busy;
	int ret;

	if (!lendable_of(link->inode->i_sb))
		return NULL;
	busy = busy_get(link->inode);
	if (!busy)
		return ERR_PTR(-ENOMEM);
	ret = mutex_lock_killable(&busy->lock);
	if (ret) {
		busy_put(busy);
		return ERR_PTR(ret);
	}
	return busy;
}

/**
 * procfd_busy_unlock - let the next one flink
 * @busy: of procfd_busy_lock(), or NULL
 */
void procfd_busy_unlock(struct procfd_busy *busy)
{
	if (!busy)
		return;
	/*
	 * It stays until the unlock has returned, since we are still a user:
	 *
	 *   here				the next one
	 *   mutex_unlock() begins
	 *					has it, links, unlocks it
	 *					users = 1: leaves it
	 *   mutex_unlock() ends
	 *   users = 0: free it
	 */
	mutex_unlock(&busy->lock);
	procfd_race_sleep(busy_unlocked);
	busy_put(busy);
}

/*
 * Was it opened O_TMPFILE? One that was and cannot be linked was opened with
 * O_EXCL too, which asks for exactly that; or its first name is gone again, but
 * nothing is left that tells the two apart.
 *
 * Opened again through /proc, the flag is gone. The dentry is the same one, of
 * which d_mark_tmpfile() made "#" and the inode's number; it is never hashed
 * and hence never renamed. A file that somebody called so and unlinked is taken
 * for one of them.
 */
static bool was_tmpfile(const struct procfd_link *link)
{
	struct dentry *dentry = link->file->f_path.dentry;
	char name[24];
	int len;
	bool ret;

	if (link->file->f_flags & __O_TMPFILE)
		return true;
	len = snprintf(name, sizeof(name), "#%llu",
		       (unsigned long long)link->inode->i_ino);
	spin_lock(&dentry->d_lock);
	ret = d_unhashed(dentry) && dentry->d_name.len == len &&
	      !memcmp(dentry->d_name.name, name, len);
	spin_unlock(&dentry->d_lock);
	return ret;
}

/* Could a file that has no name be given one by lending it I_LINKABLE? */
static int may_lend(const struct procfd_link *link)
{
	const struct lendable *fs;

	fs = lendable_of(link->inode->i_sb);
	if (fs && fs->no_tmpfile)
		return 0;
	if (was_tmpfile(link))
		return -EPERM;
	if (!fs || fs->tmpfile_only)
		return -EOPNOTSUPP;
	if (!d_inode(link->dir.dentry)->i_op->tmpfile)
		return -EOPNOTSUPP;
	return 0;
}

/*
 * vfs_link() refuses an inode without a name unless it has I_LINKABLE, which
 * O_TMPFILE sets and the first link clears. Lend it to one that was unlinked.
 * It is looked at under inode_lock(), which vfs_link() takes for itself, so it
 * has to be set before, under i_lock alone. What can happen meanwhile:
 *
 * - Another flink of the same inode. Both would find it clear, and
 *
 *     A: sets it        B: finds it set, takes the file for O_TMPFILE
 *     A: fails, clears  B: vfs_link(): ENOENT
 *
 *   or A's failure clears it while B is inside ->link, where inc_nlink() warns;
 *   or B's failure to replace leaves it set for good, see procfd_relink_give_back(). The
 *   procfd_busy keeps B out until A has given it back, so that what is found set
 *   here is O_TMPFILE's own.
 * - linkat(2) by somebody who has the file open too. It succeeds if it finds
 *   the flag, and takes it. We then make a second name, or fail and clear what
 *   is clear already. This is the window in which a file without a name can be
 *   linked without us: with fs.protected_hardlinks on by those who could have
 *   asked us to, with it off by whoever has it open.
 * - Such a linkat(2) and an unlink(2) after it: ENOENT for us, rightly so.
 * - linkat(2) of an O_TMPFILE file between the two looks: its flag is gone, and
 *   it has a name. The count was raised before the flag was taken under i_lock.
 *
 * @was_linkable: set to whether it is the file's own
 * Return: 1 if lent, 0 if there is no need, or an error.
 */
static int lend_linkable(const struct procfd_link *link, bool *was_linkable)
{
	struct inode *inode = link->inode;
	int ret = 0;

	*was_linkable = false;
	if (READ_ONCE(inode->i_nlink))
		return 0;
	procfd_race_sleep(relink_before_look);
	spin_lock(&inode->i_lock);
	*was_linkable = inode_state_read(inode) & I_LINKABLE;
	spin_unlock(&inode->i_lock);
	if (*was_linkable || READ_ONCE(inode->i_nlink))
		return 0;

	ret = may_lend(link);
	if (ret)
		return ret;
	procfd_race_sleep(relink_before_lend);
	spin_lock(&inode->i_lock);
	inode_state_set(inode, I_LINKABLE);
	spin_unlock(&inode->i_lock);
	return 1;
}

/*
 * Under the inode's lock, as if it were the end of a link of our own:
 *
 *   here, after vfs_link() failed early	linkat(2), inside vfs_link()
 *						inode_lock()
 *						I_LINKABLE is set: go on
 *   inode_lock() waits
 *						->link: inc_nlink() wants the flag
 *						inode_unlock()
 *   clear it
 */
static void clear_linkable(struct inode *inode)
{
	inode_lock(inode);
	spin_lock(&inode->i_lock);
	inode_state_clear(inode, I_LINKABLE);
	spin_unlock(&inode->i_lock);
	inode_unlock(inode);
}

/**
 * procfd_relink - vfs_link() for a source with a name or without
 * @link: the call; its directory is locked
 * @new_dentry: what becomes a name, negative
 * @di: out: what has a delegation to be broken, if that is why it failed
 * @was_linkable: out: whether I_LINKABLE was set without us
 *
 * The last name may go between the look and the link: what had a name when we
 * looked is then looked at again.
 *
 * Return: 0, or what vfs_link() says; -EPERM or -EOPNOTSUPP for a source without
 * a name that cannot be taken back.
 */
int procfd_relink(const struct procfd_link *link, struct dentry *new_dentry,
		  struct delegated_inode *di, bool *was_linkable)
{
	bool had_name;
	int lent, ret;

	do {
		had_name = READ_ONCE(link->inode->i_nlink);
		lent = lend_linkable(link, was_linkable);
		if (lent < 0)
			return lent;
		procfd_race_sleep(relink_before_link);
		ret = procfd_vfs_link(link->file->f_path.dentry, &link->dir,
				      new_dentry, di);
		procfd_race_sleep(relink_before_take_back);
		/* Else vfs_link() has; and who writes to it now lets us go on. */
		if (lent && ret)
			clear_linkable(link->inode);
	} while (ret == -ENOENT && had_name &&
		 !READ_ONCE(link->inode->i_nlink) &&
		 !fatal_signal_pending(current));
	return ret;
}

/**
 * procfd_relink_give_back - let a file be linked for the first time once more
 * @inode: an O_TMPFILE file whose first and only name is about to go again
 *
 * It has lost its I_LINKABLE to that name, and a second attempt would fail. It
 * gets it back before the name goes, and only if it has no other, all under its
 * lock. btrfs could not bear the flag if the last name were one that had been
 * there for longer, and this way it cannot be:
 *
 *   here				others
 *   inode_lock()
 *   one name: set it
 *   inode_unlock()
 *					linkat(2): a second name;
 *					vfs_link() clears it
 *   vfs_unlink(hidden)
 *					unlink(2) of the second name: none
 *					left, and not linkable
 *
 * Nobody but us can remove the name, whose directory is locked. To have the flag
 * and a name means nothing to anyone.
 */
void procfd_relink_give_back(struct inode *inode)
{
	if (!lendable_of(inode->i_sb))
		return;
	inode_lock(inode);
	if (inode->i_nlink == 1) {
		spin_lock(&inode->i_lock);
		inode_state_set(inode, I_LINKABLE);
		spin_unlock(&inode->i_lock);
	}
	inode_unlock(inode);
}

/**
 * procfd_relink_give_back_not - undo procfd_relink_give_back()
 * @inode: a file whose name could not be taken away
 *
 * Else it would have the flag still when that name goes, long after.
 */
void procfd_relink_give_back_not(struct inode *inode)
{
	clear_linkable(inode);
}
