// SPDX-License-Identifier: MIT
#include <procfd/process.hpp>

#include <charconv>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.hpp"

namespace procfd {

using internal::ask;
using internal::last_error;
using internal::system_error;

namespace internal {

result<procfd_info> ask(int fd, std::uint64_t mask,
			const std::uint64_t *deadline_ns) noexcept
{
	procfd_info info{};

	do {
		info.mask = mask;
		if (deadline_ns) {
			info.flags = PROCFD_INFO_WAIT;
			info.deadline_ns = *deadline_ns;
		}
		if (::ioctl(fd, PROCFD_IOC_INFO, &info) == 0)
			return info;
	} while (deadline_ns && errno == EINTR);
	return last_error();
}

void reap(int fd, const procfd_info &seen) noexcept
{
	if (seen.state != PROCFD_STATE_EXITED || seen.pid <= 0 ||
	    (seen.attributes & PROCFD_ATTR_REAPED))
		return;

	// The number may have gone to another process since `seen`. If INFO says
	// only now that the zombie is still there, the pidfd, made before, is of
	// this process and of no other.
	unique_fd pidfd(
		static_cast<int>(::syscall(SYS_pidfd_open, seen.pid, 0)));
	auto now = ask(fd, PROCFD_INFO_STATE);

	if (!pidfd || !now || (now->attributes & PROCFD_ATTR_REAPED))
		return;

	siginfo_t ignored;

	// ECHILD: not our child, or another thread was faster
	::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &ignored,
		 WEXITED | WNOHANG | __WALL);
}

} // namespace internal

namespace {

/// \return  a process with this descriptor, or the error in its place
result<process> held(result<unique_fd> fd) noexcept
{
	if (!fd)
		return unexpected(fd.error());
	return process::adopt(*std::move(fd));
}

/// \return  the error for a name that could not be opened: whether its directory
///	is on a procfdfs decides what the errno means
unexpected explain(int error, int dirfd, const char *path) noexcept
{
	auto cut = internal::path_cut::make(path);
	struct statfs fs;

	if (error != ENOENT || !cut)
		return system_error(error);

	auto parent = internal::open_parent(dirfd, path, *cut);

	if (!parent || ::fstatfs(parent->get(), &fs) < 0 ||
	    fs.f_type == PROCFD_FS_MAGIC)
		return system_error(error);
	return internal::name_error(error);
}

} // namespace

result<process> process::open(pid_t pid, open_flags flags) noexcept
{
	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());
	return open(*dev, pid, flags);
}

result<process> process::open(const device &dev, pid_t pid,
			      open_flags flags) noexcept
{
	return held(dev.open_process(pid, flags));
}

result<process> process::self() noexcept
{
	return open(0);
}

result<process> process::from_name(path_arg path, access wanted) noexcept
{
	return from_name_at(AT_FDCWD, path, wanted);
}

result<process> process::from_name_at(int dirfd, path_arg path,
				      access wanted) noexcept
{
	// O_NONBLOCK, lest an ordinary FIFO of this name blocks the open
	unique_fd fd(::openat(dirfd, path.c_str(),
			      static_cast<int>(wanted) | O_CLOEXEC | O_NOCTTY |
				      O_NONBLOCK));

	if (!fd)
		return explain(errno, dirfd, path.c_str());

	// EBADF: a process, opened to signal only
	auto proof = ask(fd.get(), PROCFD_INFO_STATE);

	if (!proof && proof.error() != std::errc::bad_file_descriptor) {
		struct stat st;

		if (::fstat(fd.get(), &st) == 0 && S_ISDIR(st.st_mode))
			return system_error(EISDIR);
		return internal::name_error(proof.error().value());
	}
	if (::fcntl(fd.get(), F_SETFL, 0) < 0)
		return last_error();
	return process(std::move(fd));
}

namespace {

result<wait_status> wait_for_exit(int fd, std::uint64_t deadline_ns) noexcept
{
	auto info = ask(fd, PROCFD_INFO_IDS | PROCFD_INFO_STATUS, &deadline_ns);

	if (!info)
		return unexpected(info.error());
	internal::reap(fd, *info);
	return wait_status(info->status);
}

} // namespace

