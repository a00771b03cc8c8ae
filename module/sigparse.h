/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a write to a process descriptor means. Plain C without the kernel's
 * state, so that the same file is fuzzed in user space.
 */
#ifndef PROCFD_SIGPARSE_H
#define PROCFD_SIGPARSE_H

#include <linux/types.h>

/**
 * struct procfd_sigparse - a place in the bytes of one write
 * @bytes: what was written
 * @length: how much
 * @offset: how much procfd_sigparse_next() has consumed
 * @text: names and numbers; otherwise one byte, one signal
 * @scope: enum procfd_scope, of all signals of the write
 */
struct procfd_sigparse {
	const char *bytes;
	size_t length;
	size_t offset;
	bool text;
	__u32 scope;
};

int procfd_sigparse_begin(struct procfd_sigparse *parse, const char *bytes,
			  size_t length);
int procfd_sigparse_next(struct procfd_sigparse *parse);

/* procfd_sigparse_next(): nothing is left. */
#define PROCFD_SIGPARSE_END	(-1)

#endif /* PROCFD_SIGPARSE_H */
