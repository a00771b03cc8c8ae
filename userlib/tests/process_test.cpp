// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <poll.h>

#include "common.hpp"

using procfd::fork_flags;
using procfd::process_state;
using clock_type = std::chrono::steady_clock;

class process : public with_module {};

TEST(process_value, without_a_descriptor_fails_with_ebadf)
{
	procfd::process none;

	EXPECT_FALSE(none);
	EXPECT_EQ(-1, none.native_handle());
	EXPECT_ERROR(EBADF, none.wait());
	EXPECT_ERROR(EBADF, none.try_wait());
	EXPECT_ERROR(EBADF, none.wait_until({}));
	EXPECT_ERROR(EBADF, none.signal(0));
	EXPECT_ERROR(EBADF, none.info());
	EXPECT_ERROR(EBADF, none.set_kill_on_close(true));
	EXPECT_ERROR(EBADF, none.duplicate());
}

TEST(process_value, another_kind_of_descriptor_is_told_apart)
{
	auto other = procfd::process::adopt(
		procfd::unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));

	EXPECT_ERROR(ENOTTY, other.wait());
	EXPECT_ERROR(ENOTTY, other.info());
}

TEST(process_value, adopt_and_release_move_the_descriptor)
{
	procfd::unique_fd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
	int number = fd.get();
	auto adopted = procfd::process::adopt(std::move(fd));

	EXPECT_EQ(number, adopted.native_handle());

	procfd::process moved(std::move(adopted));

	EXPECT_FALSE(adopted);
	adopted = std::move(moved);
	EXPECT_EQ(number, adopted.native_handle());
	EXPECT_EQ(number, adopted.release().get());
	EXPECT_FALSE(adopted);
}

TEST_F(process, self_is_the_calling_process)
{
	auto self = procfd::process::self();

	ASSERT_OK(self);

	auto info = self->info();

	ASSERT_OK(info);
	EXPECT_EQ(process_state::running, info->state);
	EXPECT_EQ(::getpid(), info->pid);
	EXPECT_EQ(std::nullopt, info->status);
	EXPECT_EQ(std::nullopt, *self->try_wait());
	EXPECT_OK(self->signal(0));
}

TEST_F(process, open_finds_a_child_by_pid)
{
	auto forked = child(stay);
	auto opened = procfd::process::open(forked.info()->pid);

	ASSERT_OK(opened);
	EXPECT_EQ(forked.info()->id, opened->info()->id);
	EXPECT_OK(opened->signal(SIGTERM));
	EXPECT_EQ(SIGTERM, opened->wait()->signal());
	EXPECT_EQ(SIGTERM, forked.wait()->signal());
}

TEST_F(process, open_refuses_what_is_no_process)
{
	EXPECT_ERROR(EINVAL, procfd::process::open(-1));
	EXPECT_ERROR(ESRCH, procfd::process::open(0x3fffffff));
}

TEST_F(process, wait_gives_the_exit_code_and_reaps)
{
	auto c = child([] { return 42; });
	auto status = c.wait();

	ASSERT_OK(status);
	EXPECT_EQ(42, status->exit_code());
	EXPECT_EQ(ECHILD, any_child());
	EXPECT_TRUE(c.info()->reaped);
}

TEST_F(process, wait_gives_the_status_again_and_again)
{
	auto c = child([] { return 3; });

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(3, c.wait()->exit_code());
	EXPECT_EQ(3, (*c.try_wait())->exit_code());
	EXPECT_EQ(3, c.info()->status->exit_code());
}

TEST_F(process, wait_tells_a_fatal_signal)
{
	auto c = child(stay);

	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_EQ("killed 9", c.wait()->str());
}

TEST_F(process, wait_does_not_mind_that_another_reaped_first)
{
	auto c = child([] { return 5; });
	const pid_t pid = c.info()->pid;
	int raw = 0;

	ASSERT_EQ(pid, ::waitpid(-1, &raw, 0));
	EXPECT_EQ(raw, c.wait()->raw());
	EXPECT_EQ(5, c.wait()->exit_code());
}

