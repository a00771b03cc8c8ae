// SPDX-License-Identifier: GPL-2.0-only
#include <linux/sched/signal.h>

void probe(struct signal_struct *signal);

void probe(struct signal_struct *signal)
{
	signal->autoreap = 1;
}
