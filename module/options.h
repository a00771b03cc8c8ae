/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mount options of procfdfs. They know nothing of the filesystem, so that
 * the same file is fuzzed in user space.
 */
#ifndef PROCFD_OPTIONS_H
#define PROCFD_OPTIONS_H

#include <linux/bits.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/seq_file.h>
#include <linux/types.h>
#include <linux/uidgid.h>

#define PROCFD_OPT_UID	BIT(0)
#define PROCFD_OPT_GID	BIT(1)
#define PROCFD_OPT_MODE	BIT(2)
#define PROCFD_OPT_MAX	BIT(3)

/**
 * struct procfd_options - of a mount, or of the filesystem
 * @given: PROCFD_OPT_*, which of them a mount gave; the rest means nothing then
 * @uid: owner of the root directory
 * @gid: its group
 * @mode: its mode
 * @max: how many names and directories there may be, 0 for no limit
 */
struct procfd_options {
	unsigned int given;
	kuid_t uid;
	kgid_t gid;
	umode_t mode;
	unsigned int max;
};

extern const struct procfd_options procfd_options_default;
extern const struct fs_parameter_spec procfd_options_spec[];

int procfd_options_parse(struct fs_context *fc, struct fs_parameter *parameter);
void procfd_options_merge(struct procfd_options *options,
			  const struct procfd_options *given);
void procfd_options_show(struct seq_file *m,
			 const struct procfd_options *options);

#endif /* PROCFD_OPTIONS_H */
