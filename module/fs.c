// SPDX-License-Identifier: GPL-2.0-only
/*
 * procfdfs: the filesystem that names of processes are in.
 *
 * One superblock, mounted anywhere. A descriptor is an inode of it with no name
 * yet (inode.c); flink gives it one, as a hard link.
 */
#include <linux/dcache.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "fs.h"
#include "options.h"
#include "procfd.h"

/**
 * struct procfd_sb - what the superblock knows
 * @lock: innermost; of @options, and of owner and mode of the directories
 * @options: of the mounts
 * @names: how many names and directories there are
 *
 * A remount changes the root's owner and mode without the inode's lock: it holds
 * s_umount, for which every sync(2) waits, and whoever lists the root into memory
 * that is slow to come holds the inode's lock as long as they like.
 */
struct procfd_sb {
	spinlock_t lock;	/* protects options, and see above */
	struct procfd_options options;
	atomic_t names;
};

/* What an open device holds; see procfd_fs_pin(). */
static struct vfsmount *pinned_mount;
static int pin_count;

static const struct inode_operations dir_iops;
static const struct super_operations super_ops;
static struct file_system_type procfd_fs_type;

static struct procfd_sb *procfd_sb(const struct super_block *sb)
{
	return sb->s_fs_info;
}

/*
 * Names and directories are bounded; descriptors are, by RLIMIT_NOFILE. A name
 * that is to replace another takes its place in a moment, and has room. Who has
 * none takes none, not even for a moment, or others would find it taken.
 */
static int name_charge(struct super_block *sb, bool replaces)
{
	struct procfd_sb *psb = procfd_sb(sb);
	unsigned int max = READ_ONCE(psb->options.max);
	int names = atomic_read(&psb->names);

	do {
		if (max && (unsigned int)names >= max && !replaces)
			return -ENOSPC;
		procfd_race_sleep(name_before_charge);
	} while (!atomic_try_cmpxchg(&psb->names, &names, names + 1));
	return 0;
}

static void name_uncharge(struct super_block *sb)
{
	atomic_dec(&procfd_sb(sb)->names);
}

/**
 * procfd_fs_is_descriptor - is this a descriptor or a name
 * @inode: any inode of any filesystem
 */
bool procfd_fs_is_descriptor(const struct inode *inode)
{
	return inode->i_sb->s_op == &super_ops && S_ISFIFO(inode->i_mode);
}

/**
 * procfd_fs_is_dead - is this a name or descriptor of a process that is over
 * @inode: any inode of any filesystem
 *
 * Over is for ever. A process whose fork was announced and has not come is alive.
 */
bool procfd_fs_is_dead(const struct inode *inode)
{
	return procfd_fs_is_descriptor(inode) &&
	       procfd_process_gone(procfd_i(inode)->process);
}

/* In ->d_fsdata of a name that replaces another in a moment. */
static const char prepaid;

/**
 * procfd_fs_prepay - let a name exceed the limit, or no more
 * @dentry: negative, of any filesystem; its directory is locked
 * @on: before the link, and off after it
 *
 * Replacing a name takes a second name for a moment, and must not fail for it.
 */
void procfd_fs_prepay(struct dentry *dentry, bool on)
{
	if (dentry->d_sb->s_op == &super_ops)
		dentry->d_fsdata = on ? (void *)&prepaid : NULL;
}

static int dir_link(struct dentry *old_dentry, struct inode *dir,
		    struct dentry *dentry)
{
	struct inode *inode = d_inode(old_dentry);
	struct procfd_inode *pi = procfd_i(inode);
	int ret;

	/*
	 * As with fs.protected_hardlinks on, whatever that is: else a user could
	 * give another's name, which they may not open, the name that a program
	 * of the owner's is going to write to.
	 */
	if (!inode_owner_or_capable(procfd_nop_idmap, inode))
		return -EPERM;
	/* Under inode_lock(inode); see procfd_inode_set_kill_on_close(). */
	if (pi->kill_on_close)
		return -EINVAL;
	procfd_race_sleep(link_before_charge);
	ret = name_charge(dir->i_sb, dentry->d_fsdata == &prepaid);
	if (ret)
		return ret;
	ret = simple_link(old_dentry, dir, dentry);
	if (ret) {
		name_uncharge(dir->i_sb);
		return ret;
	}
	procfd_inode_has_name(inode);
	return 0;
}

static int dir_unlink(struct inode *dir, struct dentry *dentry)
{
	int ret = simple_unlink(dir, dentry);

	if (!ret)
		name_uncharge(dir->i_sb);
	return ret;
}

