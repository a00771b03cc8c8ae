// SPDX-License-Identifier: MIT
//
// Making children. PROCFD_IOC_FORK arms the thread, the next child it makes is
// bound: whatever comes between, here a signal handler, could make that child.

#include <procfd/process.hpp>

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include <csignal>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.hpp"
#include "internal.hpp"
#include "make_child.hpp"
#include "signal_mask.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::ask;
using internal::signals_blocked;
using internal::system_error;

namespace {

/// \return  whether a descriptor is that of a process id; it is a proof as long
///	as the id cannot have been used again, as in the child itself, and in its
///	parent right after the fork
bool is(int fd, pid_t pid) noexcept
{
	auto info = ask(fd, PROCFD_INFO_IDS);

	return info && (info->mask & PROCFD_INFO_IDS) && info->pid == pid;
}

/// Let a stranger that took the descriptor live when it is closed.
void spare(int fd) noexcept
{
	__u32 off = 0;

	::ioctl(fd, PROCFD_IOC_SET_KILL_ON_CLOSE, &off);
}

/// Take back what was announced, after no child was made or the wrong one.
void drop(const device &dev, unique_fd fd) noexcept
{
	(void)dev.cancel_fork();
	spare(fd.get());
}

/// End a child that cannot be handed out, and take its zombie.
void discard(pid_t child) noexcept
{
	auto pidfd = internal::open_pidfd(child);
	auto id = static_cast<id_t>(pidfd.get());
	siginfo_t ignored;

	// First make sure that the id still is a child of ours: nobody else has
	// reaped it, or it was not used again by a stranger.
	if (!pidfd || calls::waitid(P_PIDFD, id, &ignored,
				    WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
		return;
	::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
	while (calls::waitid(P_PIDFD, id, &ignored, WEXITED | __WALL) < 0 &&
	       errno == EINTR)
		;
}

} // namespace

result<forked> fork(fork_flags flags) noexcept
{
	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());
	return fork(*dev, flags);
}

result<forked> fork(const device &dev, fork_flags flags) noexcept
{
	signals_blocked guard;

	return internal::fork(dev, flags, guard);
}

result<forked> internal::fork(const device &dev, fork_flags flags,
			      signals_blocked &guard) noexcept
{
	auto fd = dev.announce_fork(flags);

	if (!fd)
		return unexpected(fd.error());

	pid_t pid = ::fork();

	if (pid < 0) {
		auto error = last_error();

		drop(dev, *std::move(fd));
		return error;
	}
	if (pid == 0) {
		if (!is(fd->get(), ::getpid()))
			::_exit(127);
		// While the child holds it, its parent's is not the last copy
		fd->reset();
		guard.restore_for_child();
		return forked(process());
	}
	if (!is(fd->get(), pid)) {
		drop(dev, *std::move(fd));
		discard(pid);
		return internal::wrong_child();
	}
	return forked(process::adopt(*std::move(fd)));
}

void internal::report(int pipe, int error) noexcept
{
	// Nobody is left to be told if this fails
	[[maybe_unused]] auto n = calls::write(pipe, &error, sizeof(error));
}

namespace {

/// What posix_spawn(3) is to do besides. A copy, for the options are const.
posix_spawnattr_t attributes_of(const spawn_options &options,
				const sigset_t &mask) noexcept
{
	posix_spawnattr_t attributes;
	short flags = 0;

	if (options.attributes)
		attributes = *options.attributes;
	else
		::posix_spawnattr_init(&attributes);

	// The program must not start with everything blocked, as it is here
	::posix_spawnattr_getflags(&attributes, &flags);
	if (!(flags & POSIX_SPAWN_SETSIGMASK)) {
		flags = static_cast<short>(flags | POSIX_SPAWN_SETSIGMASK);
		::posix_spawnattr_setflags(&attributes, flags);
		::posix_spawnattr_setsigmask(&attributes, &mask);
	}
	return attributes;
}

/// posix_spawnp(3).
/// \param mask  signal mask of the program, unless the options have one
/// \return  process id, or the error
result<pid_t> start(const char *const *argv, const spawn_options &options,
		    const sigset_t &mask) noexcept
{
	auto attributes = attributes_of(options, mask);
	auto environment = options.environment ? options.environment : environ;
	pid_t pid = -1;
	int error = ::posix_spawnp(&pid, options.file ? options.file : argv[0],
				   options.file_actions, &attributes,
				   const_cast<char *const *>(argv),
				   const_cast<char *const *>(environment));

	if (error)
		return system_error(error);
	return pid;
}

/// Clean up after a posix_spawn(3) that failed. It may have made a child that
/// could not execute the program, and libc has waited for that, but not as one
/// must for a quiet child. It is about to exit, if it has not; what lives on is a
/// stranger that an interposed posix_spawn(3) made.
void drop_unstarted(const device &dev, unique_fd fd) noexcept
{
	if (dev.cancel_fork())
		return; // there was no child

	spare(fd.get());

	auto info = ask(fd.get(), PROCFD_INFO_IDS);

	if (!info || !(info->attributes & PROCFD_ATTR_QUIET))
		return;

	auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(1);
	auto deadline = static_cast<std::uint64_t>(
		std::chrono::nanoseconds(soon.time_since_epoch()).count());

	info = ask(fd.get(), PROCFD_INFO_IDS, &deadline);
	if (info)
		internal::reap(fd.get(), *info);
}

/// Arguments with the null pointer that exec wants; short ones without malloc.
class null_terminated {
public:
	explicit null_terminated(
		std::initializer_list<const char *> argv) noexcept
	{
		const char **to = few_;

		// One in their midst would hide those after it
		if (std::find(argv.begin(), argv.end(), nullptr) !=
		    argv.end()) {
			error_ = EINVAL;
			return;
		}
		if (argv.size() >= std::size(few_)) {
			many_.reset(new (std::nothrow)
					    const char *[argv.size() + 1]);
			to = many_.get();
		}
		if (!to) {
			error_ = ENOMEM;
			return;
		}
		data_ = to;
		for (const char *arg : argv)
			*to++ = arg;
		*to = nullptr;
	}

