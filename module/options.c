// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mount options of procfdfs: what mount(8) writes, and what it is shown.
 */
#include <linux/compiler.h>
#include <linux/cred.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <linux/user_namespace.h>

#include "options.h"

const struct procfd_options procfd_options_default = {
	.uid	= GLOBAL_ROOT_UID,
	.gid	= GLOBAL_ROOT_GID,
	.mode	= 0755,
	.max	= 65536,
};

const struct fs_parameter_spec procfd_options_spec[] = {
	fsparam_u32("uid", PROCFD_OPT_UID),
	fsparam_u32("gid", PROCFD_OPT_GID),
	fsparam_u32oct("mode", PROCFD_OPT_MODE),
	fsparam_u32("max", PROCFD_OPT_MAX),
	{}
};

/**
 * procfd_options_parse - one option of a mount
 * @fc: context; its fs_private is the struct procfd_options that is filled in
 * @parameter: the option and its value
 *
 * The kernel splits and converts them. Ids are those of the caller's user
 * namespace.
 *
 * Return: 0; -EINVAL for a value, with a message for whoever mounts, and then
 * nothing has changed; -ENOPARAM for an option that is not ours.
 */
int procfd_options_parse(struct fs_context *fc, struct fs_parameter *parameter)
{
	struct procfd_options *options = fc->fs_private;
	struct fs_parse_result result;
	int option;
	kuid_t uid;
	kgid_t gid;

	/* An unknown one gets its message and EINVAL from the caller. */
	option = fs_parse(fc, procfd_options_spec, parameter, &result);
	if (option < 0)
		return option;

	switch (option) {
	case PROCFD_OPT_UID:
		uid = make_kuid(current_user_ns(), result.uint_32);
		if (!uid_valid(uid))
			return invalfc(fc, "uid %u is not mapped",
				       result.uint_32);
		options->uid = uid;
		break;
	case PROCFD_OPT_GID:
		gid = make_kgid(current_user_ns(), result.uint_32);
		if (!gid_valid(gid))
			return invalfc(fc, "gid %u is not mapped",
				       result.uint_32);
		options->gid = gid;
		break;
	case PROCFD_OPT_MODE:
		if (result.uint_32 & ~S_IALLUGO)
			return invalfc(fc, "mode %o has bits beyond 07777",
				       result.uint_32);
		options->mode = result.uint_32;
		break;
	case PROCFD_OPT_MAX:
		if (result.uint_32 > INT_MAX)
			return invalfc(fc, "max %u is more than %d",
				       result.uint_32, INT_MAX);
		options->max = result.uint_32;
		break;
	}
	options->given |= option;
	return 0;
}

/**
 * procfd_options_merge - let a mount change the filesystem's options
 * @options: the filesystem's; max may be read meanwhile
 * @given: the mount's
 */
void procfd_options_merge(struct procfd_options *options,
			  const struct procfd_options *given)
{
	if (given->given & PROCFD_OPT_UID)
		options->uid = given->uid;
	if (given->given & PROCFD_OPT_GID)
		options->gid = given->gid;
	if (given->given & PROCFD_OPT_MODE)
		options->mode = given->mode;
	if (given->given & PROCFD_OPT_MAX)
		WRITE_ONCE(options->max, given->max);
}

/**
 * procfd_options_show - those that are not as by default, for /proc/mounts
 * @m: where to
 * @options: the filesystem's
 */
void procfd_options_show(struct seq_file *m,
			 const struct procfd_options *options)
{
	const struct procfd_options *usual = &procfd_options_default;

	if (!uid_eq(options->uid, usual->uid))
		seq_printf(m, ",uid=%u",
			   from_kuid_munged(&init_user_ns, options->uid));
	if (!gid_eq(options->gid, usual->gid))
		seq_printf(m, ",gid=%u",
			   from_kgid_munged(&init_user_ns, options->gid));
	if (options->mode != usual->mode)
		seq_printf(m, ",mode=%o", options->mode);
	if (options->max != usual->max)
		seq_printf(m, ",max=%u", options->max);
}
