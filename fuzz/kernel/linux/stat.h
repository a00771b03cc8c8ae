/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_STAT_H
#define FUZZ_LINUX_STAT_H

#include <sys/stat.h>

#define S_IALLUGO 07777

#endif /* FUZZ_LINUX_STAT_H */
