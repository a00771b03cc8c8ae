// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random delays at the points that race.h names; only with PROCFD_RACE=y.
 *
 * Most passes are not delayed, or everybody would be late by the same and meet
 * nobody. How often each point was passed is logged when the module goes: a
 * point that no test reaches is a race that no test runs.
 */
#include <linux/delay.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/sched.h>

#include "race.h"

#define DELAY_MAX_US	200

static LLIST_HEAD(passed);

void procfd_race_pass(struct procfd_race_point *point, bool may_sleep)
{
	u32 dice = get_random_u32();

	/* The first to come enters it; the list is only read at the end. */
	if (atomic_inc_return(&point->passed) == 1)
		llist_add(&point->node, &passed);

	switch (dice % 8) {
	case 0:
		udelay((dice >> 8) % DELAY_MAX_US);
		break;
	case 1:
		udelay((dice >> 8) % (DELAY_MAX_US / 20));
		break;
	case 2:
		if (may_sleep)
			cond_resched();
		break;
	case 3:
		if (may_sleep)
			usleep_range(1, 1 + (dice >> 8) % DELAY_MAX_US);
		break;
	}
}

/* Nobody passes any more. */
void procfd_race_report(void)
{
	struct procfd_race_point *point;

	llist_for_each_entry(point, passed.first, node)
		pr_info("race point passed %d times: %s\n",
			atomic_read(&point->passed), point->name);
}
