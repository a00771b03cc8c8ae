// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a process descriptor: decode, validate, dispatch.
 */
#include <linux/fsnotify.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/signal.h>

#include "ioctl.h"
#include "procfd.h"

PROCFD_CHECK_LAST(procfd_info, tree_majflt, PROCFD_INFO_SIZE_VER1);
PROCFD_CHECK_LAST(procfd_signal, refused, PROCFD_SIGNAL_SIZE_VER0);
PROCFD_CHECK_LAST(procfd_members, reserved, PROCFD_MEMBERS_SIZE_VER0);
PROCFD_CHECK_LAST(procfd_member, reserved, 32);
static_assert(offsetof(struct procfd_info, live) == PROCFD_INFO_SIZE_VER0);
static_assert(offsetof(struct procfd_info, deadline_ns) == 16);
static_assert(offsetof(struct procfd_info, pid) == 32);
static_assert(offsetof(struct procfd_info, utime_usec) == 48);

static void info_fill(struct procfd_inode *pi, struct procfd_info *info)
{
	struct procfd_process *p = pi->process;
	const struct procfd_record *record = &p->record;
	u32 state = procfd_process_state(p);
	u64 mask = PROCFD_INFO_STATE;
	bool bound, reaped = false;
	pid_t pid = 0;

	bound = state == PROCFD_STATE_RUNNING || state == PROCFD_STATE_EXITED;
	if (bound) {
		procfd_race_sleep(info_before_reaped);
		pid = procfd_process_vnr(p, &reaped);
		/* Recorded before it was reaped, which may be just now. */
		state = procfd_process_state(p);
	}

	if (bound)
		mask |= PROCFD_INFO_IDS;
	if (state == PROCFD_STATE_EXITED)
		mask |= PROCFD_INFO_STATUS | PROCFD_INFO_RUSAGE;
	if (bound && procfd_process_tree(p))
		mask |= PROCFD_INFO_TREE;
	mask &= info->mask | PROCFD_INFO_STATE;

	*info = (struct procfd_info){ .mask = mask, .state = state };
	if (READ_ONCE(pi->kill_on_close))
		info->attributes |= PROCFD_ATTR_KILL_ON_CLOSE;
	if (bound && p->quiet)
		info->attributes |= PROCFD_ATTR_QUIET;
	if (reaped)
		info->attributes |= PROCFD_ATTR_REAPED;
	if (mask & PROCFD_INFO_IDS) {
		info->id = p->id;
		info->pid = pid;
		info->started_ns = p->started_ns;
	}
	if (mask & PROCFD_INFO_STATUS) {
		info->status = record->status;
		info->exited_ns = record->exited_ns;
	}
	if (mask & PROCFD_INFO_RUSAGE) {
		info->utime_usec = div_u64(record->utime_ns, NSEC_PER_USEC);
		info->stime_usec = div_u64(record->stime_ns, NSEC_PER_USEC);
		info->maxrss_kb = record->maxrss_kb;
		info->minflt = record->minflt;
		info->majflt = record->majflt;
	}
	if (mask & PROCFD_INFO_TREE)
		procfd_tree_info(p->tree, info);
}

static int info(struct file *file, unsigned int cmd, void __user *arg)
{
	struct procfd_inode *pi = procfd_i(file_inode(file));
	struct procfd_info info;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = procfd_struct_from_user(&info, sizeof(info),
				      PROCFD_INFO_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (info.flags & ~PROCFD_INFO_FLAGS || info.reserved)
		return -EINVAL;
	if (info.flags & PROCFD_INFO_WAIT)
		ret = procfd_process_wait(pi->process, info.deadline_ns);
	else if (info.deadline_ns)
		ret = -EINVAL;
	if (ret)
		return ret;

	info_fill(pi, &info);
	return procfd_struct_to_user(arg, &info, sizeof(info),
				     PROCFD_INFO_SIZE_VER0, cmd);
}

static int send(struct file *file, unsigned int cmd, void __user *arg)
{
	struct procfd_signal args;
	struct procfd_reach reach;
	int ret, copied;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = procfd_struct_from_user(&args, sizeof(args),
				      PROCFD_SIGNAL_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (args.signal > _NSIG || args.flags || args.reserved || args.sent ||
	    args.refused)
		return -EINVAL;
	ret = procfd_signal(procfd_i(file_inode(file)), args.signal, args.scope,
			    &reach);
	if (!ret)
		fsnotify_modify(file);	/* as a write does */

	args.sent = reach.sent;
	args.refused = reach.refused;
	copied = procfd_struct_to_user(arg, &args, sizeof(args),
				       PROCFD_SIGNAL_SIZE_VER0, cmd);
	return ret ?: copied;
}

static int members(struct file *file, unsigned int cmd, void __user *arg)
{
	struct procfd_process *p = procfd_i(file_inode(file))->process;
	struct procfd_members args;
	struct procfd_tree *tree;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = procfd_struct_from_user(&args, sizeof(args),
				      PROCFD_MEMBERS_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	tree = procfd_process_tree(p);
	if (args.reserved || !tree)
		return -EINVAL;
	ret = procfd_tree_members(tree, u64_to_user_ptr(args.members),
				  args.count, &args.count);
	return ret ?: procfd_struct_to_user(arg, &args, sizeof(args),
					    PROCFD_MEMBERS_SIZE_VER0, cmd);
}

static int set_kill_on_close(struct file *file, const __u32 __user *arg)
{
	__u32 on;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	if (get_user(on, arg))
		return -EFAULT;
	if (on > 1)
		return -EINVAL;
	return procfd_inode_set_kill_on_close(file_inode(file), on);
}

/**
 * procfd_descriptor_ioctl - the ioctls of a process descriptor
 * @file: descriptor, opened by ioctl or by name
 * @cmd: PROCFD_IOC_INFO, PROCFD_IOC_SIGNAL, PROCFD_IOC_MEMBERS, or
 *	PROCFD_IOC_SET_KILL_ON_CLOSE
 * @arg: user address
 *
 * ioctl(2) does not ask how a file was opened, so each command does.
 */
long procfd_descriptor_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	void __user *user = (void __user *)arg;

	if (PROCFD_COMMAND(cmd) == PROCFD_COMMAND(PROCFD_IOC_INFO))
		return info(file, cmd, user);
	if (PROCFD_COMMAND(cmd) == PROCFD_COMMAND(PROCFD_IOC_SIGNAL))
		return send(file, cmd, user);
	if (PROCFD_COMMAND(cmd) == PROCFD_COMMAND(PROCFD_IOC_MEMBERS))
		return members(file, cmd, user);
	if (cmd == PROCFD_IOC_SET_KILL_ON_CLOSE)
		return set_kill_on_close(file, user);
	return -ENOTTY;
}

