/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coverage of this module alone, on any kernel; only with PROCFD_GCOV=y, see
 * gcov.c.
 */
#ifndef PROCFD_GCOV_H
#define PROCFD_GCOV_H

#ifdef PROCFD_GCOV

#include <linux/types.h>

struct gcov_info;

/* The linker puts them around those of the other objects, see Kbuild. */
extern struct gcov_info *const procfd_gcov_first[], *const procfd_gcov_last[];

void __gcov_merge_add(s64 *counters, unsigned int count);
void procfd_gcov_write(void);

#else
static inline void procfd_gcov_write(void)
{
}

#endif /* PROCFD_GCOV */

#endif /* PROCFD_GCOV_H */
