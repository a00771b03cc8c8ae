// SPDX-License-Identifier: GPL-2.0-only
/*
 * flink and frename: a name for what a descriptor refers to.
 *
 * Two system calls that do not exist are composed here from what the VFS offers
 * to modules, vfs_link() and vfs_rename(). What linkat(2) and rename(2) check
 * before they come to these is not exported and is restated: whose file may be
 * linked in may_link_source(), what the security modules must be asked in
 * may_name(), the order of the answers in link_or_replace(). Everything else
 * (permissions of the directory, sticky bits, immutable and append-only files,
 * limits, quota) is decided inside vfs_link() and vfs_rename().
 *
 * Two things are new. A file whose last name is gone may be given another, see
 * lend_linkable(); and a name may be replaced by a link, see replace().
 *
 * Locks, outermost first:
 *
 *   inode_lock(directory)
 *     the source's procfd_busy	(only for filesystems in lendable[], and ours)
 *       inode_lock(source and victim), taken by vfs_link() and vfs_rename()
 *         inode->i_lock
 *
 * Not audited: the source's own path record, which linkat(2) makes by
 * audit_inode(). The directory's records are made inside vfs_*().
 */
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/fsnotify.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/random.h>
#include <linux/ratelimit.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "procfd.h"
#include "flink_compat.h"

#define REPLACES	(PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD)
#define KNOWN_FLAGS	(REPLACES | PROCFD_LINK_DURABLE)

/* How often a fresh hidden name may turn out to be taken. */
#define HIDDEN_TRIES	16

/**
 * struct flink - one call
 * @file: the source, as the caller's descriptor has it
 * @inode: its inode
 * @dir: the directory that gets the entry
 * @name: the entry's name, one component
 * @flags: PROCFD_LINK_* flags
 */
struct flink {
	struct file *file;
	struct inode *inode;
	struct path dir;
	const char *name;
	u32 flags;
};

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
} lendable[] = {
	{ "btrfs",	BTRFS_SUPER_MAGIC,	true },
	{ "ext4",	EXT4_SUPER_MAGIC },
	{ "ramfs",	RAMFS_MAGIC },
	{ "tmpfs",	TMPFS_MAGIC },
	{ "xfs",	XFS_SUPER_MAGIC },
};

static bool is_process(const struct flink *f)
{
	return procfd_fs_is_descriptor_inode(f->inode);
}

/* Of no mount that the user knows, and part of no tree: it never had a path. */
static bool is_nowhere(const struct flink *f)
{
	return is_process(f) && IS_ROOT(f->file->f_path.dentry);
}

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
 * Not for every filesystem: one that is stacked on another calls vfs_link()
 * again inside its ->link, and takes the lock of a directory there. Whoever
 * flinks in that directory holds it and waits for the source.
 */
static bool needs_busy(const struct flink *f)
{
	return is_process(f) || lendable_of(f->inode->i_sb);
}

