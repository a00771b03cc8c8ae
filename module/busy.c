// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lock for each inode that is being flinked, for as long as it is.
 *
 * Not a few locks that inodes share by hash. Whoever holds one waits for
 * inode_lock(), which whoever writes to the file can hold for as long as he likes,
 * by a page fault that his own FUSE server answers. The next one waits with a
 * directory locked, and only a flink of the same file may have to, into a
 * directory that its caller may change: as linkat(2) does.
 */
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "procfd.h"

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
 * procfd_busy_lock - wait until nobody flinks an inode
 * @inode: the source of a flink
 *
 * Context: Process context, may sleep; the directory may be locked, the inode not.
 * Return: what to unlock; ERR_PTR(-ENOMEM), ERR_PTR(-EINTR) for a fatal signal.
 */
struct procfd_busy *procfd_busy_lock(const struct inode *inode)
{
	struct procfd_busy *busy = busy_get(inode);
	int ret;

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
