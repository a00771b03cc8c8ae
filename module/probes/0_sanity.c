// SPDX-License-Identifier: GPL-2.0-only
/* Must compile on every kernel: proves that the probes' flags are right. */
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>

int procfd_probe(struct task_struct *task);
int procfd_probe(struct task_struct *task)
{
	return task->exit_code;
}
