// SPDX-License-Identifier: MIT
//
// Replacing a file by one that is made out of sight.

#include <procfd/file.hpp>

#include <memory>
#include <new>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attributes.hpp"
#include "calls.hpp"
#include "internal.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::last_error;
using internal::link_target;
using internal::system_error;

namespace {

result<void> write_all(int fd, std::string_view contents) noexcept
{
	while (!contents.empty()) {
		ssize_t n = calls::write(fd, contents.data(), contents.size());

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
	constexpr std::size_t size = 65536;
	// Some threads have less than that for their whole stack
	std::unique_ptr<char[]> buffer(new (std::nothrow) char[size]);

	if (!buffer)
		return system_error(ENOMEM);
	for (;;) {
		ssize_t n = calls::read(from, buffer.get(), size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return last_error();
		if (n == 0)
			return {};

		auto written = write_all(to, {buffer.get(),
					      static_cast<std::size_t>(n)});

		if (!written)
			return written;
	}
}

/// Look at what has the name.
/// \return  a regular file, opened by O_PATH; empty if there is none, or a symlink;
///	EISDIR, errc::not_a_file
result<unique_fd> open_predecessor(const link_target &target) noexcept
{
	unique_fd fd(calls::openat(target.dirfd(), target.name(),
				   O_PATH | O_NOFOLLOW | O_CLOEXEC));
	struct stat st;

	if (!fd && errno == ENOENT)
		return unique_fd();
	if (!fd || ::fstat(fd.get(), &st) < 0)
		return last_error();
	if (S_ISREG(st.st_mode))
		return fd;
	if (S_ISLNK(st.st_mode))
		return unique_fd();
	if (S_ISDIR(st.st_mode))
		return system_error(EISDIR);
	return internal::not_a_file();
}

/// Give the new file what it has besides its content.
result<lost> complete(int file, const unique_fd &old, const link_target &target,
		      const replace_options &options) noexcept
{
	if (options.mode) {
		auto set = internal::set_mode(file, *options.mode);

		if (!set)
			return unexpected(set.error());
	} else if (old) {
		return internal::copy_attributes(file, old.get(),
						 target.dirfd(), target.name());
	}
	return lost::nothing;
}

/// Make a new file out of sight, have it filled, and put it in place.
/// \param fill  writes the content to a descriptor and returns a result<void>
template <typename F>
result<replaced> replace_with(int dirfd, const char *path,
			      const replace_options &options, F fill) noexcept
{
	auto target = link_target::resolve(dirfd, path, true);

	if (!target)
		return unexpected(target.error());

	auto old = open_predecessor(*target);

	if (!old)
		return unexpected(old.error());

	auto file = open_anonymous_at(target->dirfd(), ".",
				      *old || options.mode ? 0600 : 0666);

	if (!file)
		return unexpected(file.error());

	auto filled = fill(file->get());

	if (!filled)
		return unexpected(filled.error());

	// To fill it may have taken long
	auto now = open_predecessor(*target);

	if (!now)
		return unexpected(now.error());
	if (*now)
		old = std::move(now);

	auto gone = complete(file->get(), *old, *target, options);

	if (!gone)
		return unexpected(gone.error());

	auto renamed = frename_at(file->get(), target->dirfd(), target->name(),
				  options.keep);

	if (!renamed)
		return unexpected(renamed.error());
	return replaced{*gone};
}

} // namespace

result<replaced> replace_file(path_arg path, std::string_view contents,
			      const replace_options &options) noexcept
{
	return replace_file_at(AT_FDCWD, path, contents, options);
}

result<replaced> replace_file_at(int dirfd, path_arg path,
				 std::string_view contents,
				 const replace_options &options) noexcept
{
	return replace_with(dirfd, path.c_str(), options,
			    [&](int fd) { return write_all(fd, contents); });
}

result<replaced> replace_file_from(path_arg path, int source,
				   const replace_options &options) noexcept
{
	return replace_file_from_at(AT_FDCWD, path, source, options);
}

result<replaced> replace_file_from_at(int dirfd, path_arg path, int source,
				      const replace_options &options) noexcept
{
	// First, or the new file may get the number of what is not open
	if (::fcntl(source, F_GETFD) < 0)
		return last_error();
	return replace_with(dirfd, path.c_str(), options,
			    [&](int fd) { return copy_all(fd, source); });
}

result<void> check_replaceable(path_arg path) noexcept
{
	return check_replaceable_at(AT_FDCWD, path);
}

result<void> check_replaceable_at(int dirfd, path_arg path) noexcept
{
	auto target = link_target::resolve(dirfd, path.c_str(), true);

	if (!target)
		return unexpected(target.error());

	auto old = open_predecessor(*target);

	if (!old)
		return unexpected(old.error());
	return {};
}

} // namespace procfd
