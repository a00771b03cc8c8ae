/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_SIGNAL_H
#define FUZZ_LINUX_SIGNAL_H

#include <signal.h>

/* The C library counts one more. */
#undef _NSIG
#define _NSIG 64

#endif /* FUZZ_LINUX_SIGNAL_H */
