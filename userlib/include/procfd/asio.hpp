// SPDX-License-Identifier: MIT
#ifndef PROCFD_ASIO_HPP
#define PROCFD_ASIO_HPP

/// \file
/// Waiting for processes with Asio (the standalone one, 1.22 or newer). Header
/// only, and not part of procfd.hpp: who includes it brings Asio along.
///
///     asio::awaitable<void> supervise(procfd::process child)
///     {
///             procfd::wait_status status = co_await procfd::async_wait(child);
///             std::puts(status.str().c_str());
///     }
///
/// There is no thread, no SIGCHLD and no asio::signal_set behind it: the loop polls
/// the process's descriptor as it polls a socket.

#include <cerrno>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include <sys/epoll.h>

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/compose.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/system_executor.hpp>
#include <asio/use_awaitable.hpp>

#include <procfd/process.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>
#include <procfd/wait_status.hpp>

namespace procfd {

/// \cond internal
namespace detail {

/// What async_wait() is made of: wait until the descriptor is readable, then ask.
/// \tparam Given  the loop was given; else it is that of the handler
template <bool Given>
class asio_wait {
public:
	/// \param copy  a descriptor of its own: the caller's may go meanwhile
	explicit asio_wait(result<process> copy)
		: process_(copy ? *std::move(copy) : process()),
		  error_(copy.error())
	{
	}
	asio_wait(result<process> copy, const asio::any_io_executor &executor)
		: asio_wait(std::move(copy))
	{
		executor_ = executor;
	}

	/// The beginning, and once more if that failed.
	template <typename Self>
	void operator()(Self &self)
	{
		if (begun_) {
			finish(self, error_, wait_status());
			return;
		}
		begun_ = true;
		// Whatever the kind of cancellation, the status is not lost
		self.reset_cancellation_state(
			asio::enable_total_cancellation());
		if constexpr (!Given)
			executor_ = executor_of(self);
		if (!error_)
			watch();
		if (error_) {
			// A handler must not be called before we return
			auto executor = executor_;

			asio::post(executor, std::move(self));
			return;
		}
		wait(self);
	}

	/// The descriptor is readable, or the wait was cancelled.
	template <typename Self>
	void operator()(Self &self, std::error_code error)
	{
		if (error) {
			finish(self, error, wait_status());
			return;
		}

		auto status = process_.try_wait();

		if (!status)
			finish(self, status.error(), wait_status());
		else if (*status)
			finish(self, error, **status);
		else
			wait(self);
	}

private:
	template <typename Self>
	static asio::any_io_executor executor_of(const Self &self)
	{
		auto executor = self.get_executor();

		static_assert(
			!std::is_same_v<decltype(executor),
					asio::system_executor>,
			"async_wait: no loop to wait in. Await it in a "
			"coroutine, give it an executor, or bind_executor() "
			"the handler.");
		return executor;
	}

	/// Give the loop an epoll that has the descriptor. Asio makes what it gets
	/// non-blocking, and the copy is the same open file as the caller's.
	void watch()
	{
		unique_fd epoll(::epoll_create1(EPOLL_CLOEXEC));
		epoll_event event{};

		event.events = EPOLLIN;
		if (!epoll ||
		    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD,
				process_.native_handle(), &event) < 0) {
			error_.assign(errno, std::system_category());
			return;
		}
		epoll_ = std::make_unique<asio::posix::stream_descriptor>(
			executor_);
		epoll_->assign(epoll.get(), error_);
		if (!error_)
			(void)epoll.release();
	}

	template <typename Self>
	void wait(Self &self)
	{
		auto &epoll = *epoll_; // stays where it is

		epoll.async_wait(asio::posix::descriptor_base::wait_read,
				 std::move(self));
	}

	/// Everything is freed before the handler, which may begin the next wait.
	template <typename Self>
	void finish(Self &self, std::error_code error, wait_status status)
	{
		epoll_.reset();
		process_ = process();
		self.complete(error, status);
	}

	process process_;
	std::error_code error_;
	asio::any_io_executor executor_;
	std::unique_ptr<asio::posix::stream_descriptor> epoll_;
	bool begun_ = false;
};

using asio_wait_signature = void(std::error_code, wait_status);

#if defined(ASIO_HAS_CO_AWAIT)
using asio_default_token = asio::use_awaitable_t<>;
#else
struct asio_default_token; // a token must be given
#endif

} // namespace detail
/// \endcond

/// Wait until a process has exited, as process::wait(): a child of the caller is
/// also reaped.
///
/// The operation has a copy of the descriptor, so the process may be moved or closed
/// meanwhile; and one with kill_on_close is not killed before the operation ends.
/// It can be cancelled through the handler's cancellation slot (all kinds), so it
/// works with operator|| and parallel groups; then it ends with
/// asio::error::operation_aborted, the process goes on and can be waited for again.
/// Any number of operations may wait for one process.
/// \param child  the process
/// \param token  completion token, of the signature void(std::error_code,
///	wait_status); the status means nothing if there is an error. Its associated
///	executor is the loop to wait in: by default that of the coroutine.
/// \return  what the token says; the errors are those of process::wait() and
///	process::duplicate(), and EMFILE, ENFILE, ENOMEM, ENOSPC (epoll's limit of
///	watches)
template <typename Token = detail::asio_default_token>
auto async_wait(const process &child, Token &&token = Token())
{
	return asio::async_compose<Token, detail::asio_wait_signature>(
		detail::asio_wait<false>(child.duplicate()), token);
}

/// \param executor  of the loop to wait in; also calls handlers that have none
template <typename Token = detail::asio_default_token>
auto async_wait(const asio::any_io_executor &executor, const process &child,
		Token &&token = Token())
{
	return asio::async_compose<Token, detail::asio_wait_signature>(
		detail::asio_wait<true>(child.duplicate(), executor), token,
		executor);
}

} // namespace procfd

#endif
