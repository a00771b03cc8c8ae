// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for a process to exit, and until when.
 */
#include <linux/hrtimer.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>

#include "procfd.h"

/*
 * @deadline_ns as the caller's time namespace counts, as the host counts. Never
 * negative, which timers take for the far future, nor wrapped.
 */
static ktime_t deadline_to_host(u64 deadline_ns)
{
	ktime_t deadline = ns_to_ktime(min_t(u64, deadline_ns, KTIME_MAX));
	ktime_t offset = 0;

#ifdef CONFIG_TIME_NS
	offset = timespec64_to_ktime(current->nsproxy->time_ns->offsets.monotonic);
#endif
	if (deadline < offset)
		return 0;
	if (offset < 0 && deadline > KTIME_MAX + offset)
		return KTIME_MAX;
	return ktime_sub(deadline, offset);
}

/**
 * procfd_process_wait - wait until a process has exited
 * @p: process
 * @deadline_ns: CLOCK_MONOTONIC, PROCFD_DEADLINE_NONE for ever
 *
 * Return: 0; -ECHILD if there will never be a process; -ETIMEDOUT;
 * -ERESTARTSYS on a signal, since a deadline that is absolute restarts cleanly.
 */
int procfd_process_wait(struct procfd_process *p, u64 deadline_ns)
{
	bool forever = deadline_ns == PROCFD_DEADLINE_NONE;
	ktime_t deadline = forever ? KTIME_MAX : deadline_to_host(deadline_ns);
	DEFINE_WAIT(wait);
	int ret = 0;

	while (!procfd_process_over(p)) {
		procfd_race_sleep(wait_before_queue);
		prepare_to_wait(&p->wait, &wait, TASK_INTERRUPTIBLE);
		procfd_race(wait_queued);
		if (procfd_process_over(p))
			break;
		if (signal_pending(current)) {
			ret = -ERESTARTSYS;
			break;
		}
		if (forever) {
			schedule();
			continue;
		}
		/* 0 means that the time has come. */
		if (!schedule_hrtimeout_range(&deadline, current->timer_slack_ns,
					      HRTIMER_MODE_ABS)) {
			if (!procfd_process_over(p))
				ret = -ETIMEDOUT;
			break;
		}
	}
	finish_wait(&p->wait, &wait);

	if (!ret && procfd_process_state(p) == PROCFD_STATE_DROPPED)
		ret = -ECHILD;
	return ret;
}
