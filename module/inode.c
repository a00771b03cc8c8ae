// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inode of a descriptor: made without a name, and given some by flink.
 *
 * It is a FIFO with file operations of our own: programs know that a FIFO may
 * block, and the VFS keeps its hands off.
 */
#include <linux/dcache.h>
#include <linux/fsnotify.h>
#include <linux/notifier.h>
#include <linux/slab.h>

#include "procfd.h"

/* Of how many names of a process that exits the directories are told. */
#define NAMES_TOLD	256U
/* Among how many, with those that were removed and are still open. */
#define NAMES_LOOKED_AT	(4 * NAMES_TOLD)

static struct kmem_cache *inode_cache;

/* Never 0, which many take for "deleted", and never used again. */
static atomic64_t last_ino = ATOMIC64_INIT(0);

static const struct inode_operations descriptor_iops;

/**
 * procfd_inode_new - make an inode of procfdfs
 * @sb: superblock
 *
 * Return: with a number that no other has or had, and the time; NULL when out of
 * memory.
 */
struct inode *procfd_inode_new(struct super_block *sb)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = atomic64_inc_return(&last_ino);
	simple_inode_init_ts(inode);
	return inode;
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
 * struct pin - an inode that is kept, and its superblock
 * @sb: NULL if it is being shut down
 * @inode: NULL if it is being evicted, or @sb is NULL
 */
struct pin {
	struct super_block *sb;
	struct inode *inode;
};

/*
 * Keep an inode, and its superblock, as far as either can be kept. A lock is held
 * that evict takes, so the inode is not freed meanwhile. The superblock first: an
 * inode that is busy when its filesystem is shut down would outlive it.
 */
static void pin_inode(struct pin *pin, struct procfd_inode *pi)
{
	struct super_block *sb = pi->vfs.i_sb;

	pin->sb = atomic_inc_not_zero(&sb->s_active) ? sb : NULL;
	procfd_race(pin_before_inode);
	pin->inode = pin->sb ? igrab(&pi->vfs) : NULL;
}

/* May sleep; what was kept may be gone when this returns. */
static void unpin_inode(struct pin *pin)
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

/*
 * What an exit means for a descriptor that is pinned. Watchers of the inode and
 * of the directories of its names are told by IN_ATTRIB: size and times have
 * changed. The authority goes, so that an old name pins no dead container's
 * credentials.
 */
static void tell_exit(struct procfd_inode *pi)
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
 * The process has exited. An inode that is being evicted does not wait for us, and
 * need not:
 *
 *   here					evict
 *   lock, take it off the list
 *   pinning fails, unlock			forget(): lock, not on the list
 *
 * Either it is pinned under the lock, and evict comes after us, or it is left
 * alone. The pin is given back without the lock, since it may be the last.
 */
static int process_exited(struct notifier_block *nb, unsigned long action,
			  void *process)
{
	struct procfd_process *p = process;
	struct procfd_inode *pi;
	struct pin pin;

	while (action == PROCFD_GONE) {
		procfd_race_sleep(exit_work_before_pin);
		spin_lock(&p->lock);
		pi = list_first_entry_or_null(&p->inodes, struct procfd_inode,
					      process_node);
		if (pi) {
			list_del_init(&pi->process_node);
			pin_inode(&pin, pi);
		}
		spin_unlock(&p->lock);
		if (!pi)
			break;
		procfd_race_sleep(exit_work_pinned);
		if (pin.inode)
			tell_exit(pi);
		unpin_inode(&pin);
		/* As many as somebody liked to make. */
		cond_resched();
	}
	return NOTIFY_DONE;
}

static struct notifier_block exit_notifier = {
	.notifier_call	= process_exited,
};

/*
 * Have an inode that holds its reference on the process already told of the exit.
 * Does nothing if the process is over: whoever asks finds that out directly.
 */
static void remember(struct procfd_inode *pi)
{
	struct procfd_process *p = pi->process;

	/*
	 * Looked at under the lock. The exit work comes after the state, so if
	 * the state is not final here, the work has not been through the list.
	 */
	spin_lock(&p->lock);
	procfd_race(remember_before_look);
	if (!procfd_process_gone(p))
		list_add(&pi->process_node, &p->inodes);
	spin_unlock(&p->lock);
}

