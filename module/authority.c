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
 * not do from inside, it must not do by the hand of another either.
 */
static bool is_protected(const struct procfd_inode *pi, struct pid *pid, int sig)
{
	return pi->inside && sig_kernel_only(sig) && is_child_reaper(pid);
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
 * procfd_authority_signal - send a signal with a descriptor's rights
 * @pi: descriptor
 * @sig: signal, 0 only checks
 *
 * Context: Process context, may sleep.
 * Return: 0; -ESRCH before there is a process and once it has exited; -EPERM,
 * or -EACCES as the LSM has it.
 */
int procfd_authority_signal(struct procfd_inode *pi, int sig)
{
	struct procfd_process *p = pi->process;
	const struct cred *authority, *old;
	struct pid *pid;
	int ret;

	if (procfd_process_state(p) != PROCFD_STATE_RUNNING)
		return -ESRCH;

	/*
	 * Exit takes the authority away (procfd_fs_tell_exit()) while we
	 * may be about to use it: a reference of our own, taken under the lock,
	 * keeps it for this one signal, which then goes to a zombie at worst.
	 */
	spin_lock(&pi->lock);
	authority = pi->authority ? get_cred(pi->authority) : NULL;
	spin_unlock(&pi->lock);
	if (!authority)
		return -ESRCH;
	pid = procfd_process_get_pid(p);
	if (!pid) {
		put_cred(authority);
		return -ESRCH;
	}

	procfd_race_sleep(signal_before_credentials);
	old = override_creds(authority);
	/* To no effect, as for its maker, if that is so; but allowed. */
	if (may_signal_oneself(pid, sig))
		ret = kill_pid(pid, is_protected(pi, pid, sig) ? 0 : sig, 0);
	else
		ret = -EPERM;
	revert_creds(old);
	put_pid(pid);
	put_cred(authority);
	return ret;
}
