// SPDX-License-Identifier: GPL-2.0-only
/*
 * What scripts/vm/features cannot see from a shell, in its words. Asked of a file
 * in /tmp, a tmpfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* fcntl(2) of Linux 6.19; the headers here may be older. */
#define GET_DELEGATION 1039
struct delegation {
	__u32 flags;
	__u16 type;
	__u16 reserved;
};

static void tell(const char *feature, int has)
{
	printf("%s %s\n", feature, has ? "yes" : "no");
}

static int can_remove(int fd, const char *attribute)
{
	return fremovexattr(fd, attribute) == 0 || errno == ENODATA;
}

int main(void)
{
	static const char path[] = "/tmp/features-probe";
	struct delegation held = { 0 };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return 1;
	/* Nobody holds any: it answers that, unless it does not know the question. */
	tell("delegation", fcntl(fd, GET_DELEGATION, &held) == 0);
	/* There is no list to remove, which is fine where there can be one. */
	tell("tmpfs-acl", can_remove(fd, "system.posix_acl_access"));
	/* The same of others; those of users came in 6.6. */
	tell("tmpfs-xattr", can_remove(fd, "trusted.probe"));
	tell("tmpfs-user-xattr", can_remove(fd, "user.probe"));
	unlink(path);
	close(fd);
	return 0;
}
