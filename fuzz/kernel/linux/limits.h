/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_LIMITS_H
#define FUZZ_LINUX_LIMITS_H

#include <limits.h>

#endif /* FUZZ_LINUX_LIMITS_H */
