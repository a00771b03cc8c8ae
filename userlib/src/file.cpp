// SPDX-License-Identifier: MIT
#include <procfd/file.hpp>

#include <cstdio>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
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

constexpr const char *acl_name = "system.posix_acl_access";

/// \return  the size of a file's access control list; 0 if it has none, or
///	nobody can tell, there being no /proc
result<std::size_t> read_acl(int fd, char *acl, std::size_t size) noexcept
{
	char path[sizeof("/proc/self/fd/") + 10];

	// Not by fgetxattr(2), which does not take what O_PATH opened
	std::snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

	ssize_t n = ::getxattr(path, acl_name, acl, size);

	if (n >= 0)
		return static_cast<std::size_t>(n);
	// EACCES: it is not ours to look at, as with a process of changed identity
	if (errno == ENODATA || errno == EOPNOTSUPP || errno == ENOENT ||
	    errno == EACCES)
		return 0U;
	return last_error();
}

/// Give a file this mode alone: what the directory's default access control list gave
/// is taken away before the mode would bring it to bear.
result<void> set_mode(int fd, mode_t mode) noexcept
{
	if (::fremovexattr(fd, acl_name) < 0 && errno != ENODATA &&
	    errno != EOPNOTSUPP)
		return last_error();
	if (::fchmod(fd, mode) < 0)
		return last_error();
	return {};
}

/// Give a file the owner, group and permissions of another, as far as the caller
/// may, and never to more people than could reach the other.
/// \param from  may be opened by O_PATH
result<void> copy_permissions(int to, int from) noexcept
{
	char acl[XATTR_SIZE_MAX];
	struct stat st;

	if (::fstat(from, &st) < 0)
		return last_error();

	mode_t mode = st.st_mode & 0777;
	auto acl_size = read_acl(from, acl, sizeof(acl));

	if (!acl_size)
		return unexpected(acl_size.error());
	if (::fchown(to, st.st_uid, st.st_gid) < 0 &&
	    ::fchown(to, static_cast<uid_t>(-1), st.st_gid) < 0) {
		// The group's members are among the others now, who with a list
		// may have had more than somebody that it names
		mode = *acl_size ? mode & S_IRWXU :
				   (mode & S_IRWXU) |
					   (mode & (mode >> 3) & S_IRWXO);
		*acl_size = 0;
	}
	if (!*acl_size)
		return set_mode(to, mode);
	// Sets the mode, too
	if (::fsetxattr(to, acl_name, acl, *acl_size, 0) < 0)
		return last_error();
	return {};
}

/// \return  the regular file of that name, opened by O_PATH; empty if there is none
result<unique_fd> open_predecessor(int dirfd, const char *name) noexcept
{
	unique_fd fd(::openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
	struct stat st;

	if (!fd && errno == ENOENT)
		return unique_fd();
	if (!fd || ::fstat(fd.get(), &st) < 0)
		return last_error();
	if (!S_ISREG(st.st_mode))
		return unique_fd();
	return fd;
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

	unique_fd old;

	if (!options.mode) {
		auto found = open_predecessor(target->dirfd(), target->name());

		if (!found)
			return unexpected(found.error());
		old = *std::move(found);
	}

	auto file = open_anonymous_at(target->dirfd(), ".",
				      old || options.mode ? 0600 : 0666);

	if (!file)
		return unexpected(file.error());

	auto done = fill(file->get());

	if (done && options.mode)
		done = set_mode(file->get(), *options.mode);
	else if (done && old)
		done = copy_permissions(file->get(), old.get());
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
