// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/procfd, and the ioctls of the device and of process descriptors:
 * decode, validate, dispatch.
 *
 * The size of a struct travels in the ioctl number, so commands are told by
 * type, number and direction, and the size is checked by copying.
 */
#include <linux/build_bug.h>
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "flink.h"
#include "fs.h"
#include "procfd.h"

#define FORK_FLAGS	(PROCFD_NONBLOCK | PROCFD_KILL_ON_CLOSE | PROCFD_QUIET)
#define OPEN_FLAGS	PROCFD_NONBLOCK
#define INFO_FLAGS	PROCFD_INFO_WAIT
#define INFO_MASK	(PROCFD_INFO_STATE | PROCFD_INFO_IDS | \
			 PROCFD_INFO_STATUS | PROCFD_INFO_RUSAGE)
#define FLINK_FLAGS	(PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD | \
			 PROCFD_LINK_DURABLE)

/* An ioctl number without its size. */
#define COMMAND(cmd)	((cmd) & ~IOCSIZE_MASK)

/* The interface has no holes and the same shape for 32-bit programs. */
#define CHECK_LAST(type, member, size)					\
	static_assert(sizeof(struct type) == (size) &&			\
		      offsetofend(struct type, member) == (size))

CHECK_LAST(procfd_query, features, PROCFD_QUERY_SIZE_VER0);
CHECK_LAST(procfd_fork, reserved, PROCFD_FORK_SIZE_VER0);
CHECK_LAST(procfd_open, flags, PROCFD_OPEN_SIZE_VER0);
CHECK_LAST(procfd_flink, reserved, PROCFD_FLINK_SIZE_VER0);
CHECK_LAST(procfd_info, exited_ns, PROCFD_INFO_SIZE_VER0);
static_assert(offsetof(struct procfd_query, info_mask) == 24);
static_assert(offsetof(struct procfd_flink, name) == 8);
static_assert(offsetof(struct procfd_info, deadline_ns) == 16);
static_assert(offsetof(struct procfd_info, pid) == 32);
static_assert(offsetof(struct procfd_info, utime_usec) == 48);

/* Take a struct of the caller's version as one of ours. */
static int struct_from_user(void *to, size_t size, size_t size_ver0,
			    unsigned int cmd, const void __user *from)
{
	if (_IOC_SIZE(cmd) < size_ver0)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, _IOC_SIZE(cmd));
}

/* Give a struct of ours as one of the caller's version. */
static int struct_to_user(void __user *to, const void *from, size_t size,
			  size_t size_ver0, unsigned int cmd)
{
	size_t usize = _IOC_SIZE(cmd);

	if (usize < size_ver0)
		return -EINVAL;
	if (copy_to_user(to, from, min(size, usize)))
		return -EFAULT;
	if (usize > size && clear_user(to + size, usize - size))
		return -EFAULT;
	return 0;
}

static int query(unsigned int cmd, void __user *arg)
{
	struct procfd_query answer = {
		.abi		= PROCFD_ABI,
		.fork_flags	= FORK_FLAGS,
		.open_flags	= OPEN_FLAGS,
		.info_flags	= INFO_FLAGS,
		.flink_flags	= FLINK_FLAGS,
		.info_mask	= INFO_MASK,
		.features	= procfd_fork_autoreaps() ?
				  PROCFD_FEATURE_AUTOREAP : 0,
	};

	return struct_to_user(arg, &answer, sizeof(answer),
			      PROCFD_QUERY_SIZE_VER0, cmd);
}

/* Everything that can fail comes before the announcement, and before a child. */
static int fork_announce(struct vfsmount *mnt, unsigned int cmd,
			 const void __user *arg)
{
	struct procfd_process *p;
	struct procfd_fork args;
	struct file *file;
	int fd, ret;

	ret = struct_from_user(&args, sizeof(args), PROCFD_FORK_SIZE_VER0, cmd,
			       arg);
	if (ret)
		return ret;
	if (args.flags & ~FORK_FLAGS || args.reserved)
		return -EINVAL;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	p = procfd_process_alloc();
	if (!p) {
		ret = -ENOMEM;
		goto out_unused_fd;
	}
	file = procfd_descriptor_file(mnt, p, args.flags, true);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto out_put;
	}
	ret = procfd_fork_announce(p, args.flags & PROCFD_QUIET);
	if (ret)
		goto out_fput;
	procfd_process_put(p);
	fd_install(fd, file);	/* last: from now on user space sees it */
	return fd;

out_fput:
	fput(file);
out_put:
	procfd_process_put(p);
out_unused_fd:
	put_unused_fd(fd);
	return ret;
}

static struct pid *open_find_pid(pid_t nr)
{
	struct pid *pid;
	int ret = 0;

	pid = nr ? find_get_pid(nr) : get_pid(task_tgid(current));
	if (!pid)
		return ERR_PTR(-ESRCH);
	if (!pid_has_task(pid, PIDTYPE_TGID))
		ret = pid_has_task(pid, PIDTYPE_PID) ? -EINVAL : -ESRCH;
	if (!ret)
		ret = procfd_authority_may_open(pid);
	if (ret) {
		put_pid(pid);
		return ERR_PTR(ret);
	}
	return pid;
}