TEST_F(process, wait_does_not_mind_that_sigchld_is_ignored)
{
	auto before = std::signal(SIGCHLD, SIG_IGN);
	auto c = child([] { return 6; });

	EXPECT_EQ(6, c.wait()->exit_code());
	EXPECT_EQ(ECHILD, any_child());
	std::signal(SIGCHLD, before);
}

TEST_F(process, wait_reaps_its_own_child_and_no_other)
{
	auto one = child([] { return 1; });
	auto two = child([] { return 2; });
	const pid_t pid = two.info()->pid;
	int raw = 0;

	EXPECT_EQ(1, one.wait()->exit_code());
	EXPECT_EQ(pid, ::waitpid(-1, &raw, 0));
	EXPECT_EQ(2, WEXITSTATUS(raw));
}

TEST_F(process, wait_works_in_many_threads)
{
	channel go;
	auto c = child([&] {
		go.close_writer();
		return go.receive() + 1 + 9;
	});
	std::atomic<int> right = 0;
	std::vector<std::thread> threads;

	for (int i = 0; i < 8; i++)
		threads.emplace_back(
			[&] { right += c.wait()->exit_code() == 9; });
	go.close_writer();
	for (auto &thread : threads)
		thread.join();
	EXPECT_EQ(8, right);
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(process, wait_works_in_a_process_that_is_not_the_parent)
{
	channel go;
	auto waited = child([&] {
		go.close_writer();
		return go.receive() + 1 + 7;
	});
	auto sibling = child([&] {
		go.close_writer();
		return waited.wait()->exit_code() == 7 ? 0 : 1;
	});

	go.close_writer();
	EXPECT_TRUE(sibling.wait()->success());
	EXPECT_EQ(7, waited.wait()->exit_code());
}

TEST_F(process, wait_goes_on_after_a_signal)
{
	channel go;
	auto c = child([&] {
		go.close_writer();
		return go.receive();
	});

	// the child exits only after several of the interrupts
	interrupts often([&] { go.send(8); });
	auto status = c.wait();

	ASSERT_OK(status);
	EXPECT_EQ(8, status->exit_code());
	EXPECT_GE(interrupts::count, 20);
}

TEST_F(process, wait_until_gives_up_at_the_deadline)
{
	auto c = child(stay);
	auto deadline = clock_type::now() + std::chrono::milliseconds(20);

	EXPECT_ERROR(ETIMEDOUT, c.wait_until(deadline));
	EXPECT_GE(clock_type::now(), deadline);
	EXPECT_ERROR(ETIMEDOUT, c.wait_until(clock_type::now()));
	EXPECT_ERROR(ETIMEDOUT, c.wait_until(clock_type::time_point::min()));
	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_EQ(SIGKILL,
		  c.wait_until(clock_type::time_point::max())->signal());
}

TEST_F(process, wait_until_gives_the_status_though_the_deadline_has_passed)
{
	auto c = child([] { return 1; });

	EXPECT_OK(c.wait());
	EXPECT_EQ(1, c.wait_until(clock_type::time_point::min())->exit_code());
}

TEST_F(process, try_wait_does_not_block)
{
	auto c = child(stay);

	EXPECT_EQ(std::nullopt, *c.try_wait());
	EXPECT_OK(c.signal(SIGKILL));

	pollfd exit{c.native_handle(), POLLIN, 0};

	ASSERT_EQ(1, ::poll(&exit, 1, -1));
	EXPECT_EQ(SIGKILL, (*c.try_wait())->signal());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(process, info_alone_leaves_the_zombie)
{
	auto c = child([] { return 1; });
	pollfd exit{c.native_handle(), POLLIN, 0};

	ASSERT_EQ(1, ::poll(&exit, 1, -1));

	auto info = c.info();

	EXPECT_EQ(1, info->status->exit_code());
	EXPECT_FALSE(info->reaped);
	EXPECT_EQ(0, any_child());
	EXPECT_OK(c.wait());
	EXPECT_TRUE(c.info()->reaped);
}

TEST_F(process, info_tells_what_was_used)
{
	auto c = child([] {
		volatile unsigned n = 0;

		while (std::clock() < CLOCKS_PER_SEC / 50)
			n = n + 1;
		return 0;
	});

	EXPECT_OK(c.wait());

	auto info = c.info();

	ASSERT_OK(info);
	EXPECT_EQ(process_state::exited, info->state);
	EXPECT_GE(info->user_time + info->system_time,
		  std::chrono::milliseconds(15));
	EXPECT_GT(info->maxrss_kb, 0U);
	EXPECT_GT(info->minor_faults, 0U);
	EXPECT_GT(info->started.count(), 0);
	EXPECT_GT(info->ended, info->started);
}

TEST_F(process, two_processes_have_two_ids)
{
	auto one = child([] { return 0; });
	auto two = child([] { return 0; });

	EXPECT_NE(one.info()->id, two.info()->id);
	EXPECT_EQ(one.info()->id, one.duplicate()->info()->id);
}

TEST_F(process, signal_reaches_it_whatever_the_number)
{
	channel ready, got;
	auto c = child([&] {
		sigset_t all;
		int signo = 0;

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, nullptr);
		ready.send(1);
		while (sigwait(&all, &signo) == 0)
			got.send(static_cast<unsigned char>(signo));
		return 1;
	});

	ASSERT_EQ(1, ready.receive());
	for (int signo = 1; signo <= 64; signo++) {
		// not to be caught, or libc's own
		if (signo == SIGKILL || signo == SIGSTOP || signo == 32 ||
		    signo == 33)
			continue;
		EXPECT_OK(c.signal(signo));
		EXPECT_EQ(signo, got.receive());
	}
	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_EQ(SIGKILL, c.wait()->signal());
}

TEST_F(process, signal_refuses_what_is_no_signal)
{
	auto c = child(stay);

	for (int signo : {-1, -15, 65, 1 << 30})
		EXPECT_ERROR(EINVAL, c.signal(signo));
	EXPECT_OK(c.signal(0));
	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_OK(c.wait());
	EXPECT_ERROR(ESRCH, c.signal(0));
	EXPECT_ERROR(ESRCH, c.signal(SIGTERM));
}

TEST_F(process, kill_on_close_kills_with_the_last_descriptor)
{
	auto c = child(stay, fork_flags::kill_on_close);
	auto watch = procfd::process::open(c.info()->pid);
	auto copy = c.duplicate();

	ASSERT_OK(watch);
	ASSERT_OK(copy);
	EXPECT_TRUE(c.info()->kill_on_close);
	c = {};
	EXPECT_OK(watch->signal(0));
	*copy = {};
	EXPECT_EQ(SIGKILL, watch->wait()->signal());
}

TEST_F(process, kill_on_close_can_be_switched)
{
	auto c = child(stay, fork_flags::kill_on_close);
	auto watch = procfd::process::open(c.info()->pid);

	ASSERT_OK(watch);
	EXPECT_OK(c.set_kill_on_close(false));
	EXPECT_FALSE(c.info()->kill_on_close);
	c = {};
	EXPECT_OK(watch->signal(0));
	EXPECT_ERROR(EINVAL, watch->set_kill_on_close(true));
	EXPECT_OK(watch->signal(SIGKILL));
	EXPECT_OK(watch->wait());

	c = child(stay);
	watch = procfd::process::open(c.info()->pid);
	ASSERT_OK(watch);
	EXPECT_OK(c.set_kill_on_close(true));
	c = {};
	EXPECT_EQ(SIGKILL, watch->wait()->signal());
}

TEST_F(process, the_descriptor_is_never_read_so_its_offset_stays)
{
	auto c = child([] { return 0; });
	char byte;

	EXPECT_OK(c.wait());
	EXPECT_EQ(0, ::lseek(c.native_handle(), 0, SEEK_CUR));
	EXPECT_EQ(1, ::read(c.native_handle(), &byte, 1));
	EXPECT_EQ('e', byte);
}

TEST_F(process, destruction_leaves_errno_alone)
{
	// where closing makes an error, ENOTTY
	auto c = procfd::process::adopt(
		procfd::unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));

	EXPECT_ERROR(ENOTTY, c.info());
	errno = EXDEV;
	c = {};
	EXPECT_EQ(EXDEV, errno);
}
