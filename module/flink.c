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
 * relink.c; and a name may be replaced by a link, see replace.c.
 *
 * Who does not see it: seccomp filters and audit's watches, which go by system call
 * and not by what it does; AppArmor's "l", which security_path_link() alone asks. An
 * audited ioctl has the records that vfs_*() make, of inodes; audit_inode(), which
 * notes paths, is not exported. SECURITY.md has the rules that do see it.
 */
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs_struct.h>
#include <linux/kdev_t.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "flink.h"
#include "fs.h"
#include "../uapi/procfd.h"

#define REPLACES	(PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD)
#define KNOWN_FLAGS	(REPLACES | PROCFD_LINK_DURABLE)

/*
 * A descriptor of procfdfs, of no mount that the user knows, and part of no tree:
 * it never had a path.
 */
static bool is_nowhere(const struct procfd_link *link)
{
	return procfd_fs_is_descriptor(link->inode) &&
	       IS_ROOT(link->file->f_path.dentry);
}

/*
 * The source rule: what linkat(2) lets through with fs.protected_hardlinks on,
 * be it on or not. From may_linkat() and safe_hardlink_source() in fs/namei.c,
 * which are not exported. Like linkat() on /proc/self/fd/N, and unlike
 * AT_EMPTY_PATH, this asks for no capability and does not care who opened it.
 */
static int may_link_source(const struct procfd_link *link)
{
	struct vfsmount *mnt = link->dir.mnt;
	struct inode *inode = link->inode;
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
static int may_name(const struct procfd_link *link, struct dentry *new_dentry)
{
	struct dentry *old_dentry = link->file->f_path.dentry;
	bool was_nowhere = is_nowhere(link);
	struct path old_dir;
	int ret = 0;

	old_dir.mnt = link->file->f_path.mnt;
	old_dir.dentry = dget_parent(old_dentry);

	if (was_nowhere || !READ_ONCE(link->inode->i_nlink)) {
		ret = security_path_mknod(&link->dir, new_dentry,
					  link->inode->i_mode,
					  new_encode_dev(link->inode->i_rdev));
		if (!ret && d_is_positive(new_dentry))
			ret = security_path_unlink(&link->dir, new_dentry);
		if (was_nowhere || old_dir.dentry == link->dir.dentry)
			goto out;
	}
	if (!ret)
		ret = security_path_rename(&old_dir, old_dentry, &link->dir,
					   new_dentry, 0);
out:
	dput(old_dir.dentry);
	return ret;
}

/*
 * May the caller change the directory? vfs_link() asks the same, and for us that
 * is too late. Whoever writes to a file of his own keeps its lock for as long as
 * he likes, see relink.c, and would keep a directory's that is not his to change:
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
static int may_change_directory(const struct procfd_link *link)
{
	struct inode *dir = d_inode(link->dir.dentry);

	if (!fsuidgid_has_mapping(dir->i_sb, mnt_idmap(link->dir.mnt)))
		return -EOVERFLOW;
	return inode_permission(mnt_idmap(link->dir.mnt), dir,
				MAY_WRITE | MAY_EXEC);
}

/*
 * The caller's name, with the intent of linkat(2) or rename(2): some filesystems
 * believe what they have cached of a server, but not when it is to be changed.
 */
static struct dentry *lookup_name(const struct procfd_link *link)
{
	unsigned int intent = link->flags & REPLACES ?
			      LOOKUP_RENAME_TARGET :
			      LOOKUP_CREATE | LOOKUP_EXCL;
	struct dentry *dentry = procfd_lookup_one(&link->dir, link->name);
	int ret;

	if (IS_ERR(dentry))
		return dentry;
	ret = procfd_d_revalidate(&link->dir, link->name, dentry, intent);
	if (ret > 0)
		return dentry;
	if (!ret)
		d_invalidate(dentry);
	dput(dentry);
	/* Once: this one is fresh, and a server may change its mind for ever. */
	return ret ? ERR_PTR(ret) : procfd_lookup_one(&link->dir, link->name);
}

/*
 * In the order in which linkat(2) would find out, and with PROCFD_LINK_REPLACE
 * rename(2).
 */
static int link_or_replace(const struct procfd_link *link, int want_write,
			   int same_place, struct delegated_inode *di)
{
	struct procfd_busy *busy;
	struct dentry *dentry;
	bool was_linkable;
	int ret;

	dentry = lookup_name(link);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);

	if (d_is_positive(dentry)) {
		ret = -EEXIST;
		if (!(link->flags & REPLACES))
			goto out;
		/* Dead now is dead as long as the directory is locked. */
		if (link->flags & PROCFD_LINK_REPLACE_DEAD &&
		    !procfd_fs_is_dead(d_inode(dentry)))
			goto out;
		/* As rename(2): two names of one file, nothing to do. */
		ret = 0;
		if (d_inode(dentry) == link->inode)
			goto out;
	}
	ret = want_write;
	if (ret)
		goto out;
	ret = same_place;
	if (ret)
		goto out;
	ret = may_link_source(link);
	if (ret)
		goto out;
	ret = may_name(link, dentry);
	if (ret)
		goto out;
	ret = may_change_directory(link);
	if (ret)
		goto out;

	procfd_race_sleep(flink_before_busy);
	busy = procfd_busy_lock(link);
	ret = PTR_ERR_OR_ZERO(busy);
	if (ret)
		goto out;
	if (d_is_positive(dentry))
		ret = procfd_replace(link, dentry, di);
	else
		ret = procfd_relink(link, dentry, di, &was_linkable);
	procfd_busy_unlock(busy);
out:
	dput(dentry);
	return ret;
}

