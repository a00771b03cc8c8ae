/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_TYPES_H
#define FUZZ_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned int u32;
typedef int __s32;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef unsigned short umode_t;

#endif /* FUZZ_LINUX_TYPES_H */
