/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Points at which a comment draws a race. Nothing in the ordinary module; built
 * with PROCFD_RACE=y, each delays whoever passes it by a random time, so that
 * what a test can only hope to meet is met often. See race.c.
 */
#ifndef PROCFD_RACE_H
#define PROCFD_RACE_H

#ifdef PROCFD_RACE

#include <linux/atomic.h>
#include <linux/llist.h>

/**
 * struct procfd_race_point - a point, and how often it was passed
 * @name: what the module's source calls it
 * @passed: how often
 * @node: in the list of those that were passed at all
 */
struct procfd_race_point {
	const char *name;
	atomic_t passed;
	struct llist_node node;
};

void procfd_race_pass(struct procfd_race_point *point, bool may_sleep);
void procfd_race_report(void);

#define procfd_race_delay(text, may_sleep)				\
do {									\
	static struct procfd_race_point point = { .name = (text) };	\
									\
	procfd_race_pass(&point, may_sleep);				\
} while (0)

/* Wherever spin locks may be held, or interrupts be off. */
#define procfd_race(name)	procfd_race_delay(#name, false)
/* Where one may sleep. */
#define procfd_race_sleep(name)	procfd_race_delay(#name, true)

#else

static inline void procfd_race_ignore(const char *name)
{
}

static inline void procfd_race_report(void)
{
}

#define procfd_race(name)	procfd_race_ignore(#name)
#define procfd_race_sleep(name)	procfd_race_ignore(#name)

#endif /* PROCFD_RACE */

#endif /* PROCFD_RACE_H */
