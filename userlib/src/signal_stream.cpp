// SPDX-License-Identifier: MIT
#include <procfd/signal_stream.hpp>

#include <array>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "calls.hpp"
#include "internal.hpp"
#include "signal_mask.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::last_error;
using internal::system_error;

namespace {

constexpr int last_signal = 64;

constexpr std::uint64_t bit(int signo)
{
	return std::uint64_t{1} << (signo - 1);
}

/// What one thread knows of its own streams. Nobody else looks at it.
struct thread_streams {
	/// how many streams hold signal N + 1
	std::array<unsigned, last_signal> holders{};
	/// signals that the first of their streams found unblocked
	std::uint64_t added = 0;
	/// id of the thread and the time when it opened the first of them; 0: it
	/// has not. An id or an address alone may have been another thread's.
	pid_t thread = 0;
	std::int64_t since = 0;
};

constinit thread_local thread_streams here;

/// \param keep  called with each signal of `signals`; says whether to take it
template <typename F>
sigset_t set_of(std::uint64_t signals, F keep)
{
	sigset_t set;

	sigemptyset(&set);
	for (int signo = 1; signo <= last_signal; signo++)
		if ((signals & bit(signo)) && keep(signo))
			sigaddset(&set, signo);
	return set;
}

void block(std::uint64_t signals) noexcept
{
	sigset_t before;
	auto set = set_of(signals, [](int) { return true; });

	if (!here.thread) {
		here.thread = ::gettid();
		here.since = std::chrono::steady_clock::now()
				     .time_since_epoch()
				     .count();
	}
	::pthread_sigmask(SIG_BLOCK, &set, &before);
	for (int signo = 1; signo <= last_signal; signo++) {
		if (!(signals & bit(signo)))
			continue;
		if (here.holders[static_cast<std::size_t>(signo - 1)]++ == 0 &&
		    !sigismember(&before, signo))
			here.added |= bit(signo);
	}
}

void unblock(std::uint64_t signals) noexcept
{
	auto last = set_of(signals, [](int signo) {
		auto &holders =
			here.holders[static_cast<std::size_t>(signo - 1)];

		if (holders == 0 || --holders > 0 || !(here.added & bit(signo)))
			return false;
		here.added &= ~bit(signo);
		return true;
	});

	::pthread_sigmask(SIG_UNBLOCK, &last, nullptr);
}

received_signal received(const signalfd_siginfo &info) noexcept
{
	received_signal out{
		.signo = static_cast<int>(info.ssi_signo),
		.code = info.ssi_code,
		.pid = static_cast<pid_t>(info.ssi_pid),
		.uid = info.ssi_uid,
		.child = std::nullopt,
		.value = 0,
	};

	if (out.signo == SIGCHLD) {
		if (out.code == CLD_EXITED)
			out.child = wait_status((info.ssi_status & 0xff) << 8);
		else if (out.code == CLD_KILLED)
			out.child = wait_status(info.ssi_status);
		else if (out.code == CLD_DUMPED)
			out.child = wait_status(info.ssi_status | 0x80);
	}
	if (out.code == SI_QUEUE)
		out.value = info.ssi_int;
	return out;
}

/// \param deadline  null: for ever
result<received_signal>
wait_for(int fd, const std::chrono::steady_clock::time_point *deadline) noexcept
{
	signalfd_siginfo info;
	pollfd readable{fd, POLLIN, 0};

	for (;;) {
		if (calls::read(fd, &info, sizeof(info)) == sizeof(info))
			return received(info);
		if (errno != EAGAIN)
			return last_error();

		timespec left{};

		if (deadline)
			left = internal::time_left(*deadline);

		int ready =
			calls::ppoll(&readable, 1, deadline ? &left : nullptr);

		if (ready < 0 && errno != EINTR)
			return last_error();
		if (ready == 0)
			return system_error(ETIMEDOUT);
	}
}

} // namespace

namespace internal {

sigset_t without_streams(sigset_t mask) noexcept
{
	for (int signo = 1; signo <= last_signal; signo++)
		if (here.added & bit(signo))
			sigdelset(&mask, signo);
	return mask;
}

void forget_streams() noexcept
{
	here = {};
}

} // namespace internal

result<signal_stream>
signal_stream::open(std::initializer_list<int> signals) noexcept
{
	sigset_t set;

	sigemptyset(&set);
	for (int signo : signals)
		if (sigaddset(&set, signo) < 0)
			return last_error();
	return open(set);
}

result<signal_stream> signal_stream::open(const sigset_t &signals) noexcept
{
	std::uint64_t bits = 0;

	for (int signo = 1; signo <= last_signal; signo++)
		if (sigismember(&signals, signo) == 1)
			bits |= bit(signo);
	// The kernel would leave these two out without a word
	if (!bits || (bits & (bit(SIGKILL) | bit(SIGSTOP))))
		return system_error(EINVAL);

	unique_fd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));

	if (!fd)
		return last_error();
	block(bits);
	return signal_stream(std::move(fd), bits, {here.thread, here.since});
}

result<received_signal> signal_stream::read() const noexcept
{
	return wait_for(fd_.get(), nullptr);
}

result<received_signal> signal_stream::read_until(
	std::chrono::steady_clock::time_point deadline) const noexcept
{
	return wait_for(fd_.get(), &deadline);
}

result<std::optional<received_signal>> signal_stream::try_read() const noexcept
{
	signalfd_siginfo info;

	if (calls::read(fd_.get(), &info, sizeof(info)) == sizeof(info))
		return received(info);
	if (errno == EAGAIN)
		return std::optional<received_signal>();
	return last_error();
}

void signal_stream::close() noexcept
{
	if (!fd_)
		return;
	fd_.reset();
	if (owner_.thread == here.thread && owner_.since == here.since)
		unblock(std::exchange(signals_, 0));
}

} // namespace procfd
