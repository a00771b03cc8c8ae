/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_COMPILER_H
#define FUZZ_LINUX_COMPILER_H

#define WRITE_ONCE(to, value) ((void)((to) = (value)))

#endif /* FUZZ_LINUX_COMPILER_H */