/*
 * linkat(2) wants one mount, since one may allow what another does not: a process
 * that was opened by its name on a read-only mount must not get a name on one
 * that is writable. For what never had a path, one filesystem is enough.
 */
static int check_same_place(const struct procfd_link *link)
{
	if (is_nowhere(link) ? link->inode->i_sb == link->dir.dentry->d_sb :
			    link->file->f_path.mnt == link->dir.mnt)
		return 0;
	return -EXDEV;
}

static int flink_in_directory(const struct procfd_link *link)
{
	struct inode *dir = d_inode(link->dir.dentry);
	bool replaces = link->flags & REPLACES;
	bool is_dot = !strcmp(link->name, ".") || !strcmp(link->name, "..");
	struct delegated_inode di = {};
	int same_place = check_same_place(link);
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
	 *   @link->dir holds the mount
	 *					EBUSY; or with -l the mount leaves
	 *					its place
	 *   the name is made
	 *   path_put(), in procfd_flink():
	 *   now the mount may go, and with
	 *   procfdfs' last one all names
	 */
	do {
		want_write = mnt_want_write(link->dir.mnt);
		if (replaces && want_write)
			return want_write;

		procfd_race_sleep(flink_before_lock);
		inode_lock_nested(dir, I_MUTEX_PARENT);
		ret = link_or_replace(link, want_write, same_place, &di);
		inode_unlock(dir);

		if (!want_write)
			mnt_drop_write(link->dir.mnt);
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

/* The same, and on return all of it is on the disk. */
static int flink_durably(const struct procfd_link *link)
{
	struct procfd_durable d;
	int ret;

	ret = procfd_durable_begin(link, &d);
	if (ret)
		return ret;
	ret = flink_in_directory(link);
	if (!ret)
		ret = procfd_durable_end(link, &d);
	procfd_durable_put(&d);
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
	struct procfd_link link = { .flags = args->flags };
	char *name;
	int ret;

	if (link.flags & ~KNOWN_FLAGS || (link.flags & REPLACES) == REPLACES)
		return -EINVAL;
	if (args->reserved)
		return -EINVAL;

	name = get_name(args->name);
	if (IS_ERR(name))
		return PTR_ERR(name);
	link.name = name;

	ret = -EBADF;
	link.file = fget_raw(args->fd);
	if (!link.file)
		goto out_name;
	link.inode = d_inode(link.file->f_path.dentry);

	ret = -EINVAL;
	if (link.flags & PROCFD_LINK_REPLACE_DEAD &&
	    !procfd_fs_is_descriptor(link.inode))
		goto out_file;

	ret = get_directory(args->dirfd, &link.dir);
	if (ret)
		goto out_file;

	if (link.flags & PROCFD_LINK_DURABLE)
		ret = flink_durably(&link);
	else
		ret = flink_in_directory(&link);

	path_put(&link.dir);
out_file:
	fput(link.file);
out_name:
	kfree(name);
	return ret;
}
