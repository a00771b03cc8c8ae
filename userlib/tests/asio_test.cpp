// SPDX-License-Identifier: MIT
#include <procfd/asio.hpp>

#include <sys/resource.h>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_future.hpp>

#include "common.hpp"

using procfd::async_wait;
using procfd::wait_status;

class asio_wait : public with_module {
protected:
	/// Run a coroutine to its end.
	template <typename F>
	void run(F coroutine)
	{
		std::exception_ptr thrown;

		asio::co_spawn(io, std::move(coroutine),
			       [&](std::exception_ptr e) { thrown = e; });
		io.run();
		io.restart();
		if (thrown)
			std::rethrow_exception(thrown);
	}

	asio::io_context io{1};
};

TEST_F(asio_wait, a_coroutine_gets_the_status_and_the_child_is_reaped)
{
	channel go;
	auto c = child([&] { return go.receive(); });

	run([&]() -> asio::awaitable<void> {
		go.send(5);

		wait_status status = co_await async_wait(c);

		EXPECT_EQ(5, status.exit_code());
	});
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(asio_wait, one_that_has_exited_before_is_no_different)
{
	auto c = child([] { return 6; });

	ASSERT_OK(c.wait());
	run([&]() -> asio::awaitable<void> {
		EXPECT_EQ(6, (co_await async_wait(c)).exit_code());
		EXPECT_EQ(6, (co_await async_wait(c)).exit_code());
	});
}

TEST_F(asio_wait, several_wait_for_one_process_and_each_for_its_own)
{
	channel go;
	auto one = child([&] { return go.receive(); });
	auto other = child(stay);
	int ended = 0;

	for (int i = 0; i < 3; i++)
		async_wait(io.get_executor(), one,
			   [&](std::error_code e, wait_status status) {
				   EXPECT_FALSE(e) << e.message();
				   EXPECT_EQ(7, status.exit_code());
				   if (++ended == 3)
					   EXPECT_OK(other.signal(SIGTERM));
			   });
	async_wait(io.get_executor(), other,
		   [&](std::error_code e, wait_status status) {
			   EXPECT_FALSE(e) << e.message();
			   EXPECT_EQ(SIGTERM, status.signal());
			   EXPECT_EQ(3, ended);
			   ended++;
		   });
	EXPECT_EQ(0u, io.poll());
	go.send(7);
	io.run();
	EXPECT_EQ(4, ended);
}

TEST_F(asio_wait, the_process_may_move_and_close_meanwhile)
{
	channel go;
	auto c = child([&] { return go.receive(); });
	int code = -1;

	async_wait(io.get_executor(), c,
		   [&](std::error_code, wait_status status) {
			   code = status.exit_code().value_or(-1);
		   });
	{
		auto moved = std::move(c);
	}
	go.send(8);
	io.run();
	EXPECT_EQ(8, code);
}

TEST_F(asio_wait, cancelled_by_its_slot_it_ends_and_the_process_goes_on)
{
	// the loop has descriptors of its own from the first wait on
	run([&]() -> asio::awaitable<void> {
		(void)co_await async_wait(child([] { return 0; }));
	});
	for (auto kind : {asio::cancellation_type::terminal,
			  asio::cancellation_type::partial,
			  asio::cancellation_type::total}) {
		asio::cancellation_signal cancel;
		auto before = open_descriptors();
		auto c = child(stay);
		std::error_code how;

		async_wait(io.get_executor(), c,
			   asio::bind_cancellation_slot(cancel.slot(),
							[&](std::error_code e,
							    wait_status) {
								how = e;
							}));
		io.poll();
		EXPECT_FALSE(how);
		cancel.emit(kind);
		io.run();
		io.restart();
		EXPECT_EQ(asio::error::operation_aborted, how);
		EXPECT_OK(c.signal(0));
		EXPECT_OK(c.signal(SIGKILL));
		EXPECT_EQ(SIGKILL, c.wait()->signal());
		c = {};
		EXPECT_EQ(before, open_descriptors());
	}
}

// The flag belongs to the open file, which others may read(2) too.
TEST_F(asio_wait, the_open_file_keeps_its_flags)
{
	asio::cancellation_signal cancel;
	channel go;
	auto c = child([&] { return go.receive(); });
	auto flags = [&] { return ::fcntl(c.native_handle(), F_GETFL); };
	int before = flags();
	int ended = 0;

	EXPECT_EQ(0, before & O_NONBLOCK);
	async_wait(io.get_executor(), c,
		   asio::bind_cancellation_slot(cancel.slot(),
						[&](std::error_code,
						    wait_status) { ended++; }));
	io.poll();
	EXPECT_EQ(before, flags());
	cancel.emit(asio::cancellation_type::total);
	io.poll();
	io.restart();
	EXPECT_EQ(1, ended);
	EXPECT_EQ(before, flags());

	async_wait(io.get_executor(), c,
		   [&](std::error_code, wait_status) { ended++; });
	go.send(0);
	io.run();
	EXPECT_EQ(2, ended);
	EXPECT_EQ(before, flags());
}

TEST_F(asio_wait, without_descriptors_it_fails_and_the_process_goes_on)
{
	// the loop has descriptors of its own from the first wait on
	run([&]() -> asio::awaitable<void> {
		(void)co_await async_wait(child([] { return 0; }));
	});

	auto c = child(stay);
	struct rlimit before {};

	ASSERT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &before));
	// none for the copy, then none for the epoll
	for (int more = 0; more < 2; more++) {
		procfd::unique_fd next(::fcntl(c.native_handle(), F_DUPFD, 0));
		struct rlimit low = before;
		std::error_code how;

		ASSERT_TRUE(next);
		low.rlim_cur = static_cast<rlim_t>(next.get() + more);
		next.reset();
		ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &low));
		async_wait(io.get_executor(), c,
			   [&](std::error_code e, wait_status) { how = e; });
		io.poll();
		io.restart();
		EXPECT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &before));
		EXPECT_EQ(std::errc::too_many_files_open, how);
		EXPECT_OK(c.signal(0));
	}
	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_EQ(SIGKILL, c.wait()->signal());
}

