/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_CRED_H
#define FUZZ_LINUX_CRED_H

#include <linux/user_namespace.h>

/* The test's. */
struct user_namespace *current_user_ns(void);

#endif /* FUZZ_LINUX_CRED_H */