static int dir_rmdir(struct inode *dir, struct dentry *dentry)
{
	int ret = simple_rmdir(dir, dentry);

	if (!ret)
		name_uncharge(dir->i_sb);
	return ret;
}

static int dir_rename(PROCFD_IDMAP_ARG(idmap), struct inode *old_dir,
		      struct dentry *old_dentry, struct inode *new_dir,
		      struct dentry *new_dentry, unsigned int flags)
{
	bool replaces = !(flags & RENAME_EXCHANGE) && d_inode(new_dentry);
	int ret = simple_rename(idmap, old_dir, old_dentry, new_dir, new_dentry,
				flags);

	if (!ret && replaces)
		name_uncharge(old_dir->i_sb);
	return ret;
}

static struct inode *new_directory(PROCFD_IDMAP_ARG(idmap),
				   struct super_block *sb, struct inode *parent,
				   umode_t mode)
{
	struct inode *inode = procfd_inode_new(sb);

	if (!inode)
		return NULL;
	inode_init_owner(idmap, inode, parent, S_IFDIR | mode);
	inode->i_op = &dir_iops;
	inode->i_fop = &simple_dir_operations;
	inc_nlink(inode);	/* for "." */
	return inode;
}

static int make_directory(PROCFD_IDMAP_ARG(idmap), struct inode *dir,
			  struct dentry *dentry, umode_t mode)
{
	struct inode *inode;
	int ret;

	ret = name_charge(dir->i_sb, false);
	if (ret)
		return ret;
	inode = new_directory(idmap, dir->i_sb, dir, mode);
	if (!inode) {
		name_uncharge(dir->i_sb);
		return -ENOMEM;
	}
	inc_nlink(dir);
	inode_set_mtime_to_ts(dir, inode_set_ctime_current(dir));
	d_make_persistent(dentry, inode);
	return 0;
}

/* 6.15: ->mkdir returns the dentry to use, or NULL for the one that it got. */
#ifdef HAVE_MKDIR_DENTRY
static struct dentry *dir_mkdir(PROCFD_IDMAP_ARG(idmap), struct inode *dir,
				struct dentry *dentry, umode_t mode)
{
	return ERR_PTR(make_directory(idmap, dir, dentry, mode));
}
#else
static int dir_mkdir(PROCFD_IDMAP_ARG(idmap), struct inode *dir,
		     struct dentry *dentry, umode_t mode)
{
	return make_directory(idmap, dir, dentry, mode);
}
#endif

/*
 * Names come from flink only. Without this it would be EACCES.
 *
 * 7.3: always exclusive, and not told so any more.
 */
#ifdef HAVE_CREATE_EXCL
static int dir_create(PROCFD_IDMAP_ARG(idmap), struct inode *dir,
		      struct dentry *dentry, umode_t mode, bool excl)
{
	return -EPERM;
}
#else
static int dir_create(PROCFD_IDMAP_ARG(idmap), struct inode *dir,
		      struct dentry *dentry, umode_t mode)
{
	return -EPERM;
}
#endif

/* Under inode_lock(inode), and see struct procfd_sb. */
static int dir_setattr(PROCFD_IDMAP_ARG(idmap), struct dentry *dentry,
		       struct iattr *attr)
{
	struct procfd_sb *psb = procfd_sb(dentry->d_sb);
	struct inode *inode = d_inode(dentry);
	int ret = setattr_prepare(idmap, dentry, attr);

	if (ret)
		return ret;
	spin_lock(&psb->lock);
	setattr_copy(idmap, inode, attr);
	spin_unlock(&psb->lock);
	return 0;
}

static const struct inode_operations dir_iops = {
	.create		= dir_create,
	.lookup		= simple_lookup,
	.link		= dir_link,
	.unlink		= dir_unlink,
	.mkdir		= dir_mkdir,
	.rmdir		= dir_rmdir,
	.rename		= dir_rename,
	.getattr	= simple_getattr,
	.setattr	= dir_setattr,
};

static int super_statfs(struct dentry *dentry, struct kstatfs *stat)
{
	struct procfd_sb *psb = procfd_sb(dentry->d_sb);
	u64 used = (unsigned int)atomic_read(&psb->names);
	u64 max = READ_ONCE(psb->options.max);

	simple_statfs(dentry, stat);
	if (max) {
		stat->f_files = max;
		stat->f_ffree = max > used ? max - used : 0;
	}
	return 0;
}

static int super_show_options(struct seq_file *m, struct dentry *root)
{
	procfd_options_show(m, &procfd_sb(root->d_sb)->options);
	return 0;
}

