// SPDX-License-Identifier: GPL-2.0-only
/* Is there an autoreap that can be set without disturbing has_child_subreaper? */
#include <linux/sched/signal.h>

#ifndef PROBE_COUNTER
bool *probe(struct signal_struct *signal);

/* A bit has no address, and shares its word with its neighbours. */
bool *probe(struct signal_struct *signal)
{
	signal->autoreap = 1;
	return &signal->has_child_subreaper;
}
#else
static_assert(_Generic(((struct signal_struct *)NULL)->has_child_subreaper,
		       bool : false, default : true));
#endif
