// SPDX-License-Identifier: GPL-2.0-only
/*
 * procfdfs: the inodes of descriptors, and their names.
 *
 * One superblock, mounted anywhere. A descriptor is an inode of it with no name
 * yet; flink gives it one, as a hard link. The inode is a FIFO with file
 * operations of our own: programs know that a FIFO may block, and the VFS keeps
 * its hands off.
 */
#include <linux/dcache.h>
#include <linux/fs_context.h>
#include <linux/fsnotify.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "fs.h"
#include "options.h"
#include "procfd.h"

/* Of how many names of a process that exits the directories are told. */
#define NAMES_TOLD	256U
/* Among how many, with those that were removed and are still open. */
#define NAMES_LOOKED_AT	(4 * NAMES_TOLD)

/**
 * struct procfd_sb - what the superblock knows
 * @options: of the mounts; changed under inode_lock(root)
 * @names: how many names and directories there are
 */
struct procfd_sb {
	struct procfd_options options;
	atomic_t names;
};

static struct kmem_cache *inode_cache;

/* Never 0, which many take for "deleted", and never used again. */
static atomic64_t last_ino = ATOMIC64_INIT(0);

/* What an open device holds; see procfd_fs_pin(). */
static struct vfsmount *pinned_mount;
static int pin_count;

static const struct inode_operations descriptor_iops;
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

static struct inode *new_procfd_inode(struct super_block *sb)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = atomic64_inc_return(&last_ino);
	simple_inode_init_ts(inode);
	return inode;
}

/**
 * procfd_fs_new_descriptor - make an inode without a name
 * @sb: superblock of procfdfs
 * @p: process; the inode takes a reference of its own
 *
 * Owned by the caller's fsuid and fsgid, mode 0600 whatever the umask, since a
 * umask was never chosen with signals in mind. Its authority is current's.
 *
 * Return: the inode, or NULL when out of memory.
 */
struct inode *procfd_fs_new_descriptor(struct super_block *sb,
				       struct procfd_process *p)
{
	struct inode *inode = new_procfd_inode(sb);
	struct procfd_inode *pi;

	if (!inode)
		return NULL;
	inode->i_mode = S_IFIFO | 0600;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_op = &descriptor_iops;
	inode->i_fop = &procfd_descriptor_fops;
	clear_nlink(inode);

	pi = procfd_i(inode);
	procfd_process_get(p);
	pi->process = p;
	pi->inside = procfd_authority_is_inside(p);
	pi->authority = get_current_cred();
	procfd_process_remember_inode(pi);
	return inode;
}

/**
 * procfd_fs_is_descriptor - is this a descriptor or a name
 * @inode: any inode of any filesystem
 */
