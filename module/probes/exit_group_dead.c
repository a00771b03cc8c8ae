// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mm_types.h>	/* the next one does not bring struct folio */
#include <trace/events/sched.h>

void probe(struct task_struct *task);

void probe(struct task_struct *task)
{
#ifndef PROBE_COUNTER
	trace_sched_process_exit(task, true);
#else
	trace_sched_process_exit(task);
#endif
}
