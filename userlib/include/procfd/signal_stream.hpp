// SPDX-License-Identifier: MIT
#ifndef PROCFD_SIGNAL_STREAM_HPP
#define PROCFD_SIGNAL_STREAM_HPP

#include <chrono>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>

#include <sys/types.h>

#include <procfd/export.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>
#include <procfd/wait_status.hpp>

namespace procfd {

/// A signal that a signal_stream gave: who sent it, and with what.
struct received_signal {
	int signo; ///< the signal
	int code; ///< si_code of sigaction(2): SI_USER, SI_QUEUE, CLD_EXITED ...
	/// the sender, or for SIGCHLD the child, as the caller sees its id; 0 if
	/// it is the kernel or not visible. For display: it may mean another
	/// process by now.
	pid_t pid;
	uid_t uid; ///< real user id of `pid`
	/// SIGCHLD of a child that ended: how it ended
	std::optional<wait_status> child;
	int value; ///< with SI_QUEUE: the integer given to sigqueue(3)
};

/// Signals as values to be read, by signalfd(2), instead of handlers.
///
///     auto stop = procfd::signal_stream::open({SIGTERM, SIGINT});
///     auto why = stop->read();        // or poll stop->native_handle()
///
/// While it exists its signals are blocked in the thread that made it, and those
/// that come wait to be read. Its end unblocks what it blocked; signals that came
/// and were not read then do what they would have done without it.
///
/// Threads: a signal to the process goes to any thread that does not block it. So
/// make the stream before the first thread: threads inherit what is blocked. Any
/// thread may read it, but sees only signals to the process and to itself. It must
/// end in the thread that made it; elsewhere it closes its descriptor and leaves
/// the signals blocked.
///
/// Children: those that procfd::fork(), spawn() and command make in the thread that
/// made the stream start without its signals blocked, as if there were no stream;
/// in a child of fork() it has nothing to read. What is made otherwise inherits
/// what is blocked, through exec as well: children made in other threads (give
/// them command::signal_mask() or command::default_signals()), or by fork(2),
/// posix_spawn(3), system(3) and popen(3).
///
/// There is no handler, no thread, and no state but what the thread remembers of
/// its own streams. Several may hold the same signal: each that comes is read once.
class signal_stream {
public:
	/// @{
	/// \param signals  signals to read, 1 to 64
	/// \return  the stream; or EINVAL (none, no such signal, SIGKILL or SIGSTOP
	///	which cannot be blocked, or one that libc keeps for itself), EMFILE,
	///	ENFILE, ENOMEM
	PROCFD_API static result<signal_stream>
	open(std::initializer_list<int> signals) noexcept;
	PROCFD_API static result<signal_stream>
	open(const sigset_t &signals) noexcept;
	/// @}

	/// An ended one: reading fails with EBADF.
	signal_stream() noexcept = default;
	/// The other is an ended one then.
	signal_stream(signal_stream &&other) noexcept
		: fd_(std::move(other.fd_)),
		  signals_(std::exchange(other.signals_, 0)),
		  owner_(other.owner_)
	{
	}
	/// What was held ends.
	signal_stream &operator=(signal_stream &&other) noexcept
	{
		if (this != &other) {
			close();
			fd_ = std::move(other.fd_);
			signals_ = std::exchange(other.signals_, 0);
			owner_ = other.owner_;
		}
		return *this;
	}
	~signal_stream() { close(); }

	/// Wait for the next signal. Signals that are handled do not change the wait.
	PROCFD_API result<received_signal> read() const noexcept;

	/// As read(), but give up at a point in time.
	/// \param deadline  on the monotonic clock; one that has passed only looks
	/// \return  also ETIMEDOUT
	PROCFD_API result<received_signal> read_until(
		std::chrono::steady_clock::time_point deadline) const noexcept;

	/// As read(), but only look.
	/// \return  the signal, or nothing if none is there
	PROCFD_API result<std::optional<received_signal>>
	try_read() const noexcept;

	/// \return  the descriptor, still owned here, for poll(2) and the like:
	///	readable while a signal is there. It is not blocking.
	[[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

	/// \return  whether there is a descriptor
	explicit operator bool() const noexcept { return bool(fd_); }

private:
	/// Which thread made it: its id, and when it made its first one.
	struct thread_mark {
		pid_t thread = 0;
		std::int64_t since = 0; ///< by std::chrono::steady_clock
	};

	signal_stream(unique_fd fd, std::uint64_t signals,
		      thread_mark owner) noexcept
		: fd_(std::move(fd)), signals_(signals), owner_(owner)
	{
	}

	PROCFD_API void close() noexcept;

	unique_fd fd_;
	std::uint64_t signals_ = 0; // bit N - 1: signal N
	thread_mark owner_;
};

} // namespace procfd

#endif