static void forget(struct procfd_inode *pi)
{
	procfd_race_sleep(forget_before_lock);
	spin_lock(&pi->process->lock);
	list_del_init(&pi->process_node);
	spin_unlock(&pi->process->lock);
}

/**
 * procfd_inode_has_name - a descriptor was given a name
 * @inode: its inode, locked
 *
 * From now on its exit is of interest to others than those who wait for it.
 */
void procfd_inode_has_name(struct inode *inode)
{
	struct procfd_inode *pi = procfd_i(inode);

	procfd_race_sleep(link_before_exit_matters);
	if (!procfd_process_exit_matters(pi->process)) {
		put_cred(take_authority(pi));
		procfd_process_leave_pid(pi->process);
	}
}

/**
 * procfd_inode_set_kill_on_close - switch PROCFD_KILL_ON_CLOSE
 * @inode: a descriptor's inode
 * @on: what to
 *
 * A name is the hand-over: what has one must not kill when it is closed. Here
 * and in ->link the inode's lock is held, so that it is either first given the
 * name or first made to kill.
 *
 * Return: 0; -EINVAL if it did not come from FORK, or has a name.
 */
int procfd_inode_set_kill_on_close(struct inode *inode, bool on)
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

/**
 * procfd_inode_new_descriptor - make an inode without a name
 * @sb: superblock of procfdfs
 * @p: process; the inode takes a reference of its own
 * @fops: how it is opened by a name
 *
 * Owned by the caller's fsuid and fsgid, mode 0600 whatever the umask, since a
 * umask was never chosen with signals in mind. Its authority is current's.
 *
 * Return: the inode, or NULL when out of memory.
 */
struct inode *procfd_inode_new_descriptor(struct super_block *sb,
					  struct procfd_process *p,
					  const struct file_operations *fops)
{
	struct inode *inode = procfd_inode_new(sb);
	struct procfd_inode *pi;

	if (!inode)
		return NULL;
	inode->i_mode = S_IFIFO | 0600;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_op = &descriptor_iops;
	inode->i_fop = fops;
	clear_nlink(inode);

	pi = procfd_i(inode);
	procfd_process_get(p);
	pi->process = p;
	pi->inside = procfd_authority_is_inside(p);
	pi->authority = get_current_cred();
	if (p->tree)
		procfd_tree_seen(p->tree);
	remember(pi);
	return inode;
}

/**
 * procfd_inode_alloc - ->alloc_inode of procfdfs
 * @sb: superblock
 */
struct inode *procfd_inode_alloc(struct super_block *sb)
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

/**
 * procfd_inode_free - ->free_inode of procfdfs
 * @inode: nobody has it any more, under RCU either
 */
void procfd_inode_free(struct inode *inode)
{
	kmem_cache_free(inode_cache, procfd_i(inode));
}

/**
 * procfd_inode_evict - ->evict_inode of procfdfs
 * @inode: nobody refers to it but those who hold a lock of ours, see forget()
 */
void procfd_inode_evict(struct inode *inode)
{
	struct procfd_inode *pi = procfd_i(inode);

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (!pi->process)
		return;	/* a directory */
	forget(pi);
	put_cred(take_authority(pi));
	if (pi->process->tree)
		procfd_tree_unseen(pi->process->tree);
	procfd_process_put(pi->process);
}

static void init_once(void *object)
{
	struct procfd_inode *pi = object;

	spin_lock_init(&pi->lock);
	inode_init_once(&pi->vfs);
}

int __init procfd_inode_init(void)
{
	inode_cache = kmem_cache_create("procfd_inode",
					sizeof(struct procfd_inode), 0,
					SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					init_once);
	if (!inode_cache)
		return -ENOMEM;
	procfd_process_on_exit(&exit_notifier);
	return 0;
}

/* No exit work runs any more. */
void procfd_inode_exit(void)
{
	rcu_barrier();	/* inodes are freed by RCU, with our function */
	kmem_cache_destroy(inode_cache);
}
