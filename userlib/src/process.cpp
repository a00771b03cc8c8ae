// SPDX-License-Identifier: MIT
#include <procfd/process.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <string_view>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd {

namespace calls = internal::calls;
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

unique_fd open_pidfd(pid_t pid) noexcept
{
	return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

result<unique_fd> pidfd_of(int fd, const procfd_info &seen) noexcept
{
	if (seen.pid <= 0 || (seen.attributes & PROCFD_ATTR_REAPED))
		return system_error(ESRCH);

	// The number may have gone to another process since `seen`. If INFO says
	// only now that the process still has it, the pidfd, made before, is of
	// this process and of no other.
	auto pidfd = open_pidfd(seen.pid);

	if (!pidfd)
		return last_error();

	auto now = ask(fd, PROCFD_INFO_STATE);

	if (!now)
		return unexpected(now.error());
	if (now->attributes & PROCFD_ATTR_REAPED)
		return system_error(ESRCH);
	return pidfd;
}

void reap(int fd, const procfd_info &seen) noexcept
{
	if (seen.state != PROCFD_STATE_EXITED)
		return;

	auto pidfd = pidfd_of(fd, seen);
	siginfo_t ignored;

	// ECHILD: not our child, or another thread was faster
	if (pidfd)
		calls::waitid(P_PIDFD, static_cast<id_t>(pidfd->get()),
			      &ignored, WEXITED | WNOHANG | __WALL);
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

/// \return  the error for a name that could not be opened or made: whether its
///	directory is on a procfdfs decides what the errno means
unexpected explain(int error, int dirfd, const char *path) noexcept
{
	auto cut = internal::path_cut::make(path);
	struct statfs fs;

	if ((error != ENOENT && error != EXDEV) || !cut)
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

namespace {

/// \return  the process id that fdinfo tells of a pidfd, in the pid namespace of
///	/proc; ESRCH if it has been reaped or has none there, EBADF if it is no pidfd
result<pid_t> number_of(int pidfd) noexcept
{
	constexpr std::string_view key = "\nPid:\t";
	char path[48] = "/proc/thread-self/fdinfo/";
	char text[1024];
	auto end = std::to_chars(path + std::strlen(path),
				 path + sizeof(path) - 1, pidfd)
			   .ptr;

	*end = '\0';

	unique_fd fdinfo(calls::open(path, O_RDONLY | O_CLOEXEC));

	if (!fdinfo)
		return last_error();

	ssize_t n = calls::read(fdinfo.get(), text, sizeof(text));

	if (n < 0)
		return last_error();

	std::string_view all(text, static_cast<std::size_t>(n));
	auto at = all.find(key);
	pid_t pid = 0;

	if (at == all.npos)
		return system_error(EBADF);
	at += key.size();
	std::from_chars(all.data() + at, all.data() + all.size(), pid);
	if (pid <= 0)
		return system_error(ESRCH);
	return pid;
}

} // namespace

result<process> process::from_pidfd(int pidfd, open_flags flags) noexcept
{
	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());
	return from_pidfd(*dev, pidfd, flags);
}

result<process> process::from_pidfd(const device &dev, int pidfd,
				    open_flags flags) noexcept
{
	if (::fcntl(pidfd, F_GETFD) < 0)
		return last_error();

	auto number = number_of(pidfd);

	if (!number)
		return unexpected(number.error());

	// The number alone proves nothing: it may have been used again, or belong
	// to another pid namespace than ours, if /proc does. So a second pidfd is
	// opened by it, and then the process; and then both pidfds are asked.
	auto ours = internal::open_pidfd(*number);

	if (!ours)
		return last_error();

	auto opened = open(dev, *number, flags);

	if (!opened)
		return opened;

	// A process keeps its number until it is reaped, when fdinfo loses it.
	// `ours` has it still: so it had it since it was opened, and what was
	// opened by the number in between is the same process. `pidfd` has it
	// still, after that answer: so both had it, in one namespace, at one time,
	// and are the same process too.
	for (int fd : {ours.get(), pidfd}) {
		auto still = number_of(fd);

		if (!still)
			return unexpected(still.error());
		if (*still != *number)
			return system_error(ESRCH);
	}
	return opened;
}

result<unique_fd> process::to_pidfd() const noexcept
{
	auto info = ask(fd_.get(), PROCFD_INFO_IDS);

	if (!info)
		return unexpected(info.error());
	return internal::pidfd_of(fd_.get(), *info);
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
	if (!path.c_str())
		return system_error(EINVAL);

	// O_NONBLOCK, lest an ordinary FIFO of this name blocks the open
	unique_fd fd(calls::openat(dirfd, path.c_str(),
				   static_cast<int>(wanted) | O_CLOEXEC |
					   O_NOCTTY | O_NONBLOCK));

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

namespace {

/// Wait for POLLHUP: of a tree it comes last.
result<void>
poll_hangup(int fd,
	    const std::chrono::steady_clock::time_point *deadline) noexcept
{
	using namespace std::chrono;

	pollfd p{.fd = fd, .events = 0, .revents = 0};

	for (;;) {
		timespec left{};

		if (deadline) {
			auto time = std::max(
				duration_cast<nanoseconds>(*deadline -
							   steady_clock::now()),
				nanoseconds::zero());
			auto whole = duration_cast<seconds>(time);

			left.tv_sec = whole.count();
			left.tv_nsec = (time - whole).count();
		}

		int ready = calls::ppoll(&p, 1, deadline ? &left : nullptr);

		if (ready < 0 && errno != EINTR)
			return last_error();
		if (ready > 0)
			return p.revents & POLLNVAL ? system_error(EBADF) :
						      result<void>();
		if (ready == 0 && left.tv_sec == 0 && left.tv_nsec == 0)
			return system_error(ETIMEDOUT);
	}
}

result<wait_status>
wait_for_all(const process &first,
	     const std::chrono::steady_clock::time_point *deadline) noexcept
{
	// Also the proof that it is a process, opened to watch
	auto info = ask(first.native_handle(), PROCFD_INFO_STATE);

	if (!info)
		return unexpected(info.error());

	auto over = poll_hangup(first.native_handle(), deadline);

	if (!over)
		return unexpected(over.error());
	return first.wait();
}

} // namespace

result<wait_status> process::wait_empty() const noexcept
{
	return wait_for_all(*this, nullptr);
}

result<wait_status> process::wait_empty_until(
	std::chrono::steady_clock::time_point deadline) const noexcept
{
	return wait_for_all(*this, &deadline);
}

result<process::reach> process::signal(int signo, scope whom) const noexcept
{
	procfd_signal args{};

	args.signal = static_cast<__u32>(signo);
	args.scope = static_cast<__u32>(whom);
	if (::ioctl(fd_.get(), PROCFD_IOC_SIGNAL, &args) < 0)
		return last_error();
	return reach{.sent = args.sent, .refused = args.refused};
}

result<std::vector<tree_member>> process::members() const noexcept
try {
	std::vector<procfd_member> room(64);
	procfd_members args{};

	// Until all have fitted
	for (;;) {
		args.members = reinterpret_cast<std::uintptr_t>(room.data());
		args.count = static_cast<__u32>(room.size());
		if (::ioctl(fd_.get(), PROCFD_IOC_MEMBERS, &args) < 0)
			return last_error();
		if (args.count <= room.size())
			break;
		room.resize(args.count + args.count / 8);
	}

	std::vector<tree_member> out;

	out.reserve(args.count);
	for (std::size_t i = 0; i < args.count; i++)
		out.push_back({.id = room[i].id,
			       .parent_id = room[i].parent_id,
			       .pid = room[i].pid,
			       .started = std::chrono::nanoseconds(
				       static_cast<std::int64_t>(
					       room[i].started_ns))});
	return out;
} catch (const std::bad_alloc &) {
	return system_error(ENOMEM);
}

result<void> process::signal(int signo) const noexcept
{
	// As text, which can say every signal; a raw byte cannot
	char text[16];
	auto end = std::to_chars(text, text + sizeof(text), signo).ptr;

	if (calls::write(fd_.get(), text,
			 static_cast<std::size_t>(end - text)) < 0)
		return last_error();
	return {};
}

result<process_info> process::info() const noexcept
{
	auto info =
		ask(fd_.get(), PROCFD_INFO_IDS | PROCFD_INFO_STATUS |
				       PROCFD_INFO_RUSAGE | PROCFD_INFO_TREE);

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
		.tree = std::nullopt,
	};

	if (info->state == PROCFD_STATE_EXITED)
		out.status = wait_status(info->status);
	if (info->mask & PROCFD_INFO_TREE) {
		out.tree = tree_info{
			.live = info->live,
			.born = info->born,
			.born_dead = info->born_dead,
			.main_id = info->main_id,
			.main_pid = info->main_pid,
			.ended_main_id = info->ended_main_id,
			.ended_main = std::nullopt,
			.user_time = microseconds(info->tree_utime_usec),
			.system_time = microseconds(info->tree_stime_usec),
			.maxrss_kb = info->tree_maxrss_kb,
			.minor_faults = info->tree_minflt,
			.major_faults = info->tree_majflt,
		};
		if (info->ended_main_id)
			out.tree->ended_main =
				wait_status(info->ended_main_status);
	}
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
	if (internal::stands_in(*dev, dirfd, path))
		return system_error(EBADF);
	if (policy == existing::replace)
		flags = link_flags::replace;
	else if (policy == existing::replace_dead)
		flags = link_flags::replace_dead;

	auto linked = dev->link(fd_.get(), dirfd, path, flags);

	if (!linked && linked.error() == std::errc::cross_device_link)
		return explain(EXDEV, dirfd, path.c_str());
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
