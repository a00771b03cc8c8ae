/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What builds for testing add to the module: delays at races (race.h), counters
 * for the fuzzer (coverage.c) and for make coverage (gcov.c). The ordinary module
 * has none of it.
 */
#ifndef PROCFD_DEBUG_HOOKS_H
#define PROCFD_DEBUG_HOOKS_H

#include "gcov.h"
#include "race.h"

/* coverage.c */
#ifdef PROCFD_COVERAGE
int procfd_coverage_init(void);
void procfd_coverage_exit(void);
#else
static inline int procfd_coverage_init(void)
{
	return 0;
}

static inline void procfd_coverage_exit(void)
{
}
#endif

/* Before everything else of the module. */
static inline int procfd_debug_init(void)
{
	return procfd_coverage_init();
}

/* After everything else. */
static inline void procfd_debug_exit(void)
{
	procfd_race_report();
	procfd_coverage_exit();
	procfd_gcov_write();
}

#endif /* PROCFD_DEBUG_HOOKS_H */