/* Return: NULL if there is nothing to lock. */
static struct procfd_busy *lock_busy(const struct flink *f)
{
	return needs_busy(f) ? procfd_busy_lock(f->inode) : NULL;
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
static bool was_tmpfile(const struct flink *f)
{
	struct dentry *dentry = f->file->f_path.dentry;
	char name[24];
	int len;
	bool ret;

	if (f->file->f_flags & __O_TMPFILE)
		return true;
	len = snprintf(name, sizeof(name), "#%llu",
		       (unsigned long long)f->inode->i_ino);
	spin_lock(&dentry->d_lock);
	ret = d_unhashed(dentry) && dentry->d_name.len == len &&
	      !memcmp(dentry->d_name.name, name, len);
	spin_unlock(&dentry->d_lock);
	return ret;
}

/* Could a file that has no name be given one by lending it I_LINKABLE? */
static int may_lend(const struct flink *f)
{
	const struct lendable *fs;

	if (is_process(f))
		return 0;
	if (was_tmpfile(f))
		return -EPERM;
	fs = lendable_of(f->inode->i_sb);
	if (!fs || fs->tmpfile_only)
		return -EOPNOTSUPP;
	if (!d_inode(f->dir.dentry)->i_op->tmpfile)
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
 *   or B's failure to replace leaves it set for good, see remove_hidden(). The
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
static int lend_linkable(const struct flink *f, bool *was_linkable)
{
	struct inode *inode = f->inode;
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

	ret = may_lend(f);
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
static void take_back_linkable(const struct flink *f)
{
	inode_lock(f->inode);
	spin_lock(&f->inode->i_lock);
	inode_state_clear(f->inode, I_LINKABLE);
	spin_unlock(&f->inode->i_lock);
	inode_unlock(f->inode);
}

/*
 * vfs_link() for a source with a name or without. The last name may go between
 * the look and the link: what had a name when we looked is then looked at again.
 */
static int make_link(const struct flink *f, struct dentry *new_dentry,
		     struct delegated_inode *di, bool *was_linkable)
{
	bool had_name;
	int lent, ret;

	do {
		had_name = READ_ONCE(f->inode->i_nlink);
		lent = lend_linkable(f, was_linkable);
		if (lent < 0)
			return lent;
		procfd_race_sleep(relink_before_link);
		ret = procfd_vfs_link(f->file->f_path.dentry, &f->dir,
				      new_dentry, di);
		procfd_race_sleep(relink_before_take_back);
		/* Else vfs_link() has; and who writes to it now lets us go on. */
		if (lent && ret)
			take_back_linkable(f);
	} while (ret == -ENOENT && had_name && !READ_ONCE(f->inode->i_nlink) &&
		 !fatal_signal_pending(current));
	return ret;
}

/*
 * Remove the hidden name again. Not by vfs_unlink(), which may refuse: an
 * append-only directory lets us make an entry and not remove it, a sticky one
 * likewise if the source is somebody else's, and neither must keep a name that
 * nobody has asked for. What it would ask was asked for the link, under the
 * same hold of the directory's lock. Whoever has found the name meanwhile, as
 * inotify tells it, finds it gone, and what he has mounted on it goes with it.
 *
 * An O_TMPFILE file has lost its I_LINKABLE to the link and gets it back, or a
 * second attempt would fail. Only if this was its last name, and all under its
 * lock: btrfs could not bear it if the last name were one that had been there
 * for longer.
 */
static void remove_hidden(const struct flink *f, struct dentry *hidden,
			  bool was_linkable)
{
	struct inode *dir = d_inode(f->dir.dentry);
	struct inode *inode = d_inode(hidden);
	int ret;

	inode_lock(inode);
	ret = dir->i_op->unlink(dir, hidden);
	if (!ret)
		dont_mount(hidden);
	if (!ret && was_linkable && !inode->i_nlink &&
	    lendable_of(inode->i_sb)) {
		spin_lock(&inode->i_lock);
		inode_state_set(inode, I_LINKABLE);
		spin_unlock(&inode->i_lock);
	}
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
static struct dentry *lookup_hidden(const struct flink *f)
{
	char name[sizeof(".flink01234567")] = ".flink";
	u32 random = get_random_u32();
	size_t i;

	for (i = strlen(name); i < sizeof(name) - 1; i++, random >>= 4)
		name[i] = "0123456789abcdef"[random & 0xf];
	return procfd_lookup_one(&f->dir, name);
}

/*
 * Some filesystems leave the dentry of a new link negative or unhashed, and
 * want it looked up from the server.
 */
static struct dentry *lookup_linked(const struct flink *f,
				    struct dentry *hidden)
{
	struct dentry *again;

	if (d_is_positive(hidden) && !d_unhashed(hidden))
		return hidden;
	again = procfd_lookup_one(&f->dir, hidden->d_name.name);
	dput(hidden);
	if (!IS_ERR(again) && d_is_negative(again)) {
		dput(again);
		again = ERR_PTR(-EIO);
	}
	return again;
}

/* A new name for the source that nobody looks for. */
static struct dentry *link_hidden(const struct flink *f,
				  struct delegated_inode *di,
				  bool *was_linkable)
{
	struct dentry *hidden;
	int tries, ret = -EEXIST;

	for (tries = 0; ret == -EEXIST && tries < HIDDEN_TRIES; tries++) {
		hidden = lookup_hidden(f);
		if (IS_ERR(hidden))
			return hidden;
		if (d_is_negative(hidden))
			ret = make_link(f, hidden, di, was_linkable);
		if (!ret)
			return lookup_linked(f, hidden);
		dput(hidden);
	}
	return ERR_PTR(ret);
}

/*
 * There is no call that makes a link and replaces with it, so: link to a hidden
 * name and rename that over the target. Under one hold of the directory's lock,
 * so no listing of the directory shows the hidden name and no lookup misses the
 * target. inotify and audit see the three events.
 *
 * Both names are in the same directory, whose lock is all that vfs_rename()
 * then wants; lock_rename(), which newer kernels keep to themselves, is not
 * needed.
 */
static int replace(const struct flink *f, struct dentry *target,
		   struct delegated_inode *di)
{
	struct inode *dir = d_inode(f->dir.dentry);
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

	if (is_process(f))
		procfd_fs_replacing(f->inode, true);
	hidden = link_hidden(f, di, &was_linkable);
	if (is_process(f))
		procfd_fs_replacing(f->inode, false);
	if (IS_ERR(hidden))
		return PTR_ERR(hidden);

	procfd_race_sleep(replace_hidden);
	/*
	 * d_move() makes @hidden the target's name; @target is left unhashed.
	 * Nothing happens if both are names of one file, as a server may say now
	 * that said otherwise when the target was looked up.
	 */
	ret = procfd_vfs_rename(&f->dir, hidden, target, di);
	if (ret || d_inode(hidden) == d_inode(target))
		remove_hidden(f, hidden, was_linkable);
	dput(hidden);
	return ret;
}

/*
 * The source rule: what linkat(2) lets through with fs.protected_hardlinks on,
 * be it on or not. From may_linkat() and safe_hardlink_source() in fs/namei.c,
 * which are not exported. Like linkat() on /proc/self/fd/N, and unlike
 * AT_EMPTY_PATH, this asks for no capability and does not care who opened it.
 */
static int may_link_source(const struct flink *f)
{
	struct vfsmount *mnt = f->dir.mnt;
	struct inode *inode = f->inode;
	umode_t mode = inode->i_mode;

	/* vfs_link() says so too, but not before a directory was lent a flag. */
	if (S_ISDIR(mode))
		return -EPERM;
	/* Writing back an inode whose owner is not known would change it. */
	if (!vfsuid_valid(i_uid_into_vfsuid(mnt_idmap(mnt), inode)) ||
	    !vfsgid_valid(i_gid_into_vfsgid(mnt_idmap(mnt), inode)))
		return -EOVERFLOW;
	if (inode_owner_or_capable(mnt_idmap(mnt), inode))
		return 0;
	/* Not the owner: nothing that could be dangerous to keep. */
	if (!S_ISREG(mode) || mode & S_ISUID ||
	    (mode & (S_ISGID | 0010)) == (S_ISGID | 0010) ||
	    inode_permission(mnt_idmap(mnt), inode, MAY_READ | MAY_WRITE))
		return -EPERM;
	return 0;
}

/*
 * The target rule, as far as it is not inside vfs_link() and vfs_rename(): what
 * security modules that go by path say. They hook security_path_link(), which
 * is not exported, so:
 *
 * - A source that has a name is judged as if that were moved. Landlock has its
 *   rule against giving a file more rights than it had where it was only here
 *   and in path_link. This is stricter than a link: it also wants the right to
 *   remove the old name.
 * - A source that has none is judged as if it were created, and what it
 *   replaces as if it were removed. If its last name was in another directory,
 *   it is judged as if it were moved from there as well: else unlinking a file
 *   first would be the way around the rule.
 * - A process descriptor was never anywhere: it is created. Its dentry is not
 *   part of any tree and must not be shown to those who walk up.
 */
static int may_name(const struct flink *f, struct dentry *new_dentry)
{
	struct dentry *old_dentry = f->file->f_path.dentry;
	bool was_nowhere = is_nowhere(f);
	struct path old_dir;
	int ret = 0;

	old_dir.mnt = f->file->f_path.mnt;
	old_dir.dentry = dget_parent(old_dentry);

	if (was_nowhere || !READ_ONCE(f->inode->i_nlink)) {
		ret = security_path_mknod(&f->dir, new_dentry,
					  f->inode->i_mode,
					  new_encode_dev(f->inode->i_rdev));
		if (!ret && d_is_positive(new_dentry))
			ret = security_path_unlink(&f->dir, new_dentry);
		if (was_nowhere || old_dir.dentry == f->dir.dentry)
			goto out;
	}
	if (!ret)
		ret = security_path_rename(&old_dir, old_dentry, &f->dir,
					   new_dentry, 0);
out:
	dput(old_dir.dentry);
	return ret;
}

/*
 * May the caller change the directory? vfs_link() asks the same, and for us that
 * is too late. Whoever writes to a file of his own keeps its lock for as long as
 * he likes, see busy.c, and would keep a directory's that is not his to change:
 *
 *   writing to the file		flink of it into /etc
 *   inode_lock(file)
 *   wait for a page
 *					inode_lock(/etc)
 *					lend I_LINKABLE
 *					vfs_link(): EACCES
 *					take it back: inode_lock(file)
 *
 * or waiting for a procfd_busy whose holder waits so. The answer stands while the
 * directory is locked, which chmod(2) needs too.
 */
static int may_change_directory(const struct flink *f)
{
	struct inode *dir = d_inode(f->dir.dentry);

	if (!fsuidgid_has_mapping(dir->i_sb, mnt_idmap(f->dir.mnt)))
		return -EOVERFLOW;
	return inode_permission(mnt_idmap(f->dir.mnt), dir,
				MAY_WRITE | MAY_EXEC);
}

/* Under the directory's lock, so a name that is dead now stays the one there. */
static bool names_the_dead(const struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);

	return procfd_fs_is_descriptor_inode(inode) &&
	       procfd_process_over(procfd_i(inode)->process);
}

/*
 * The caller's name, with the intent of linkat(2) or rename(2): some filesystems
 * believe what they have cached of a server, but not when it is to be changed.
 */
static struct dentry *lookup_name(const struct flink *f)
{
	unsigned int intent = f->flags & REPLACES ?
			      LOOKUP_RENAME_TARGET :
			      LOOKUP_CREATE | LOOKUP_EXCL;
	struct dentry *dentry = procfd_lookup_one(&f->dir, f->name);
	int ret;

	if (IS_ERR(dentry))
		return dentry;
	ret = procfd_d_revalidate(&f->dir, f->name, dentry, intent);
	if (ret > 0)
		return dentry;
	if (!ret)
		d_invalidate(dentry);
	dput(dentry);
	/* Once: this one is fresh, and a server may change its mind for ever. */
	return ret ? ERR_PTR(ret) : procfd_lookup_one(&f->dir, f->name);
}

/*
 * In the order in which linkat(2) would find out, and with PROCFD_LINK_REPLACE
 * rename(2).
 */
static int link_or_replace(const struct flink *f, int want_write,
			   int same_place, struct delegated_inode *di)
{
	struct procfd_busy *busy;
	struct dentry *dentry;
	bool was_linkable;
	int ret;

	dentry = lookup_name(f);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);

	if (d_is_positive(dentry)) {
		ret = -EEXIST;
		if (!(f->flags & REPLACES))
			goto out;
		if (f->flags & PROCFD_LINK_REPLACE_DEAD &&
		    !names_the_dead(dentry))
			goto out;
		/* As rename(2): two names of one file, nothing to do. */
		ret = 0;
		if (d_inode(dentry) == f->inode)
			goto out;
	}
	ret = want_write;
	if (ret)
		goto out;
	ret = same_place;
	if (ret)
		goto out;
	ret = may_link_source(f);
	if (ret)
		goto out;
	ret = may_name(f, dentry);
	if (ret)
		goto out;
	ret = may_change_directory(f);
	if (ret)
		goto out;

	procfd_race_sleep(flink_before_busy);
	busy = lock_busy(f);
	ret = PTR_ERR_OR_ZERO(busy);
	if (ret)
		goto out;
	if (d_is_positive(dentry))
		ret = replace(f, dentry, di);
	else
		ret = make_link(f, dentry, di, &was_linkable);
	procfd_busy_unlock(busy);
out:
	dput(dentry);
	return ret;
}

/*
 * linkat(2) wants one mount, since one may allow what another does not: a process
 * that was opened by its name on a read-only mount must not get a name on one
 * that is writable. For one that never had a path, one filesystem is enough.
 */
static int check_same_place(const struct flink *f)
{
	if (is_nowhere(f) ? f->inode->i_sb == f->dir.dentry->d_sb :
			    f->file->f_path.mnt == f->dir.mnt)
		return 0;
	return -EXDEV;
}

static int flink_in_directory(const struct flink *f)
{
	struct inode *dir = d_inode(f->dir.dentry);
	bool replaces = f->flags & REPLACES;
	bool is_dot = !strcmp(f->name, ".") || !strcmp(f->name, "..");
	struct delegated_inode di = {};
	int same_place = check_same_place(f);
	int want_write, ret;

	/* These come first in rename(2), and after the lookup in linkat(2). */
	if (replaces && same_place)
		return same_place;
	if (is_dot)
		return replaces ? -EBUSY : -EEXIST;

	/*
	 * Against an unmount:
	 *
	 *   here				umount(2)
	 *   @f->dir holds the mount
	 *					EBUSY; or with -l the mount leaves
	 *					its place
	 *   the name is made
	 *   path_put(), in procfd_flink():
	 *   now the mount may go, and with
	 *   procfdfs' last one all names
	 */
	do {
		want_write = mnt_want_write(f->dir.mnt);
		if (replaces && want_write)
			return want_write;

		procfd_race_sleep(flink_before_lock);
		inode_lock_nested(dir, I_MUTEX_PARENT);
		ret = link_or_replace(f, want_write, same_place, &di);
		inode_unlock(dir);

		if (!want_write)
			mnt_drop_write(f->dir.mnt);
		/*
		 * A lease or delegation has to be given back first. What was
		 * made so far is undone, and all is decided anew.
		 */
		if (!is_delegated(&di))
			return ret;
		ret = procfd_break_deleg_wait(&di);
	} while (!ret);
	return ret;
}

/* Open what will be flushed at the end: better to fail now than then. */
static struct file *open_directory(const struct path *dir)
{
	struct file *file;

	file = dentry_open(dir, O_RDONLY | O_DIRECTORY, current_cred());
	if (!IS_ERR(file) && !file->f_op->fsync) {
		fput(file);
		file = ERR_PTR(-EINVAL);
	}
	return file;
}

/*
 * btrfs does not put a file without a name into its log, so that fsync(2) on
 * one writes its data and nothing that would find it after a power cut. If
 * something else then logged the new name, an empty file would come back.
 */
static int flush_source(const struct flink *f)
{
	const struct lendable *fs = lendable_of(f->inode->i_sb);
	struct super_block *sb = f->inode->i_sb;
	int ret;

	ret = vfs_fsync(f->file, 0);
	if (!ret && fs && fs->tmpfile_only && !READ_ONCE(f->inode->i_nlink)) {
		down_read(&sb->s_umount);
		ret = sync_filesystem(sb);
		up_read(&sb->s_umount);
	}
	return ret;
}

/*
 * The content before the name, the name before we return: at no moment is there
 * anything but the old file or the whole new one.
 */
static int flink_durably(const struct flink *f)
{
	struct file *dir;
	int ret;

	if (f->file->f_mode & FMODE_PATH)
		return -EBADF;	/* as fsync(2) */
	/* In memory only, or with content that is not in this filesystem. */
	if (!S_ISREG(f->inode->i_mode))
		return -EINVAL;

	dir = open_directory(&f->dir);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	ret = flush_source(f);
	if (!ret)
		ret = flink_in_directory(f);
	if (!ret)
		ret = vfs_fsync(dir, 0);
	fput(dir);
	return ret;
}

static int get_directory(int fd, struct path *dir)
{
	struct file *file;

	if (fd == AT_FDCWD) {
		get_fs_pwd(current->fs, dir);
		return 0;
	}
	file = fget_raw(fd);
	if (!file)
		return -EBADF;
	if (!d_can_lookup(file->f_path.dentry)) {
		fput(file);
		return -ENOTDIR;
	}
	*dir = file->f_path;
	path_get(dir);
	fput(file);
	return 0;
}

/* One component, as long as any filesystem may have one. */
static char *get_name(u64 user)
{
	char *name = kmalloc(NAME_MAX + 2, GFP_KERNEL);
	long len;

	if (!name)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(name, u64_to_user_ptr(user), NAME_MAX + 2);
	if (!len)
		len = -ENOENT;
	else if (len > NAME_MAX)
		len = -ENAMETOOLONG;
	else if (len > 0 && strchr(name, '/'))
		len = -EINVAL;
	if (len < 0) {
		kfree(name);
		return ERR_PTR(len);
	}
	return name;
}

/**
 * procfd_flink - give what a descriptor refers to a name
 * @args: argument of PROCFD_IOC_FLINK, in kernel memory but not checked
 *
 * Without flags, answers what linkat(2) would for /proc/self/fd/@args->fd; with
 * PROCFD_LINK_REPLACE, what rename(2) onto the name would. Beyond these:
 *
 * EBADF, DURABLE with a descriptor opened O_PATH. EINVAL, flags unknown or not
 * for each other, @args->reserved set, a name of several components,
 * REPLACE_DEAD without a process descriptor, DURABLE with what is no regular
 * file. EOPNOTSUPP, the file has no name left and its filesystem is not known
 * to take it back. EPERM, it was opened O_TMPFILE and is not to be linked.
 *
 * Context: Process context, may sleep; no locks held.
 * Return: 0 or a negative errno.
 */
int procfd_flink(const struct procfd_flink *args)
{
	struct flink f = { .flags = args->flags };
	char *name;
	int ret;

	if (f.flags & ~KNOWN_FLAGS || (f.flags & REPLACES) == REPLACES)
		return -EINVAL;
	if (args->reserved)
		return -EINVAL;

	name = get_name(args->name);
	if (IS_ERR(name))
		return PTR_ERR(name);
	f.name = name;

	ret = -EBADF;
	f.file = fget_raw(args->fd);
	if (!f.file)
		goto out_name;
	f.inode = d_inode(f.file->f_path.dentry);

	ret = -EINVAL;
	if (f.flags & PROCFD_LINK_REPLACE_DEAD && !is_process(&f))
		goto out_file;

	ret = get_directory(args->dirfd, &f.dir);
	if (ret)
		goto out_file;

	if (f.flags & PROCFD_LINK_DURABLE)
		ret = flink_durably(&f);
	else
		ret = flink_in_directory(&f);

	path_put(&f.dir);
out_file:
	fput(f.file);
out_name:
	kfree(name);
	return ret;
}
