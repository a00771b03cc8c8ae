// SPDX-License-Identifier: GPL-2.0-only
/*
 * Awaiting the next child.
 *
 * A thread announces a fork; the tracepoint sched_process_fork, which runs in
 * the parent after the child exists and before it first runs, binds the child.
 * No libc and no kind of fork can get past it.
 *
 * The probes are registered once, when the module is loaded: registering one
 * per call would let any user of a 0666 device patch kernel text in a loop.
 * Until somebody announces a fork or has a quiet child, each costs everyone one
 * test of a counter.
 */
#include <linux/binfmts.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>

#include "procfd.h"

/* How many announcements and quiet children there are. */
static atomic_t armed = ATOMIC_INIT(0);

/* Announcements by thread. Read under RCU; who unhashes one owns it. */
static DEFINE_HASHTABLE(pending, 10);
static DEFINE_SPINLOCK(pending_lock);

/* The kernel reaps quiet children for us; constant after init. */
static bool autoreap __ro_after_init;

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
	atomic_dec(&armed);
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
	atomic_inc(&armed);
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

bool procfd_fork_autoreaps(void)
{
	return autoreap;
}

/*
 * May the child be quiet: is its parent still the process that asked, and the
 * program that asked? init, which adopts it, and a program that the parent has
 * become by exec would get a zombie that a plain wait does not see.
 */
static bool quiet_wanted(struct procfd_process *p, struct task_struct *leader,
			 struct task_struct *parent)
{
	return task_tgid(parent) == p->quiet_parent &&
	       READ_ONCE(parent->self_exec_id) == leader->parent_exec_id;
}

/*
 * Under its siglock, which keeps the list, too: is there a thread that has not
 * even begun to exit?
 */
static bool some_thread_lives(struct task_struct *task)
{
	struct task_struct *t;

	/* for_each_thread() may want tasklist_lock, which is not exported. */
	list_for_each_entry(t, &task->signal->thread_head, thread_node) {
		/* This bit is set under the lock; others, by their thread. */
		if (!(data_race(t->flags) & PF_POSTCOREDUMP))
			return true;
	}
	return false;
}

/*
 * Put the exit signal of a quiet child, which is current, to what it must be.
 *
 * exec sets it to SIGCHLD. So does a parent that dies, when it gives its
 * children away. Who adopts the child waits for it as for any other, so from
 * then on it must not be 0 for an instant, or that wait finds no child. Each
 * thread takes siglock to set PF_POSTCOREDUMP before PF_EXITING, and children
 * leave a process only when all its threads have the latter:
 *
 *   here					parent, its last thread
 *   lock; it has no PF_POSTCOREDUMP
 *						do_exit()
 *   exit_signal = 0; unlock
 *						lock; PF_POSTCOREDUMP; unlock
 *						PF_EXITING
 *						real_parent = init
 *						exit_signal = SIGCHLD, and stays
 * or
 *						lock; PF_POSTCOREDUMP; unlock
 *   lock; each has it; unlock
 *   exit_signal = SIGCHLD			the same
 */
static void quiet_update(struct procfd_process *p)
{
	struct task_struct *leader = current->group_leader;
	bool quiet = false, same = false;
	struct sighand_struct *sighand;
	struct task_struct *parent;

	rcu_read_lock();
	while (!same) {
		parent = rcu_dereference(leader->real_parent);
		if (!quiet_wanted(p, leader, parent))
			break;
		procfd_race(quiet_before_siglock);
		/*
		 * lock_task_sighand() is not exported. If that thread is gone,
		 * or its sighand, there is a new one to be read.
		 */
		sighand = rcu_dereference(parent->sighand);
		if (!sighand) {
			cpu_relax();
			continue;
		}
		spin_lock_irq(&sighand->siglock);
		same = sighand == rcu_access_pointer(parent->sighand);
		quiet = same && some_thread_lives(parent);
		procfd_race(quiet_before_set);
		if (quiet)
			WRITE_ONCE(leader->exit_signal, 0);
		spin_unlock_irq(&sighand->siglock);
	}
	if (!quiet)
		WRITE_ONCE(leader->exit_signal, SIGCHLD);
	rcu_read_unlock();
}

