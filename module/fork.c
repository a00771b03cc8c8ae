// SPDX-License-Identifier: GPL-2.0-only
/*
 * Awaiting the next child.
 *
 * A thread announces a fork; the tracepoint sched_process_fork, which runs in
 * the parent after the child exists and before it first runs, binds the child.
 * No libc and no kind of fork can get past it.
 */
#include <linux/hashtable.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "procfd.h"

/* Announcements by thread. Read under RCU; who unhashes one owns it. */
static DEFINE_HASHTABLE(pending, 10);
static DEFINE_SPINLOCK(pending_lock);

/* Only current looks for its own announcement, so what is found stays true. */
static struct procfd_process *pending_find(void)
{
	struct procfd_process *p;

	hash_for_each_possible_rcu(pending, p, pending_node,
				   (unsigned long)current) {
		if (READ_ONCE(p->pending_task) == current)
			return p;
	}
	return NULL;
}

/* The same with a reference: leaving the read side, it may be closed and freed. */
static struct procfd_process *pending_get(void)
{
	struct procfd_process *p;

	rcu_read_lock();
	p = pending_find();
	if (p && !refcount_inc_not_zero(&p->refs))
		p = NULL;
	rcu_read_unlock();
	return p;
}

/* Under pending_lock, on an announcement that is still hashed. */
static void pending_unhash(struct procfd_process *p)
{
	lockdep_assert_held(&pending_lock);
	hash_del_rcu(&p->pending_node);
	atomic_dec(&procfd_armed);
}

/* Without the lock: either may be the last reference. */
static void pending_put(struct procfd_process *p)
{
	put_task_struct(p->pending_task);
	procfd_process_put(p);
}

/**
 * procfd_fork_announce - bind the next child of this thread to a process
 * @p: process in state PROCFD_STATE_UNBOUND
 * @flags: PROCFD_QUIET, or 0
 *
 * Takes a reference of its own on @p and on current.
 *
 * Return: 0; -EBUSY if this thread has announced one already.
 */
int procfd_fork_announce(struct procfd_process *p, u32 flags)
{
	int ret = 0;

	rcu_read_lock();
	if (pending_find())
		ret = -EBUSY;
	rcu_read_unlock();
	if (ret)
		return ret;

	procfd_process_get(p);
	p->pending_task = get_task_struct(current);
	p->pending_exec_id = READ_ONCE(current->self_exec_id);
	p->pending_flags = flags;
	spin_lock(&pending_lock);
	hash_add_rcu(pending, &p->pending_node, (unsigned long)current);
	atomic_inc(&procfd_armed);
	spin_unlock(&pending_lock);
	return 0;
}

/**
 * procfd_fork_withdraw - drop the announcement of a process, if it has one
 * @p: process
 *
 * On return the fork was either bound, wholly, or will not be:
 *
 *   thread, in its fork			another, closing the last copy
 *   lock, unhash, bind, unlock
 *						lock, not hashed: leave it
 *						state is RUNNING: may be killed
 * or
 *						lock, unhash, unlock
 *   lock, not hashed: not ours		drop
 *
 * so that kill-on-close cannot miss a child between the two.
 */
void procfd_fork_withdraw(struct procfd_process *p)
{
	bool ours;

	if (procfd_process_state(p) != PROCFD_STATE_UNBOUND)
		return;
	procfd_race(withdraw_before_lock);
	spin_lock(&pending_lock);
	ours = hash_hashed(&p->pending_node);
	if (ours)
		pending_unhash(p);
	spin_unlock(&pending_lock);
	if (!ours)
		return;
	/* It is ours alone now. However many wait for it, others need the lock. */
	procfd_process_drop(p);
	pending_put(p);
}

/**
 * procfd_fork_cancel - drop the announcement of this thread
 *
 * Return: 0, or -ENOENT if there is none.
 */
int procfd_fork_cancel(void)
{
	struct procfd_process *p = pending_get();

	if (!p)
		return -ENOENT;
	procfd_race(cancel_before_withdraw);
	procfd_fork_withdraw(p);
	procfd_process_put(p);
	return 0;
}

/**
 * procfd_fork_bind - give what current has announced its process
 * @child: a new process of current's, which has not run
 *
 * Announced or not, it becomes a member of the trees that current is in.
 *
 * Context: Process context, must not sleep.
 */
void procfd_fork_bind(struct task_struct *child)
{
	struct procfd_process *p = pending_get();
	bool ours, wanted;

	if (!p) {
		procfd_tree_fork(child);
		return;
	}

	procfd_race(fork_before_lock);
	/*
	 * An exec drops it, in probe_exec(); this is for whatever comes between
	 * the two. Else one could arm, exec a set-uid program and own that
	 * program's first child.
	 */
	wanted = p->pending_exec_id == READ_ONCE(current->self_exec_id);
	spin_lock(&pending_lock);
	ours = hash_hashed(&p->pending_node);
	if (ours) {
		pending_unhash(p);
		if (wanted) {
			if (p->pending_flags & PROCFD_QUIET)
				procfd_quiet_begin(p, child);
			procfd_race(fork_before_bind);
			procfd_process_bind(p, child);
			/* With the lock: kill-on-close must not miss it here. */
			procfd_tree_join(p, child);
		}
	}
	spin_unlock(&pending_lock);
	/* Without the lock, as there. */
	if (ours && wanted) {
		procfd_tree_welcome(p);
		procfd_process_tell_bound(p);
	} else {
		procfd_tree_fork(child);
	}
	if (ours && !wanted)
		procfd_process_drop(p);
	if (ours)
		pending_put(p);
	procfd_process_put(p);
}
