// SPDX-License-Identifier: GPL-2.0-only
#include <trace/events/sched.h>

void probe(struct task_struct *task);

void probe(struct task_struct *task)
{
	trace_sched_process_exit(task, true);
}