result<wait_status> process::wait() const noexcept
{
	return wait_for_exit(fd_.get(), PROCFD_DEADLINE_NONE);
}

result<wait_status> process::wait_until(
	std::chrono::steady_clock::time_point deadline) const noexcept
{
	auto since_start = std::chrono::duration_cast<std::chrono::nanoseconds>(
		deadline.time_since_epoch());

	return wait_for_exit(fd_.get(), since_start.count() < 0 ?
						0 :
						static_cast<std::uint64_t>(
							since_start.count()));
}

result<std::optional<wait_status>> process::try_wait() const noexcept
{
	auto info = ask(fd_.get(), PROCFD_INFO_IDS | PROCFD_INFO_STATUS);

	if (!info)
		return unexpected(info.error());
	if (info->state == PROCFD_STATE_DROPPED)
		return system_error(ECHILD);
	if (info->state != PROCFD_STATE_EXITED)
		return std::optional<wait_status>();
	internal::reap(fd_.get(), *info);
	return wait_status(info->status);
}

result<void> process::signal(int signo) const noexcept
{
	// As text: a raw byte may be a digit, or the newline that is refused
	char text[16];
	auto end = std::to_chars(text, text + sizeof(text), signo).ptr;

	if (::write(fd_.get(), text, static_cast<std::size_t>(end - text)) < 0)
		return last_error();
	return {};
}

result<process_info> process::info() const noexcept
{
	auto info = ask(fd_.get(), PROCFD_INFO_IDS | PROCFD_INFO_STATUS |
					   PROCFD_INFO_RUSAGE);

	if (!info)
		return unexpected(info.error());

	auto has = [&](unsigned attribute) {
		return (info->attributes & attribute) != 0;
	};
	auto microseconds = [](std::uint64_t count) {
		return std::chrono::microseconds(
			static_cast<std::int64_t>(count));
	};
	auto nanoseconds = [](std::uint64_t count) {
		return std::chrono::nanoseconds(
			static_cast<std::int64_t>(count));
	};
	process_info out{
		.state = static_cast<process_state>(info->state),
		.id = info->id,
		.pid = info->pid,
		.status = std::nullopt,
		.kill_on_close = has(PROCFD_ATTR_KILL_ON_CLOSE),
		.quiet = has(PROCFD_ATTR_QUIET),
		.reaped = has(PROCFD_ATTR_REAPED),
		.started = nanoseconds(info->started_ns),
		.ended = nanoseconds(info->exited_ns),
		.user_time = microseconds(info->utime_usec),
		.system_time = microseconds(info->stime_usec),
		.maxrss_kb = info->maxrss_kb,
		.minor_faults = info->minflt,
		.major_faults = info->majflt,
	};

	if (info->state == PROCFD_STATE_EXITED)
		out.status = wait_status(info->status);
	return out;
}

result<void> process::link(path_arg path, existing policy) const noexcept
{
	return link_at(AT_FDCWD, path, policy);
}

result<void> process::link_at(int dirfd, path_arg path,
			      existing policy) const noexcept
{
	auto flags = link_flags::none;
	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());
	if (policy == existing::replace)
		flags = link_flags::replace;
	else if (policy == existing::replace_dead)
		flags = link_flags::replace_dead;

	auto linked = dev->link(fd_.get(), dirfd, path, flags);

	// There is one procfdfs, so another filesystem is none
	if (!linked && linked.error() == std::errc::cross_device_link)
		return internal::name_error(EXDEV);
	return linked;
}

result<void> process::set_kill_on_close(bool on) const noexcept
{
	__u32 value = on;

	if (::ioctl(fd_.get(), PROCFD_IOC_SET_KILL_ON_CLOSE, &value) < 0)
		return last_error();
	return {};
}

result<process> process::duplicate() const noexcept
{
	return held(fd_.duplicate());
}

void process::close() noexcept
{
	if (!fd_)
		return;

	int saved = errno;
	auto info = ask(fd_.get(), PROCFD_INFO_IDS);

	if (info && (info->attributes & PROCFD_ATTR_QUIET))
		internal::reap(fd_.get(), *info);
	fd_.reset();
	errno = saved;
}

} // namespace procfd