TEST_F(asio_wait, it_loses_a_race_with_a_timer_and_can_be_repeated)
{
	using namespace asio::experimental::awaitable_operators;
	auto c = child(stay);

	run([&]() -> asio::awaitable<void> {
		asio::steady_timer now(io);

		now.expires_after({});

		auto first = co_await (async_wait(c) ||
				       now.async_wait(asio::use_awaitable));

		EXPECT_EQ(1u, first.index());
		EXPECT_OK(c.signal(SIGINT));
		EXPECT_EQ(SIGINT, (co_await async_wait(c)).signal());
	});
}

TEST_F(asio_wait, errors_come_through_the_token_and_never_at_once)
{
	std::error_code how;

	async_wait(io.get_executor(), procfd::process(),
		   [&](std::error_code e, wait_status) { how = e; });
	EXPECT_FALSE(how);
	io.run();
	io.restart();
	EXPECT_EQ(std::errc::bad_file_descriptor, how);

	run([&]() -> asio::awaitable<void> {
		std::error_code error;

		(void)co_await async_wait(
			procfd::process(),
			asio::redirect_error(asio::use_awaitable, error));
		EXPECT_EQ(std::errc::bad_file_descriptor, error);
	});
	EXPECT_THROW(run([&]() -> asio::awaitable<void> {
			     (void)co_await async_wait(procfd::process());
		     }),
		     std::system_error);
}

TEST_F(asio_wait, a_dropped_fork_is_an_error)
{
	auto dev = procfd::device::open();
	auto fd = dev->announce_fork(procfd::fork_flags::none);

	ASSERT_OK(fd);

	auto never = procfd::process::adopt(*std::move(fd));
	std::error_code how;

	async_wait(io.get_executor(), never,
		   [&](std::error_code e, wait_status) { how = e; });
	io.poll();
	EXPECT_FALSE(how);
	ASSERT_OK(dev->cancel_fork());
	io.run();
	EXPECT_EQ(ECHILD, how.value());
}

TEST_F(asio_wait, handlers_run_where_they_are_bound)
{
	asio::io_context another{1};
	auto strand = asio::make_strand(another);
	auto c = child([] { return 0; });
	bool there = false;

	// polls in one loop; all else happens in the other
	async_wait(
		io.get_executor(), c,
		asio::bind_executor(strand, [&](std::error_code, wait_status) {
			there = strand.running_in_this_thread();
		}));
	io.run_one();
	EXPECT_FALSE(there);
	another.run();
	EXPECT_TRUE(there);
}

TEST_F(asio_wait, the_handlers_executor_is_the_loop_if_none_is_given)
{
	auto c = child([] { return 4; });
	int code = -1;

	async_wait(c, asio::bind_executor(io, [&](std::error_code,
						  wait_status status) {
			   code = status.exit_code().value_or(-1);
		   }));
	io.run();
	EXPECT_EQ(4, code);
}

TEST_F(asio_wait, a_future_is_a_token_too)
{
	auto c = child([] { return 3; });
	auto status = async_wait(io.get_executor(), c, asio::use_future);

	io.run();
	EXPECT_EQ(3, status.get().exit_code());
}
