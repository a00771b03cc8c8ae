/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all ioctls share: device.c has those of /dev/procfd, ioctl.c those of a
 * process descriptor.
 *
 * The size of a struct travels in the ioctl number, so commands are told by
 * type, number and direction, and the size is checked by copying.
 */
#ifndef PROCFD_IOCTL_H
#define PROCFD_IOCTL_H

#include <linux/build_bug.h>
#include <linux/ioctl.h>
#include <linux/uaccess.h>

#include "../uapi/procfd.h"

/* What PROCFD_IOC_INFO knows. */
#define PROCFD_INFO_FLAGS	PROCFD_INFO_WAIT
#define PROCFD_INFO_MASK	(PROCFD_INFO_STATE | PROCFD_INFO_IDS | \
				 PROCFD_INFO_STATUS | PROCFD_INFO_RUSAGE | \
				 PROCFD_INFO_TREE)

/* An ioctl number without its size. */
#define PROCFD_COMMAND(cmd)	((cmd) & ~IOCSIZE_MASK)

/* The interface has no holes and the same shape for 32-bit programs. */
#define PROCFD_CHECK_LAST(type, member, size)					\
	static_assert(sizeof(struct type) == (size) &&			\
		      offsetofend(struct type, member) == (size))

/* Take a struct of the caller's version as one of ours. */
static inline int
procfd_struct_from_user(void *to, size_t size, size_t size_ver0,
			unsigned int cmd, const void __user *from)
{
	if (_IOC_SIZE(cmd) < size_ver0)
		return -EINVAL;
	return copy_struct_from_user(to, size, from, _IOC_SIZE(cmd));
}

/* Give a struct of ours as one of the caller's version. */
static inline int
procfd_struct_to_user(void __user *to, const void *from, size_t size,
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

#endif /* PROCFD_IOCTL_H */
