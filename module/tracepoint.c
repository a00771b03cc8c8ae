// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracepoints of the kernel that are not exported by name, but can be found by it;
 * and the count of what their probes are there for.
 */
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "procfd.h"

/*
 * How many announcements and quiet children there are. Every fork, exec and exit
 * in the system reads it.
 */
atomic_t procfd_armed = ATOMIC_INIT(0);

struct search {
	const char *name;
	struct tracepoint *found;
};

static void compare(struct tracepoint *tracepoint, void *data)
{
	struct search *search = data;

	if (!strcmp(tracepoint->name, search->name))
		search->found = tracepoint;
}

static struct tracepoint *find(const char *name)
{
	struct search search = { .name = name };

	for_each_kernel_tracepoint(compare, &search);
	return search.found;
}

/**
 * procfd_tracepoint_register - have a function called at a tracepoint
 * @name: of the tracepoint, as /sys/kernel/tracing/events has it
 * @probe: the function; its type is not checked here
 *
 * Return: 0; -ENOENT if this kernel has no such tracepoint; -ENOMEM.
 */
int procfd_tracepoint_register(const char *name, void *probe)
{
	struct tracepoint *tracepoint = find(name);

	return tracepoint ?
	       tracepoint_probe_register(tracepoint, probe, NULL) : -ENOENT;
}

/**
 * procfd_tracepoint_unregister - undo procfd_tracepoint_register()
 * @name: of the tracepoint
 * @probe: the function; may still be running when this returns, see
 *	tracepoint_synchronize_unregister()
 */
void procfd_tracepoint_unregister(const char *name, void *probe)
{
	tracepoint_probe_unregister(find(name), probe, NULL);
}
