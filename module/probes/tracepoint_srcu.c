// SPDX-License-Identifier: GPL-2.0-only
/*
 * Are the probes of tracepoints called under SRCU, where they may be preempted, and
 * not with preemption off? This came with that.
 */
#include <linux/tracepoint.h>

#ifndef PROBE_COUNTER
void probe(struct rcu_head *head, rcu_callback_t function);

void probe(struct rcu_head *head, rcu_callback_t function)
{
	call_tracepoint_unregister_atomic(head, function);
}
#else
int call_tracepoint_unregister_atomic(void);
#endif