	/// \return  0, or the errno for which there are none
	[[nodiscard]] int error() const noexcept { return error_; }
	[[nodiscard]] const char *const *get() const noexcept { return data_; }

private:
	const char *few_[32];
	std::unique_ptr<const char *[]> many_;
	const char *const *data_ = nullptr;
	int error_ = 0;
};

} // namespace

result<process> spawn(const char *const *argv,
		      const spawn_options &options) noexcept
{
	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());
	return spawn(*dev, argv, options);
}

result<process> spawn(const device &dev, const char *const *argv,
		      const spawn_options &options) noexcept
{
	if (!argv || !argv[0])
		return system_error(EINVAL);

	signals_blocked guard;
	auto fd = dev.announce_fork(options.flags);

	if (!fd)
		return unexpected(fd.error());

	auto pid = start(argv, options, guard.for_child());

	if (!pid) {
		drop_unstarted(dev, *std::move(fd));
		return unexpected(pid.error());
	}
	if (!is(fd->get(), *pid)) {
		drop(dev, *std::move(fd));
		discard(*pid);
		return internal::wrong_child();
	}
	return process::adopt(*std::move(fd));
}

result<process> spawn(std::initializer_list<const char *> argv,
		      const spawn_options &options) noexcept
{
	null_terminated copy(argv);

	if (copy.error())
		return system_error(copy.error());
	return spawn(copy.get(), options);
}

result<void> spawn_detached(const char *const *argv,
			    const spawn_options &options) noexcept
{
	if (options.flags != fork_flags::none || !argv || !argv[0])
		return system_error(EINVAL);

	auto between = [&] {
		// To its end in the child: no handler of the caller's runs there
		signals_blocked guard;
		// The device is closed again before anything else needs a number
		auto f = device::open().and_then([&](const device &dev) {
			return internal::fork(dev, fork_flags::quiet, guard);
		});

		if (f && f->in_child()) {
			// an errno fits into the exit code
			auto started = start(argv, options, guard.for_child());

			::_exit(started.error().value());
		}
		return f;
	}();

	if (!between)
		return unexpected(between.error());

	auto status = between->child.wait();

	if (!status)
		return unexpected(status.error());
	if (!status->exited())
		return system_error(ECHILD);
	if (!status->success())
		return system_error(*status->exit_code());
	return {};
}

result<void> spawn_detached(std::initializer_list<const char *> argv,
			    const spawn_options &options) noexcept
{
	null_terminated copy(argv);

	if (copy.error())
		return system_error(copy.error());
	return spawn_detached(copy.get(), options);
}

} // namespace procfd
