/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_USER_NAMESPACE_H
#define FUZZ_LINUX_USER_NAMESPACE_H

/**
 * struct user_namespace - one range of ids
 * @first: in it
 * @lower: the kernel's id for @first
 * @count: how many
 */
struct user_namespace {
	unsigned int first;
	unsigned int lower;
	unsigned int count;
};

static struct user_namespace init_user_ns = {0, 0, -1U};

#endif /* FUZZ_LINUX_USER_NAMESPACE_H */
