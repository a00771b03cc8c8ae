// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module does at each fork, exec and exit in the system.
 *
 * The probes are registered once, when the module is loaded: registering one
 * per call would let any user of a 0666 device patch kernel text in a loop.
 * Until somebody announces a fork or has a quiet child, each costs everyone one
 * test of a counter, and a fork one more, for trees.
 */
#include <linux/binfmts.h>
#include <linux/mm_types.h>	/* trace/events/sched.h wants struct folio */
#include <linux/sched/signal.h>
#include <linux/tracepoint.h>

#include <trace/events/sched.h>

#include "procfd.h"

/* In the parent, before the child runs. May be preempted from 7.x on. */
static void probe_fork(void *data, struct task_struct *parent,
		       struct task_struct *child)
{
	if (likely(!atomic_read(&procfd_armed) && !atomic_read(&procfd_trees)))
		return;
	if (thread_group_leader(child))	/* no thread: announcements stay */
		procfd_fork_bind(child);
}

/* In the task that exec'd, which leads its thread group now. */
static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	if (likely(!atomic_read(&procfd_armed)))
		return;
	procfd_fork_cancel();
	procfd_quiet_update_current(false);
}

/*
 * In each thread that exits, before exit_notify(). exec sets a quiet child's
 * exit signal to SIGCHLD some time before probe_exec() sets it back, and a
 * signal may kill the child in between; here is where that is closed. The
 * thread that exec'd leads by then. Others must leave the leader's exit signal
 * alone: exec waits for most of them, but not for all kinds, before it makes
 * the old leader a thread.
 *
 * @over: it is the last of its process. Older kernels do not tell, and do not ask.
 */
static void thread_exits(bool over)
{
	if (likely(!atomic_read(&procfd_armed)))
		return;
	procfd_race(thread_exit);
	procfd_fork_cancel();
	if (over || thread_group_leader(current))
		procfd_quiet_update_current(over);
}

/* 6.16: the probe is told whether the group is dead. */
#ifdef HAVE_EXIT_GROUP_DEAD
static void probe_exit(void *data, struct task_struct *task, bool group_dead)
{
	thread_exits(group_dead);
}
#else
static void probe_exit(void *data, struct task_struct *task)
{
	thread_exits(false);
}
#endif

static const struct {
	const char *tracepoint;
	void *function;
} probes[] = {
	{ "sched_process_fork", probe_fork },
	{ "sched_process_exec", probe_exec },
	{ "sched_process_exit", probe_exit },
};

static void unregister_probes(size_t count)
{
	while (count--)
		procfd_tracepoint_unregister(probes[count].tracepoint,
					     probes[count].function);
	/* No probe is running any more when this returns. */
	tracepoint_synchronize_unregister();
}

int __init procfd_probes_init(void)
{
	size_t i;
	int ret;

	/* They are registered as void *: here the compiler compares types. */
	check_trace_callback_type_sched_process_fork(probe_fork);
	check_trace_callback_type_sched_process_exec(probe_exec);
	check_trace_callback_type_sched_process_exit(probe_exit);

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		ret = procfd_tracepoint_register(probes[i].tracepoint,
						 probes[i].function);
		if (ret) {
			pr_err("cannot use tracepoint %s: %d\n",
			       probes[i].tracepoint, ret);
			unregister_probes(i);
			return ret;
		}
	}
	return 0;
}

void procfd_probes_exit(void)
{
	unregister_probes(ARRAY_SIZE(probes));
}
