// SPDX-License-Identifier: GPL-2.0-only
/*
 * What scripts/vm/features cannot see from a shell, in its words. Asked of a file
 * in /tmp, a tmpfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* fcntl(2) of Linux 6.19; the headers here may be older. */
#define GET_DELEGATION 1039
struct delegation {
	uint32_t flags;
	uint16_t type;
	uint16_t reserved;
};

static void tell(const char *feature, int has)
{
	printf("%s %s\n", feature, has ? "yes" : "no");
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
	tell("tmpfs-acl", fremovexattr(fd, "system.posix_acl_access") == 0 ||
				  errno == ENODATA);
	/* The same of others; those of users came in 6.6. */
	tell("tmpfs-xattr", fremovexattr(fd, "trusted.probe") == 0 ||
				    errno == ENODATA);
	tell("tmpfs-user-xattr", fremovexattr(fd, "user.probe") == 0 ||
					 errno == ENODATA);
	unlink(path);
	close(fd);
	return 0;
}
