// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom a signal to a descriptor reaches: its process, or more than that.
 */
#include "procfd.h"
#include "tree.h"

static int signal_main(struct procfd_tree *tree,
		       const struct procfd_authority *authority, int sig)
{
	struct procfd_process *main;
	struct pid *pid;
	int ret;

	/* One that exits meanwhile hands it on to the next. */
	do {
		main = procfd_tree_main(tree);
		if (!main)
			return -ESRCH;
		pid = procfd_process_get_pid(main);
		ret = pid ? procfd_authority_kill(authority, pid, sig) : -ESRCH;
		put_pid(pid);
		procfd_process_put(main);
		cond_resched();
	} while (ret == -ESRCH);
	return ret;
}

/**
 * procfd_signal - send a signal with a descriptor's rights
 * @pi: descriptor
 * @sig: signal, 0 only checks
 * @scope: enum procfd_scope
 * @reach: out: whom it reached
 *
 * Context: Process context, may sleep.
 * Return: 0; -ESRCH before there is a process, and once nobody of the scope is left;
 * -EPERM, or -EACCES as the LSM has it; -EINVAL for a scope that there is not; -ENOMEM
 * and -EINTR for a tree.
 */
int procfd_signal(struct procfd_inode *pi, int sig, u32 scope,
		  struct procfd_reach *reach)
{
	struct procfd_process *p = pi->process;
	struct procfd_tree *tree = procfd_process_tree(p);
	struct procfd_authority authority;
	int ret;

	*reach = (struct procfd_reach){};
	if (scope > PROCFD_SCOPE_TREE || (scope == PROCFD_SCOPE_TREE && !tree))
		return -EINVAL;
	if (scope == PROCFD_SCOPE_MAIN && !tree)
		scope = PROCFD_SCOPE_PROCESS;
	if ((!tree || scope == PROCFD_SCOPE_PROCESS) &&
	    procfd_process_state(p) != PROCFD_STATE_RUNNING)
		return -ESRCH;

	ret = procfd_authority_take(pi, &authority);
	if (ret)
		return ret;
	procfd_race_sleep(signal_before_credentials);
	switch (scope) {
	case PROCFD_SCOPE_TREE:
		ret = procfd_tree_signal(tree, &authority, sig, reach);
		break;
	case PROCFD_SCOPE_GROUP:
		ret = procfd_authority_kill_group(&authority, sig);
		break;
	case PROCFD_SCOPE_MAIN:
		ret = signal_main(tree, &authority, sig);
		break;
	default:
		ret = procfd_authority_kill(&authority, authority.pid, sig);
	}
	procfd_authority_put(&authority);
	if (scope != PROCFD_SCOPE_TREE) {
		reach->sent = !ret;
		reach->refused = ret == -EPERM || ret == -EACCES;
	}
	return ret;
}
