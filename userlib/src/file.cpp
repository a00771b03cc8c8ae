// SPDX-License-Identifier: MIT
#include <procfd/file.hpp>

#include <cstdio>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <procfd/device.hpp>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::last_error;
using internal::system_error;

namespace {

result<void> link(int fd, int dirfd, path_arg path, link_flags flags) noexcept
{
	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());
	if (dev->native_handle() == fd ||
	    internal::stands_in(*dev, dirfd, path))
		return system_error(EBADF);
	return dev->link(fd, dirfd, path, flags);
}

} // namespace

result<void> flink(int fd, path_arg path) noexcept
{
	return flink_at(fd, AT_FDCWD, path);
}

result<void> flink_at(int fd, int dirfd, path_arg path) noexcept
{
	return link(fd, dirfd, path, link_flags::none);
}

result<void> frename(int fd, path_arg path, durability keep) noexcept
{
	return frename_at(fd, AT_FDCWD, path, keep);
}

result<void> frename_at(int fd, int dirfd, path_arg path,
			durability keep) noexcept
{
	auto flags = link_flags::replace;

	if (keep == durability::durable)
		flags |= link_flags::durable;
	return link(fd, dirfd, path, flags);
}

namespace {

/// A file that had a name for a moment, where there is no O_TMPFILE.
result<unique_fd> open_and_unlink(int dirfd, mode_t mode) noexcept
{
	for (;;) {
		char name[sizeof(".procfd-") + 16];
		std::uint64_t random;

		if (calls::getrandom(&random, sizeof(random)) < 0)
			return last_error();
		std::snprintf(name, sizeof(name), ".procfd-%016llx",
			      static_cast<unsigned long long>(random));

		unique_fd fd(calls::openat(
			dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			mode));

		if (!fd && errno == EEXIST)
			continue;
		if (!fd || ::unlinkat(dirfd, name, 0) < 0)
			return last_error();
		return fd;
	}
}

} // namespace

result<unique_fd> open_anonymous(path_arg dir, mode_t mode) noexcept
{
	return open_anonymous_at(AT_FDCWD, dir, mode);
}

result<unique_fd> open_anonymous_at(int dirfd, path_arg dir,
				    mode_t mode) noexcept
{
	if (!dir.c_str())
		return system_error(EINVAL);

	unique_fd fd(calls::openat(dirfd, dir.c_str(),
				   O_RDWR | O_TMPFILE | O_CLOEXEC, mode));

	if (fd)
		return fd;
	if (errno != EOPNOTSUPP)
		return last_error();

	unique_fd parent(calls::openat(dirfd, dir.c_str(),
				       O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (!parent)
		return last_error();
	return open_and_unlink(parent.get(), mode);
}

} // namespace procfd