/* The process is a child of current that has not run: it cannot object. */
static void quiet_begin(struct procfd_process *p, struct task_struct *child)
{
	/* With CLONE_PARENT it is a child of somebody who did not ask. */
	if (rcu_access_pointer(child->real_parent) != current)
		return;

	WRITE_ONCE(child->exit_signal, 0);
	procfd_signal_set_autoreap(child->signal, autoreap);
	p->quiet_parent = get_pid(task_tgid(current));
	p->quiet = true;
	procfd_process_exit_matters(p);
	/* Until procfd_fork_quiet_over(). The open descriptor pins us now. */
	procfd_process_get(p);
	__module_get(THIS_MODULE);
	atomic_inc(&armed);
}

/**
 * procfd_fork_quiet_over - a quiet child has exited
 * @p: process; the caller holds a reference beside the one that ends here
 *
 * Drops a reference on the module. The caller runs in the module's own work
 * queue, which the module's exit drains before the text goes.
 */
void procfd_fork_quiet_over(struct procfd_process *p)
{
	atomic_dec(&armed);
	procfd_race_sleep(quiet_before_module_put);
	procfd_process_put(p);
	module_put(THIS_MODULE);
}

static void quiet_update_current(void)
{
	struct procfd_process *p = procfd_process_find_quiet(task_tgid(current));

	if (p) {
		quiet_update(p);
		procfd_process_put(p);
	}
}

/* In the parent, before the child runs. May be preempted from 7.x on. */
static void probe_fork(void *data, struct task_struct *parent,
		       struct task_struct *child)
{
	struct procfd_process *p;
	bool ours, wanted;

	if (likely(!atomic_read(&armed)))
		return;
	if (!thread_group_leader(child))
		return;	/* a thread; the announcement stays */

	p = pending_get();
	if (!p)
		return;

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
				quiet_begin(p, child);
			procfd_race(fork_before_bind);
			procfd_process_bind(p, child);
		}
	}
	spin_unlock(&pending_lock);
	/* Without the lock, as there. */
	if (ours) {
		if (wanted)
			procfd_process_tell_bound(p);
		else
			procfd_process_drop(p);
		pending_put(p);
	}
	procfd_process_put(p);
}

/* In the task that exec'd, which leads its thread group now. */
static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	if (likely(!atomic_read(&armed)))
		return;
	procfd_fork_cancel();
	quiet_update_current();
}

/*
 * In each thread that exits, before exit_notify(). exec sets a quiet child's
 * exit signal to SIGCHLD some time before probe_exec() sets it back, and a
 * signal may kill the child in between; here is where that is closed. The
 * thread that exec'd leads by then. Others must leave the leader's exit signal
 * alone: exec waits for most of them, but not for all kinds, before it makes
 * the old leader a thread.
 */
static void probe_exit(PROCFD_PROBE_EXIT_ARGS(void *data,
					      struct task_struct *task))
{
	if (likely(!atomic_read(&armed)))
		return;
	procfd_race(thread_exit);
	procfd_fork_cancel();
	if (thread_group_leader(current))
		quiet_update_current();
}

/*
 * sched_process_* are not exported by name, but can be found by it.
 */
static struct procfd_probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
} probes[] = {
	{ "sched_process_fork", probe_fork },
	{ "sched_process_exec", probe_exec },
	{ "sched_process_exit", probe_exit },
};

static void __init match_tracepoint(struct tracepoint *tp, void *data)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		if (!strcmp(tp->name, probes[i].name))
			probes[i].tracepoint = tp;
	}
}

static void unregister_probes(size_t count)
{
	while (count--)
		tracepoint_probe_unregister(probes[count].tracepoint,
					    probes[count].function, NULL);
	/* No probe is running any more when this returns. */
	tracepoint_synchronize_unregister();
}

int __init procfd_fork_init(void)
{
	size_t i;
	int ret;

	autoreap = procfd_signal_has_autoreap();
	for_each_kernel_tracepoint(match_tracepoint, NULL);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		ret = -ENOENT;
		if (probes[i].tracepoint)
			ret = tracepoint_probe_register(probes[i].tracepoint,
							probes[i].function,
							NULL);
		if (ret) {
			pr_err("cannot use tracepoint %s: %d\n", probes[i].name,
			       ret);
			unregister_probes(i);
			return ret;
		}
	}
	return 0;
}

void procfd_fork_exit(void)
{
	unregister_probes(ARRAY_SIZE(probes));
}