static const struct super_operations super_ops = {
	.alloc_inode	= procfd_inode_alloc,
	.free_inode	= procfd_inode_free,
	.evict_inode	= procfd_inode_evict,
	.statfs		= super_statfs,
	.show_options	= super_show_options,
};

/* Under sb->s_umount, write-held. */
static void apply_options(struct super_block *sb,
			  const struct procfd_options *given)
{
	struct procfd_sb *psb = procfd_sb(sb);
	struct procfd_options *options = &psb->options;
	struct inode *root = d_inode(sb->s_root);

	spin_lock(&psb->lock);
	procfd_options_merge(options, given);
	/* What was not given may have been changed by chmod since, and stays. */
	if (given->given & PROCFD_OPT_UID)
		root->i_uid = options->uid;
	if (given->given & PROCFD_OPT_GID)
		root->i_gid = options->gid;
	if (given->given & PROCFD_OPT_MODE)
		root->i_mode = S_IFDIR | options->mode;
	if (given->given & ~PROCFD_OPT_MAX)
		inode_set_ctime_current(root);
	spin_unlock(&psb->lock);
}

static int fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct procfd_sb *psb = kzalloc(sizeof(*psb), GFP_KERNEL);
	struct inode *root;

	if (!psb)
		return -ENOMEM;
	spin_lock_init(&psb->lock);
	psb->options = procfd_options_default;

	sb->s_fs_info = psb;
	sb->s_op = &super_ops;
	sb->s_magic = PROCFD_FS_MAGIC;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_time_gran = 1;
	sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	/* Nothing is stacked on top of it, as on proc. */
	sb->s_stack_depth = FILESYSTEM_MAX_STACK_DEPTH;

	/* The kernel's own mount may be the first, from any user namespace. */
	root = new_directory(procfd_nop_idmap, sb, NULL,
			     psb->options.mode);
	if (!root)
		return -ENOMEM;	/* kill_super() frees psb */
	root->i_uid = psb->options.uid;
	root->i_gid = psb->options.gid;
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int context_get_tree(struct fs_context *fc)
{
	int ret;

	/*
	 * One superblock serves all mounts: read-only is for the one mount that
	 * asked, and mount(2) has noted it there.
	 */
	fc->sb_flags &= ~SB_RDONLY;
	ret = get_tree_single(fc, fill_super);
	if (ret)
		return ret;
	/* The superblock may have existed; what was given is meant. */
	apply_options(fc->root->d_sb, fc->fs_private);
	return 0;
}

static int context_reconfigure(struct fs_context *fc)
{
	apply_options(fc->root->d_sb, fc->fs_private);
	return 0;
}

static void context_free(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations context_ops = {
	.free		= context_free,
	.parse_param	= procfd_options_parse,
	.get_tree	= context_get_tree,
	.reconfigure	= context_reconfigure,
};

static int init_context(struct fs_context *fc)
{
	struct procfd_options *options = kzalloc(sizeof(*options), GFP_KERNEL);

	if (!options)
		return -ENOMEM;
	fc->fs_private = options;
	fc->ops = &context_ops;
	/*
	 * Or FORK would fail in a container whenever the superblock was made in
	 * another user namespace.
	 */
	fc->global = true;
	return 0;
}

static void kill_super(struct super_block *sb)
{
	struct procfd_sb *psb = procfd_sb(sb);

	kill_litter_super(sb);
	kfree(psb);
}

static struct file_system_type procfd_fs_type = {
	.owner			= THIS_MODULE,
	.name			= PROCFD_FS_TYPE,
	.init_fs_context	= init_context,
	.parameters		= procfd_options_spec,
	.kill_sb		= kill_super,
};

/**
 * procfd_fs_pin - have the filesystem exist
 *
 * For as long as somebody needs a superblock to make inodes in. A file carries
 * the mount with it from then on, so that this may end long before the file:
 * evicting the last inode must not be what tears down its own superblock.
 *
 * Return: a mount that stays until procfd_fs_unpin(), or ERR_PTR(-ENOMEM).
 */
struct vfsmount *procfd_fs_pin(void)
{
	int ret = simple_pin_fs(&procfd_fs_type, &pinned_mount, &pin_count);

	return ret ? ERR_PTR(ret) : pinned_mount;
}

/**
 * procfd_fs_unpin - undo one procfd_fs_pin()
 */
void procfd_fs_unpin(void)
{
	simple_release_fs(&pinned_mount, &pin_count);
}

int __init procfd_fs_register(void)
{
	return register_filesystem(&procfd_fs_type);
}

void procfd_fs_unregister(void)
{
	unregister_filesystem(&procfd_fs_type);
}