bool procfd_fs_is_descriptor(const struct inode *inode)
{
	return inode->i_op == &descriptor_iops;
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
	       procfd_process_over(procfd_i(inode)->process);
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

/**
 * procfd_fs_set_kill_on_close - switch PROCFD_KILL_ON_CLOSE
 * @inode: a descriptor's inode
 * @on: what to
 *
 * A name is the hand-over: what has one must not kill when it is closed. Here
 * and in ->link the inode's lock is held, so that it is either first given the
 * name or first made to kill.
 *
 * Return: 0; -EINVAL if it did not come from FORK, or has a name.
 */
int procfd_fs_set_kill_on_close(struct inode *inode, bool on)
{
	struct procfd_inode *pi = procfd_i(inode);
	int ret = -EINVAL;

	inode_lock(inode);
	if (pi->forked && !(on && inode->i_nlink)) {
		procfd_race_sleep(kill_on_close_before_set);
		spin_lock(&pi->lock);
		WRITE_ONCE(pi->kill_on_close, on);
		spin_unlock(&pi->lock);
		ret = 0;
	}
	inode_unlock(inode);
	return ret;
}

static const struct cred *take_authority(struct procfd_inode *pi)
{
	const struct cred *authority;

	spin_lock(&pi->lock);
	authority = pi->authority;
	pi->authority = NULL;
	spin_unlock(&pi->lock);
	return authority;
}

/**
 * procfd_fs_pin_inode - keep an inode and its superblock
 * @pin: out: what could be kept, for procfd_fs_unpin_inode() in any case
 * @pi: inode that is not freed, as a lock is held that evict takes
 *
 * The superblock first: an inode that is busy when its filesystem is shut down
 * would outlive it.
 *
 * Context: Atomic.
 */
void procfd_fs_pin_inode(struct procfd_pin *pin, struct procfd_inode *pi)
{
	struct super_block *sb = pi->vfs.i_sb;

	pin->sb = atomic_inc_not_zero(&sb->s_active) ? sb : NULL;
	procfd_race(pin_before_inode);
	pin->inode = pin->sb ? igrab(&pi->vfs) : NULL;
}

/**
 * procfd_fs_unpin_inode - undo procfd_fs_pin_inode()
 * @pin: what was kept; may be gone when this returns
 *
 * Context: Process context, may sleep.
 */
void procfd_fs_unpin_inode(struct procfd_pin *pin)
{
	iput(pin->inode);
	if (pin->sb)
		deactivate_super(pin->sb);
}

/*
 * The names of an inode, each with a reference. So many that a spin lock is not
 * held for long: whose owner makes more has not told their directories. Those
 * that are gone and still open are in the list, too.
 */
static struct dentry **get_names(struct inode *inode, unsigned int *count)
{
	unsigned int room = min(READ_ONCE(inode->i_nlink), NAMES_TOLD);
	struct dentry **names, *dentry;
	unsigned int looked_at = 0;

	*count = 0;
	names = kmalloc_array(room, sizeof(*names), GFP_KERNEL);
	if (!names)
		return NULL;
	procfd_race_sleep(names_before_collect);
	spin_lock(&inode->i_lock);
	for_each_alias(dentry, inode) {
		if (*count == room || looked_at++ == NAMES_LOOKED_AT)
			break;
		spin_lock(&dentry->d_lock);
		if (!d_unhashed(dentry))
			names[(*count)++] = dget_dlock(dentry);
		spin_unlock(&dentry->d_lock);
	}
	spin_unlock(&inode->i_lock);
	return names;
}

/**
 * procfd_fs_tell_exit - what an exit means for a descriptor
 * @pi: inode, pinned
 *
 * Watchers of the inode and of the directories of its names are told by
 * IN_ATTRIB: size and times have changed. The authority goes, so that an old
 * name pins no dead container's credentials.
 *
 * Context: Process context, may sleep.
 */
void procfd_fs_tell_exit(struct procfd_inode *pi)
{
	struct inode *inode = &pi->vfs;
	struct dentry **names = NULL;
	unsigned int count = 0, i;

	put_cred(take_authority(pi));

	if (READ_ONCE(inode->i_nlink))
		names = get_names(inode, &count);
	procfd_race_sleep(names_before_tell);
	for (i = 0; i < count; i++) {
		fsnotify_dentry(names[i], FS_ATTRIB);
		dput(names[i]);
	}
	if (!count)
		fsnotify_inode(inode, FS_ATTRIB);
	kfree(names);
}

/*
 * Size and times are those of the record, made when they are asked for and
 * stored nowhere, so that nothing can destroy them.
 */
static int descriptor_getattr(PROCFD_IDMAP_ARG(idmap), const struct path *path,
			      struct kstat *stat, u32 request_mask,
			      unsigned int query_flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct procfd_process *p = procfd_i(inode)->process;

	procfd_fillattr(idmap, request_mask, inode, stat);
	if (procfd_process_state(p) == PROCFD_STATE_EXITED) {
		stat->size = procfd_record_size(p);
		stat->mtime = p->record.exited_real;
		if (timespec64_compare(&stat->ctime, &stat->mtime) < 0)
			stat->ctime = stat->mtime;
	}
	return 0;
}

static const struct inode_operations descriptor_iops = {
	.getattr	= descriptor_getattr,
	.setattr	= simple_setattr,
};

static int dir_link(struct dentry *old_dentry, struct inode *dir,
		    struct dentry *dentry)
{
	struct inode *inode = d_inode(old_dentry);
	struct procfd_inode *pi = procfd_i(inode);
	int ret;

	/* Under inode_lock(inode); see procfd_fs_set_kill_on_close(). */
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
	procfd_race_sleep(link_before_exit_matters);
	if (!procfd_process_exit_matters(pi->process))
		put_cred(take_authority(pi));
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
	struct inode *inode = new_procfd_inode(sb);

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

PROCFD_DEFINE_MKDIR(dir_mkdir, make_directory)

/* Names come from flink only. Without this it would be EACCES. */
PROCFD_DEFINE_CREATE(dir_create, -EPERM)

static const struct inode_operations dir_iops = {
	.create		= dir_create,
	.lookup		= simple_lookup,
	.link		= dir_link,
	.unlink		= dir_unlink,
	.mkdir		= dir_mkdir,
	.rmdir		= dir_rmdir,
	.rename		= dir_rename,
	.getattr	= simple_getattr,
	.setattr	= simple_setattr,
};

static struct inode *super_alloc_inode(struct super_block *sb)
{
	struct procfd_inode *pi = alloc_inode_sb(sb, inode_cache, GFP_KERNEL);

	if (!pi)
		return NULL;
	pi->process = NULL;
	pi->inside = false;
	INIT_LIST_HEAD(&pi->process_node);
	pi->authority = NULL;
	pi->opened = 0;
	pi->forked = false;
	pi->kill_on_close = false;
	return &pi->vfs;
}

static void super_free_inode(struct inode *inode)
{
	kmem_cache_free(inode_cache, procfd_i(inode));
}

static void super_evict_inode(struct inode *inode)
{
	struct procfd_inode *pi = procfd_i(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (!pi->process)
		return;	/* a directory */
	procfd_process_forget_inode(pi);
	put_cred(take_authority(pi));
	procfd_process_put(pi->process);
}

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
	.alloc_inode	= super_alloc_inode,
	.free_inode	= super_free_inode,
	.evict_inode	= super_evict_inode,
	.statfs		= super_statfs,
	.show_options	= super_show_options,
};

/* Under sb->s_umount, write-held. */
static void apply_options(struct super_block *sb,
			  const struct procfd_options *given)
{
	struct procfd_options *options = &procfd_sb(sb)->options;
	struct inode *root = d_inode(sb->s_root);

	inode_lock(root);
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
	inode_unlock(root);
}

static int fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct procfd_sb *psb = kzalloc(sizeof(*psb), GFP_KERNEL);
	struct inode *root;

	if (!psb)
		return -ENOMEM;
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

static void init_once(void *object)
{
	struct procfd_inode *pi = object;

	spin_lock_init(&pi->lock);
	inode_init_once(&pi->vfs);
}

int __init procfd_fs_init(void)
{
	inode_cache = kmem_cache_create("procfd_inode",
					sizeof(struct procfd_inode), 0,
					SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					init_once);
	return inode_cache ? 0 : -ENOMEM;
}

void procfd_fs_exit(void)
{
	rcu_barrier();	/* inodes are freed by RCU, with our function */
	kmem_cache_destroy(inode_cache);
}

int __init procfd_fs_register(void)
{
	return register_filesystem(&procfd_fs_type);
}

void procfd_fs_unregister(void)
{
	unregister_filesystem(&procfd_fs_type);
}
