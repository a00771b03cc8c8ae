// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose rights a signal is sent with.
 *
 * A descriptor acts with the credentials that it was made with, never with the
 * writer's: a privileged program that is tricked into writing to it gains the
 * attacker nothing. The kernel's own rule is asked for every signal, so that
 * the authority never exceeds what its maker could do with kill(2) now: once
 * the process has become another user's, its maker's descriptor gets EPERM.
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>

#include "procfd.h"

/**
 * procfd_authority_may_open - may current have a descriptor for a process
 * @pid: struct pid of a thread group leader
 *
 * Yes if it may signal the process by the rule of kill(2), or is its parent.
 *
 * Return: 0; -EPERM; -ESRCH if the process was reaped.
 */
int procfd_authority_may_open(struct pid *pid)
{
	struct task_struct *task;
	int ret;

	/* priv = 0: with current's credentials, and the LSM is asked too. */
	ret = kill_pid(pid, 0, 0);
	if (ret != -EPERM && ret != -EACCES)	/* the latter is some LSMs' */
		return ret;

	ret = -EPERM;
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task && same_thread_group(rcu_dereference(task->real_parent),
				      current))
		ret = 0;
	rcu_read_unlock();
	return ret;
}

/**
 * procfd_authority_is_inside - is current in the pid namespace of a process
 * @p: process that a descriptor is being made for
 *
 * Return: also false before the fork: who makes a namespace's init is outside,
 * and it matters for no other, see is_protected().
 */
bool procfd_authority_is_inside(struct procfd_process *p)
{
	struct pid *pid = procfd_process_get_pid(p);
	bool inside;

	/* Once it was given back there is nothing to signal. */
	inside = pid && pid_nr_ns(task_pid(current), ns_of_pid(pid));
	put_pid(pid);
	return inside;
}

/*
 * The init of a pid namespace takes SIGKILL and SIGSTOP from outside only. The
 * kernel looks at where current is, who is the writer; but what the maker could
 * not do from inside, it must not do by the hand of another either. A maker that is
 * inside the descriptor's process's namespace is in that very one, since it was made
 * or found from there; so of a member of a tree it is inside if that is in it, too.
 */
static bool is_protected(const struct procfd_authority *authority, struct pid *pid,
			 int sig)
{
	return authority->inside && sig_kernel_only(sig) && is_child_reaper(pid) &&
	       ns_of_pid(pid) == ns_of_pid(authority->pid);
}

/*
 * The kernel lets a process send itself any signal, and would not ask about the
 * maker: with a user's own descriptor as its output, a set-uid program that the
 * user has started would stop and kill itself by what it prints. So where current
 * is of the target, this is kill_ok_by_cred() of kernel/signal.c and what
 * check_kill_permission() says of SIGCONT, whose session is the same here. The
 * credentials are those of the thread group leader, as there.
 *
 * With the maker's credentials; the kernel asks the LSM afterwards.
 */
static bool may_signal_oneself(struct pid *pid, int sig)
{
	const struct cred *maker = current_cred(), *target;
	struct task_struct *task;
	bool may = true;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task && same_thread_group(task, current) && sig != SIGCONT) {
		target = __task_cred(task);
		may = uid_eq(maker->euid, target->suid) ||
		      uid_eq(maker->euid, target->uid) ||
		      uid_eq(maker->uid, target->suid) ||
		      uid_eq(maker->uid, target->uid) ||
		      ns_capable(target->user_ns, CAP_KILL);
	}
	rcu_read_unlock();
	return may;
}

/**
 * procfd_authority_take - get the rights that a descriptor has
 * @pi: descriptor
 * @authority: out: to be given back with procfd_authority_put()
 *
 * An exit takes them away while they may be about to be used. A reference of one's
 * own, taken under the lock, keeps them for this one signal, which then goes to a
 * zombie at worst.
 *
 * Return: 0; -ESRCH before there is a process, and once they are gone.
 */
int procfd_authority_take(struct procfd_inode *pi,
			  struct procfd_authority *authority)
{
	spin_lock(&pi->lock);
	authority->maker = get_cred(pi->authority);
	spin_unlock(&pi->lock);
	authority->pid = procfd_process_get_pid(pi->process);
	authority->inside = pi->inside;
	if (authority->maker && authority->pid)
		return 0;
	procfd_authority_put(authority);
	return -ESRCH;
}

/**
 * procfd_authority_put - give back what procfd_authority_take() has got
 * @authority: rights
 */
void procfd_authority_put(struct procfd_authority *authority)
{
	put_cred(authority->maker);
	put_pid(authority->pid);
}

/**
 * procfd_authority_kill - send a signal to a process
 * @authority: with whose rights
 * @pid: the process's
 * @sig: signal, 0 only checks
 *
 * Context: Process context. Does not sleep but where a spin lock does.
 * Return: 0; -ESRCH if it was reaped; -EPERM, or -EACCES as the LSM has it.
 */
int procfd_authority_kill(const struct procfd_authority *authority,
			  struct pid *pid, int sig)
{
	const struct cred *old = override_creds(authority->maker);
	int ret = -EPERM;

	/* To no effect, as for its maker, if that is so; but allowed. */
	if (may_signal_oneself(pid, sig))
		ret = kill_pid(pid, is_protected(authority, pid, sig) ? 0 : sig,
			       0);
	revert_creds(old);
	return ret;
}

static bool is_in_group(struct task_struct *task, struct pid *group)
{
	return task && task_pgrp(task) == group;
}

/**
 * procfd_authority_kill_group - send a signal to a process group
 * @authority: with whose rights; the group is that which its process leads, or led
 * @sig: signal, 0 only checks
 *
 * The kernel sends to the group as a whole, and no member can be left out. So where
 * one is, whom the maker may not signal and the kernel would let the writer, nobody
 * gets it.
 *
 * Return: 0 if some member got it; -ESRCH if there is none; -EPERM.
 */
int procfd_authority_kill_group(const struct procfd_authority *authority, int sig)
{
	struct pid *group = authority->pid, *init;
	const struct cred *old;
	bool ours, protected;
	int ret = -EPERM;

	rcu_read_lock();
	ours = is_in_group(current, group);
	init = find_pid_ns(1, ns_of_pid(group));
	protected = authority->inside && sig_kernel_only(sig) && init &&
		    is_in_group(pid_task(init, PIDTYPE_TGID), group);
	rcu_read_unlock();

	old = override_creds(authority->maker);
	if (!protected && (!ours || may_signal_oneself(task_tgid(current), sig)))
		ret = kill_pgrp(group, sig, 0);
	revert_creds(old);
	return ret;
}
