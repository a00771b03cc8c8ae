// SPDX-License-Identifier: MIT
#ifndef PROCFD_INTERNAL_HPP
#define PROCFD_INTERNAL_HPP

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <system_error>

#include <sys/types.h>

#include <procfd/device.hpp>
#include <procfd/export.hpp>
#include <procfd/flags.hpp>
#include <procfd/path_arg.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>

#include "../../uapi/procfd.h"

namespace procfd::internal {

inline unexpected system_error(int error) noexcept
{
	return unexpected({error, std::system_category()});
}

inline unexpected last_error() noexcept
{
	return system_error(errno);
}

/// \return  the time until a point of the monotonic clock, zero once it has passed
inline timespec
time_left(std::chrono::steady_clock::time_point deadline) noexcept
{
	using std::chrono::nanoseconds;
	using std::chrono::steady_clock;

	constexpr long per_second = 1'000'000'000;
	auto now = steady_clock::now();

	if (deadline <= now) // the difference may be too great a number
		return {};

	nanoseconds left = deadline - now;

	return {static_cast<time_t>(left.count() / per_second),
		static_cast<long>(left.count() % per_second)};
}

/// An errno from opening the device, which means errc::module_missing.
unexpected device_error(int error) noexcept;

/// An errno from a path on no procfdfs, which means errc::not_mounted.
unexpected name_error(int error) noexcept;

/// EINVAL, which means errc::not_a_file.
unexpected not_a_file() noexcept;

/// errc::wrong_child.
unexpected wrong_child() noexcept;

/// A path, cut before its last component. Nothing is looked up.
struct path_cut {
	enum class end {
		name, ///< an ordinary last component
		slash, ///< the same, with slashes after it
		dots, ///< "." or ".."
		root, ///< nothing but slashes
	};

	std::size_t parent; ///< length of the directory part, with its slash
	std::size_t name; ///< length of the last component
	end ends_in;

	/// \param path  null if it is none, as path_arg has it
	/// \return  the parts, or EINVAL, ENOENT (empty) or ENAMETOOLONG
	static result<path_cut> make(const char *path) noexcept;
};

/// A directory and one component in it, as PROCFD_IOC_FLINK wants them.
class link_target {
public:
	/// Open the parent directory of a path.
	/// \param replace  whether to refuse odd paths as rename(2) does, rather
	///	than as linkat(2) does
	/// \return  the errors of opening a directory; for a path that does not
	///	end in a name EEXIST, EBUSY, ENOENT or ENOTDIR
	static result<link_target> resolve(int dirfd, const char *path,
					   bool replace) noexcept;

	[[nodiscard]] int dirfd() const noexcept
	{
		return parent_ ? parent_.get() : dirfd_;
	}
	/// The component: the tail of the path that was resolved.
	[[nodiscard]] const char *name() const noexcept { return name_; }

private:
	link_target(unique_fd parent, int dirfd, const char *name) noexcept
		: parent_(std::move(parent)), dirfd_(dirfd), name_(name)
	{
	}

	unique_fd parent_; // empty: the name is in dirfd_ itself
	int dirfd_;
	const char *name_;
};

/// \return  whether the device, opened just now, has the number of the directory that
///	a path is relative to: so that was not open
inline bool stands_in(const device &dev, int dirfd, path_arg path) noexcept
{
	return path.c_str() && path.c_str()[0] != '/' &&
	       dev.native_handle() == dirfd;
}

/// Open the directory part of a path; without one, the directory it starts from.
result<unique_fd> open_parent(int dirfd, const char *path,
			      path_cut cut) noexcept;

/// PROCFD_IOC_INFO. Waits, restarted after signals, if there is a deadline.
/// \param deadline_ns  by CLOCK_MONOTONIC, or PROCFD_DEADLINE_NONE; null: ask now
result<procfd_info> ask(int fd, std::uint64_t mask,
			const std::uint64_t *deadline_ns = nullptr) noexcept;

/// pidfd_open(2).
unique_fd open_pidfd(pid_t pid) noexcept;

/// A pidfd of the process that a descriptor means, proven to be.
/// \param fd  descriptor of the process
/// \param seen  what INFO with PROCFD_INFO_IDS said of it
/// \return  ESRCH if it was reaped or has no id here; EMFILE ...
result<unique_fd> pidfd_of(int fd, const procfd_info &seen) noexcept;

/// Take the zombie of a child that has exited, if it is there and is ours.
/// \param fd  descriptor of the process
/// \param seen  what INFO with PROCFD_INFO_IDS said of it
void reap(int fd, const procfd_info &seen) noexcept;

} // namespace procfd::internal

#endif