static int open_process(struct vfsmount *mnt, unsigned int cmd,
			const void __user *arg)
{
	struct procfd_process *p;
	struct procfd_open args;
	struct file *file;
	struct pid *pid;
	int fd, ret;

	ret = struct_from_user(&args, sizeof(args), PROCFD_OPEN_SIZE_VER0, cmd,
			       arg);
	if (ret)
		return ret;
	if (args.flags & ~OPEN_FLAGS || args.pid < 0)
		return -EINVAL;

	pid = open_find_pid(args.pid);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	procfd_race_sleep(open_before_process);
	p = procfd_process_open(pid);
	put_pid(pid);
	if (IS_ERR(p))
		return PTR_ERR(p);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto out_put;
	}
	file = procfd_descriptor_file(mnt, p, args.flags, false);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto out_unused_fd;
	}
	procfd_process_put(p);
	fd_install(fd, file);
	return fd;

out_unused_fd:
	put_unused_fd(fd);
out_put:
	procfd_process_put(p);
	return ret;
}

static int flink(unsigned int cmd, const void __user *arg)
{
	struct procfd_flink args;
	int ret;

	ret = struct_from_user(&args, sizeof(args), PROCFD_FLINK_SIZE_VER0, cmd,
			       arg);
	return ret ?: procfd_flink(&args);
}

static long device_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	struct vfsmount *mnt = file->private_data;
	void __user *user = (void __user *)arg;

	switch (COMMAND(cmd)) {
	case COMMAND(PROCFD_IOC_QUERY):
		return query(cmd, user);
	case COMMAND(PROCFD_IOC_FORK):
		return fork_announce(mnt, cmd, user);
	case COMMAND(PROCFD_IOC_OPEN):
		return open_process(mnt, cmd, user);
	case COMMAND(PROCFD_IOC_FLINK):
		return flink(cmd, user);
	}
	if (cmd == PROCFD_IOC_CANCEL)
		return arg ? -EINVAL : procfd_fork_cancel();
	return -ENOTTY;
}

static void info_fill(struct procfd_inode *pi, struct procfd_info *info)
{
	struct procfd_process *p = pi->process;
	const struct procfd_record *record = &p->record;
	u32 state = procfd_process_state(p);
	u64 mask = PROCFD_INFO_STATE;
	bool bound, reaped = false;

	bound = state == PROCFD_STATE_RUNNING || state == PROCFD_STATE_EXITED;
	if (bound) {
		procfd_race_sleep(info_before_reaped);
		reaped = !pid_has_task(p->pid, PIDTYPE_TGID);
		/* Recorded before it was reaped, which may be just now. */
		state = procfd_process_state(p);
	}

	if (bound)
		mask |= PROCFD_INFO_IDS;
	if (state == PROCFD_STATE_EXITED)
		mask |= PROCFD_INFO_STATUS | PROCFD_INFO_RUSAGE;
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
		info->pid = pid_vnr(p->pid);
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
}

static int info(struct file *file, unsigned int cmd, void __user *arg)
{
	struct procfd_inode *pi = procfd_i(file_inode(file));
	struct procfd_info info;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = struct_from_user(&info, sizeof(info), PROCFD_INFO_SIZE_VER0, cmd,
			       arg);
	if (ret)
		return ret;
	if (info.flags & ~INFO_FLAGS || info.reserved)
		return -EINVAL;
	if (info.flags & PROCFD_INFO_WAIT)
		ret = procfd_process_wait(pi->process, info.deadline_ns);
	else if (info.deadline_ns)
		ret = -EINVAL;
	if (ret)
		return ret;

	info_fill(pi, &info);
	return struct_to_user(arg, &info, sizeof(info), PROCFD_INFO_SIZE_VER0,
			      cmd);
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
	return procfd_fs_set_kill_on_close(file_inode(file), on);
}

/**
 * procfd_descriptor_ioctl - the ioctls of a process descriptor
 * @file: descriptor, opened by ioctl or by name
 * @cmd: PROCFD_IOC_INFO or PROCFD_IOC_SET_KILL_ON_CLOSE
 * @arg: user address
 *
 * ioctl(2) does not ask how a file was opened, so each command does.
 */
long procfd_descriptor_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	void __user *user = (void __user *)arg;

	if (COMMAND(cmd) == COMMAND(PROCFD_IOC_INFO))
		return info(file, cmd, user);
	if (cmd == PROCFD_IOC_SET_KILL_ON_CLOSE)
		return set_kill_on_close(file, user);
	return -ENOTTY;
}

/*
 * An open device holds procfdfs, so that it need not be mounted anywhere for
 * FORK and OPEN to make an inode in it, and they cannot fail for want of it.
 */
static int device_open(struct inode *inode, struct file *file)
{
	struct vfsmount *mnt = procfd_fs_pin();

	if (IS_ERR(mnt))
		return PTR_ERR(mnt);
	file->private_data = mnt;
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	procfd_fs_unpin();
	return 0;
}

static const struct file_operations device_fops = {
	.owner		= THIS_MODULE,
	.open		= device_open,
	.release	= device_release,
	.unlocked_ioctl	= device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* Each call is checked by its own rule, so anyone may use the device. */
static struct miscdevice device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= KBUILD_MODNAME,
	.fops	= &device_fops,
	.mode	= 0666,
};

int __init procfd_device_init(void)
{
	return misc_register(&device);
}

void procfd_device_exit(void)
{
	misc_deregister(&device);
}
