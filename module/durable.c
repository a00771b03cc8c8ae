// SPDX-License-Identifier: GPL-2.0-only
/*
 * DURABLE: the content before the name, the name before the call returns. At no
 * moment is there anything but the old file or the whole new one.
 */
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>

#include "flink.h"

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
static int flush_source(const struct procfd_link *link)
{
	struct super_block *sb = link->inode->i_sb;
	int ret;

	ret = vfs_fsync(link->file, 0);
	if (!ret && procfd_relink_tmpfile_only(sb) &&
	    !READ_ONCE(link->inode->i_nlink)) {
		down_read(&sb->s_umount);
		ret = sync_filesystem(sb);
		up_read(&sb->s_umount);
	}
	return ret;
}

/**
 * procfd_durable_begin - flush the source of a link before it gets its name
 * @link: the call; nothing is locked
 *
 * Return: the directory, for procfd_durable_end(); ERR_PTR(-EBADF) for a source
 * opened O_PATH, as fsync(2); ERR_PTR(-EINVAL) for one that is no regular file,
 * or a directory that cannot be flushed; or what flushing says.
 */
struct file *procfd_durable_begin(const struct procfd_link *link)
{
	struct file *dir;
	int ret;

	if (link->file->f_mode & FMODE_PATH)
		return ERR_PTR(-EBADF);
	/* In memory only, or with content that is not in this filesystem. */
	if (!S_ISREG(link->inode->i_mode))
		return ERR_PTR(-EINVAL);

	dir = open_directory(&link->dir);
	if (IS_ERR(dir))
		return dir;
	ret = flush_source(link);
	if (ret) {
		fput(dir);
		return ERR_PTR(ret);
	}
	return dir;
}

/**
 * procfd_durable_end - flush the directory that has the new name
 * @dir: what procfd_durable_begin() gave
 */
int procfd_durable_end(struct file *dir)
{
	return vfs_fsync(dir, 0);
}
