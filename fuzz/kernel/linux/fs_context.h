/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_FS_CONTEXT_H
#define FUZZ_LINUX_FS_CONTEXT_H

#include <errno.h>

/**
 * struct fs_context - what a mount is made with
 * @fs_private: the filesystem's own
 * @messages: how many its log has got
 */
struct fs_context {
	void *fs_private;
	unsigned int messages;
};

__attribute__((format(printf, 2, 3))) static inline int
invalfc(struct fs_context *fc, const char *format, ...)
{
	fc->messages += *format != '\0';
	return -EINVAL;
}

#endif /* FUZZ_LINUX_FS_CONTEXT_H */
