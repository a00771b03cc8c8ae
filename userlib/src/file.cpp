// SPDX-License-Identifier: MIT
#include <procfd/file.hpp>

#include <cstdio>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <procfd/device.hpp>

#include "internal.hpp"

namespace procfd {

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

		if (::getrandom(&random, sizeof(random), 0) < 0)
			return last_error();
		std::snprintf(name, sizeof(name), ".procfd-%016llx",
			      static_cast<unsigned long long>(random));

		unique_fd fd(::openat(dirfd, name,
				      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
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
	unique_fd fd(::openat(dirfd, dir.c_str(),
			      O_RDWR | O_TMPFILE | O_CLOEXEC, mode));

	if (fd)
		return fd;
	if (errno != EOPNOTSUPP)
		return last_error();

	unique_fd parent(
		::openat(dirfd, dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (!parent)
		return last_error();
	return open_and_unlink(parent.get(), mode);
}

namespace {

result<void> write_all(int fd, std::string_view contents) noexcept
{
	while (!contents.empty()) {
		ssize_t n = ::write(fd, contents.data(), contents.size());

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return last_error();
		contents.remove_prefix(static_cast<std::size_t>(n));
	}
	return {};
}

result<void> copy_all(int to, int from) noexcept
{
	char buffer[64 * 1024];

	for (;;) {
		ssize_t n = ::read(from, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return last_error();
		if (n == 0)
			return {};

		auto written =
			write_all(to, {buffer, static_cast<std::size_t>(n)});

		if (!written)
			return written;
	}
}

/// Give a file the owner, group and permissions of another, as far as the caller
/// may, and never to more people than could reach the other.
result<void> copy_owner_and_mode(int to, const struct stat &from) noexcept
{
	mode_t mode = from.st_mode & 0777;

	if (::fchown(to, from.st_uid, from.st_gid) < 0 &&
	    ::fchown(to, static_cast<uid_t>(-1), from.st_gid) < 0)
		// The group's members are among the others now
		mode = (mode & S_IRWXU) | (mode & (mode >> 3) & S_IRWXO);
	if (::fchmod(to, mode) < 0)
		return last_error();
	return {};
}

/// Make a new file out of sight, have it filled, and put it in place.
/// \param fill  writes the content to a descriptor and returns a result<void>
template <typename F>
result<void> replace_with(int dirfd, const char *path,
			  const replace_options &options, F fill) noexcept
{
	auto target = internal::link_target::resolve(dirfd, path, true);

	if (!target)
		return unexpected(target.error());

	struct stat old;
	bool keeps = !options.mode &&
		     ::fstatat(target->dirfd(), target->name(), &old,
			       AT_SYMLINK_NOFOLLOW) == 0 &&
		     S_ISREG(old.st_mode);
	bool by_umask = !options.mode && !keeps;
	auto file =
		open_anonymous_at(target->dirfd(), ".", by_umask ? 0666 : 0600);

	if (!file)
		return unexpected(file.error());

	auto done = fill(file->get());

	if (!done)
		return done;
	if (keeps)
		done = copy_owner_and_mode(file->get(), old);
	else if (options.mode && ::fchmod(file->get(), *options.mode) < 0)
		done = last_error();
	if (!done)
		return done;
	return frename_at(file->get(), target->dirfd(), target->name(),
			  options.keep);
}

} // namespace

result<void> replace_file(path_arg path, std::string_view contents,
			  const replace_options &options) noexcept
{
	return replace_file_at(AT_FDCWD, path, contents, options);
}

result<void> replace_file_at(int dirfd, path_arg path,
			     std::string_view contents,
			     const replace_options &options) noexcept
{
	return replace_with(dirfd, path.c_str(), options,
			    [&](int fd) { return write_all(fd, contents); });
}

result<void> replace_file_from(path_arg path, int source,
			       const replace_options &options) noexcept
{
	return replace_file_from_at(AT_FDCWD, path, source, options);
}

result<void> replace_file_from_at(int dirfd, path_arg path, int source,
				  const replace_options &options) noexcept
{
	// First, or the new file may get the number of what is not open
	if (::fcntl(source, F_GETFD) < 0)
		return last_error();
	return replace_with(dirfd, path.c_str(), options,
			    [&](int fd) { return copy_all(fd, source); });
}

} // namespace procfd
