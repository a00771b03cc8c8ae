// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quiet children: they send no SIGCHLD, and no wildcard wait takes them.
 *
 * That is what the kernel does with a child whose exit signal is 0. It is set
 * before the child runs. exec sets it to SIGCHLD, so it is cleared again after
 * that; and it is SIGCHLD again once the parent is another.
 */
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "procfd.h"

/* The kernel reaps quiet children for us; constant after init. */
static bool autoreap __ro_after_init;

/**
 * procfd_quiet_autoreaps - does a quiet child leave no zombie on this kernel
 */
bool procfd_quiet_autoreaps(void)
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
 * Put the exit signal of a quiet child, current's process, to what it must be. Only
 * the leader does that. Return whether the child is still quiet.
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
static bool quiet_update(struct procfd_process *p)
{
	bool leads = thread_group_leader(current);
	bool quiet = false, same = false;
	struct task_struct *leader, *parent;
	struct sighand_struct *sighand;

	rcu_read_lock();
	/* Not ->group_leader: exec frees an old one before each thread is gone. */
	leader = pid_task(task_tgid(current), PIDTYPE_TGID);
	while (leader && !same) {
		parent = rcu_dereference(leader->real_parent);
		if (!quiet_wanted(p, leader, parent))
			break;
		procfd_race(quiet_before_siglock);
		/*
		 * lock_task_sighand() is not exported. If that thread is gone,
		 * or its sighand, there is a new one to be read at once: children
		 * are given away before a thread loses its sighand.
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
		if (quiet && leads)
			WRITE_ONCE(leader->exit_signal, 0);
		spin_unlock_irq(&sighand->siglock);
	}
	if (!quiet && leads)
		WRITE_ONCE(leader->exit_signal, SIGCHLD);
	rcu_read_unlock();
	return quiet;
}

/**
 * procfd_quiet_begin - make a new child quiet, if it is a child of current
 * @p: process that is to be bound to it
 * @child: it has not run, so it cannot object
 *
 * Context: Process context, must not sleep.
 */
void procfd_quiet_begin(struct procfd_process *p, struct task_struct *child)
{
	/* With CLONE_PARENT it is a child of somebody who did not ask. */
	if (rcu_access_pointer(child->real_parent) != current)
		return;

	WRITE_ONCE(child->exit_signal, 0);
	procfd_signal_set_autoreap(child->signal, autoreap);
	p->quiet_parent = get_pid(task_tgid(current));
	p->quiet = true;
	procfd_process_exit_matters(p);
	/* Until quiet_over(). The open descriptor pins us now. */
	procfd_process_get(p);
	__module_get(THIS_MODULE);
	atomic_inc(&procfd_armed);
}

/*
 * A process has exited; if it is a quiet child, the hold of procfd_quiet_begin() ends. The
 * caller has a reference beside that, and runs in the module's own work queue,
 * which the module's exit drains before the text goes.
 */
static int quiet_over(struct notifier_block *nb, unsigned long action,
		      void *process)
{
	struct procfd_process *p = process;

	if (action == PROCFD_EXITED && p->quiet) {
		atomic_dec(&procfd_armed);
		procfd_race_sleep(quiet_before_module_put);
		procfd_process_put(p);
		module_put(THIS_MODULE);
	}
	return NOTIFY_DONE;
}

/* After all others, since the module may go. */
static struct notifier_block exit_notifier = {
	.notifier_call	= quiet_over,
	.priority	= -1,
};

/**
 * procfd_quiet_update_current - put the exit signal of current to what it must be
 * @over: current is the last thread of its process, and exits
 *
 * Does nothing unless current's process is a quiet child.
 *
 * Where the kernel reaps quiet children, one that is not quiet any more must not be
 * reaped: whoever has adopted it, or the program that its parent has become, waits
 * for it. Only the last thread takes the flag away, since others could be changing
 * their neighbours in its word by prctl().
 *
 * The parent may still die or exec after this look. Then the child has exited first,
 * and was reaped as a quiet child is:
 *
 *   here, the last thread		parent
 *   it is there: the flag stays
 *					dies or execs; the child is given away
 *   exit_notify() reaps it, and
 *   wakes whoever waits
 *
 * An adopter that waits for a child that it has seen then gets ECHILD, as it does
 * when another of its threads was faster.
 */
void procfd_quiet_update_current(bool over)
{
	struct procfd_process *p = procfd_process_find_quiet(task_tgid(current));

	if (p) {
		if (!quiet_update(p) && over)
			procfd_signal_set_autoreap(current->signal, false);
		procfd_process_put(p);
	}
}

void __init procfd_quiet_init(void)
{
	autoreap = procfd_signal_has_autoreap();
	procfd_process_on_exit(&exit_notifier);
}
