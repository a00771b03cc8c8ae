// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/procfd and its ioctls: decode, validate, dispatch.
 */
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "flink.h"
#include "fs.h"
#include "ioctl.h"
#include "procfd.h"

#define FORK_FLAGS	(PROCFD_NONBLOCK | PROCFD_KILL_ON_CLOSE | PROCFD_QUIET | \
			 PROCFD_TREE)
#define OPEN_FLAGS	PROCFD_NONBLOCK
#define FLINK_FLAGS	(PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD | \
			 PROCFD_LINK_DURABLE)

PROCFD_CHECK_LAST(procfd_query, features, PROCFD_QUERY_SIZE_VER0);
PROCFD_CHECK_LAST(procfd_fork, reserved, PROCFD_FORK_SIZE_VER0);
PROCFD_CHECK_LAST(procfd_open, flags, PROCFD_OPEN_SIZE_VER0);
PROCFD_CHECK_LAST(procfd_flink, reserved, PROCFD_FLINK_SIZE_VER0);
static_assert(offsetof(struct procfd_query, info_mask) == 24);
static_assert(offsetof(struct procfd_flink, name) == 8);

static int query(unsigned int cmd, void __user *arg)
{
	struct procfd_query answer = {
		.abi		= PROCFD_ABI,
		.fork_flags	= FORK_FLAGS,
		.open_flags	= OPEN_FLAGS,
		.info_flags	= PROCFD_INFO_FLAGS,
		.flink_flags	= FLINK_FLAGS,
		.info_mask	= PROCFD_INFO_MASK,
		.features	= procfd_quiet_autoreaps() ?
				  PROCFD_FEATURE_AUTOREAP : 0,
	};

	return procfd_struct_to_user(arg, &answer, sizeof(answer),
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

	ret = procfd_struct_from_user(&args, sizeof(args),
				      PROCFD_FORK_SIZE_VER0, cmd, arg);
	if (ret)
		return ret;
	if (args.flags & ~FORK_FLAGS || args.reserved)
		return -EINVAL;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	p = procfd_process_alloc(GFP_KERNEL);
	if (!p) {
		ret = -ENOMEM;
		goto out_unused_fd;
	}
	ret = procfd_tree_prepare(p, args.flags & PROCFD_TREE);
	if (ret)
		goto out_put;
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

	ret = procfd_struct_from_user(&args, sizeof(args),
				      PROCFD_OPEN_SIZE_VER0, cmd, arg);
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

	ret = procfd_struct_from_user(&args, sizeof(args),
				      PROCFD_FLINK_SIZE_VER0, cmd, arg);
	return ret ?: procfd_flink(&args);
}

static long device_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	struct vfsmount *mnt = file->private_data;
	void __user *user = (void __user *)arg;

	switch (PROCFD_COMMAND(cmd)) {
	case PROCFD_COMMAND(PROCFD_IOC_QUERY):
		return query(cmd, user);
	case PROCFD_COMMAND(PROCFD_IOC_FORK):
		return fork_announce(mnt, cmd, user);
	case PROCFD_COMMAND(PROCFD_IOC_OPEN):
		return open_process(mnt, cmd, user);
	case PROCFD_COMMAND(PROCFD_IOC_FLINK):
		return flink(cmd, user);
	}
	if (cmd == PROCFD_IOC_CANCEL)
		return arg ? -EINVAL : procfd_fork_cancel();
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
