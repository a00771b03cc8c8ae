/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What a module built for the fuzzer offers to it; see module/coverage.c.
 */
#ifndef PROCFD_COVERAGE_H
#define PROCFD_COVERAGE_H

/* A device to map: a counter for each four bytes of the module's text. */
#define PROCFD_COVERAGE_DEVICE	"/dev/procfd_coverage"

/* Counters. The one in the middle is of __sanitizer_cov_trace_pc() itself. */
#define PROCFD_COVERAGE_SIZE	0x10000

#endif /* PROCFD_COVERAGE_H */
