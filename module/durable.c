// SPDX-License-Identifier: GPL-2.0-only
/*
 * DURABLE: the content before the name, the name before the call returns. At no
 * moment is there anything but the old file or the whole new one.
 */
#include <linux/blkdev.h>
#include <linux/buffer_head.h>
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/magic.h>

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
 * Filesystems of which the power-loss tests have shown that fsync(2) of a file and
 * of its directory is enough. Of any other, the whole is flushed.
 *
 * @nameless: that is so for a file without a name as well, and what was done before
 * in other places is flushed with it. btrfs does not put such a file into its log:
 * fsync(2) writes its data and nothing that would find it after a power cut, and if
 * something else then logs the new name, an empty file comes back.
 *
 * @journal: only with one. Without, the inode was written with the link count that
 * it had, which was 0, and an entry for such an inode is one that e2fsck clears. To
 * flush the file again is not enough either: 6.1 takes an inode whose buffer alone
 * is dirty for one that is clean, and neither writes it nor has the disk flush.
 */
static const struct proven {
	const char *name;
	unsigned long magic;
	bool nameless;
	bool journal;
} proven[] = {
	{ "btrfs",	BTRFS_SUPER_MAGIC },
	{ "ext3",	EXT4_SUPER_MAGIC,	.nameless = true, .journal = true },
	{ "ext4",	EXT4_SUPER_MAGIC,	.nameless = true, .journal = true },
	{ "xfs",	XFS_SUPER_MAGIC,	.nameless = true },
};

/*
 * The journal is known to ext4 alone, so its feature bit is read from the superblock
 * as it is on the disk, whose form does not change. ext4 keeps that in memory.
 */
static bool has_journal(struct super_block *sb)
{
	bool journal = false;
#if IS_ENABLED(CONFIG_EXT4_FS)
	const unsigned long super = 1024, compat = 0x5c, bit = 4;
	struct buffer_head *bh;

	bh = sb_bread(sb, super / sb->s_blocksize);
	if (bh) {
		const void *at = bh->b_data + super % sb->s_blocksize + compat;

		journal = le32_to_cpup(at) & bit;
		brelse(bh);
	}
#endif
	return journal;
}

static const struct proven *proven_of(struct super_block *sb)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(proven); i++) {
		if (proven[i].magic != sb->s_magic ||
		    strcmp(proven[i].name, sb->s_type->name))
			continue;
		if (proven[i].journal && !has_journal(sb))
			return NULL;
		return &proven[i];
	}
	return NULL;
}

static bool is_overlay(const struct super_block *sb)
{
	return sb->s_magic == OVERLAYFS_SUPER_MAGIC &&
	       !strcmp(sb->s_type->name, "overlay");
}

/* The filesystem that has the content: on overlayfs that of the file's layer. */
static struct super_block *real_sb(const struct procfd_link *link)
{
	struct super_block *sb = link->inode->i_sb;

	if (is_overlay(sb))
		sb = d_real_inode(link->file->f_path.dentry)->i_sb;
	return sb;
}

/*
 * What has to be flushed whole, before the link and after it?
 *
 * On overlayfs a file without a name is in the upper layer, so that its real
 * inode tells which filesystem that is. A link may bring the directory and those
 * above it up there, too, and nobody flushes these: only a filesystem where one
 * flush flushes all that was done before will do. A file with a name may come
 * from a lower layer, and then nothing tells what the upper one is.
 */
static void plan(const struct procfd_link *link, struct procfd_durable *d)
{
	bool overlay = is_overlay(link->inode->i_sb);
	bool nameless = !READ_ONCE(link->inode->i_nlink);
	const struct proven *fs = NULL;

	if (!overlay || nameless)
		fs = proven_of(real_sb(link));
	if (overlay && fs && !fs->nameless)
		fs = NULL;
	d->whole_before = nameless && !(fs && fs->nameless);
	d->whole_after = !fs;
}

/*
 * As syncfs(2), and then the disk: what is written last, the blocks of the device,
 * comes after the filesystem's own flush of it.
 *
 * Nothing of ours is locked, and s_umount as by syncfs(2), which anybody may call.
 */
static int flush_whole(const struct procfd_link *link)
{
	struct super_block *sb = link->inode->i_sb;
	struct block_device *bdev;
	int ret;

	down_read(&sb->s_umount);
	ret = sync_filesystem(sb);
	up_read(&sb->s_umount);

	bdev = real_sb(link)->s_bdev;
	if (!ret && bdev)
		ret = blkdev_issue_flush(bdev);
	return ret;
}

/**
 * procfd_durable_begin - flush the source of a link before it gets its name
 * @link: the call; nothing is locked
 * @d: out: for procfd_durable_end() and procfd_durable_put(), if this returns 0
 *
 * Return: 0; -EBADF for a source opened O_PATH, as fsync(2); -EINVAL for one that
 * is no regular file, or a directory that cannot be flushed; or what flushing
 * says.
 */
int procfd_durable_begin(const struct procfd_link *link,
			 struct procfd_durable *d)
{
	int ret;

	if (link->file->f_mode & FMODE_PATH)
		return -EBADF;
	/* In memory only, or with content that is not in this filesystem. */
	if (!S_ISREG(link->inode->i_mode))
		return -EINVAL;

	d->dir = open_directory(&link->dir);
	if (IS_ERR(d->dir))
		return PTR_ERR(d->dir);
	plan(link, d);
	ret = vfs_fsync(link->file, 0);
	if (!ret && d->whole_before)
		ret = flush_whole(link);
	if (ret)
		procfd_durable_put(d);
	return ret;
}

/**
 * procfd_durable_end - flush the new name
 * @link: the call, which has succeeded; nothing is locked
 * @d: what procfd_durable_begin() gave
 *
 * Where all is flushed, the file and the directory are so in this order, so that
 * the entry is not on the disk before what it is of, as far as that can be helped.
 */
int procfd_durable_end(const struct procfd_link *link,
		       const struct procfd_durable *d)
{
	int ret = 0;

	if (d->whole_after)
		ret = vfs_fsync(link->file, 0);
	if (!ret)
		ret = vfs_fsync(d->dir, 0);
	if (!ret && d->whole_after)
		ret = flush_whole(link);
	return ret;
}

/**
 * procfd_durable_put - let go of the directory
 * @d: what procfd_durable_begin() gave
 */
void procfd_durable_put(struct procfd_durable *d)
{
	fput(d->dir);
}
