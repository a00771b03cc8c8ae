// SPDX-License-Identifier: MIT
#include "common.hpp"

using procfd::fork_flags;

class device : public with_module {};

TEST_F(device, is_close_on_exec)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(dev->native_handle(), F_GETFD));
}

TEST_F(device, says_what_it_knows)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);

	auto known = dev->query();

	ASSERT_OK(known);
	EXPECT_GE(known->abi, 1U);
	for (auto flag : {fork_flags::nonblock, fork_flags::kill_on_close,
			  fork_flags::quiet})
		EXPECT_EQ(flag, known->fork_flags & flag);
	for (auto flag :
	     {procfd::link_flags::replace, procfd::link_flags::replace_dead,
	      procfd::link_flags::durable})
		EXPECT_EQ(flag, known->link_flags & flag);
}

TEST_F(device, that_was_moved_from_is_none)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);

	auto moved = *std::move(dev);

	EXPECT_OK(moved.query());
	EXPECT_ERROR(EBADF, dev->query());
}

TEST_F(device, announces_one_fork_at_a_time)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);
	EXPECT_ERROR(ENOENT, dev->cancel_fork());

	auto fd = dev->announce_fork(fork_flags::none);

	ASSERT_OK(fd);
	EXPECT_ERROR(EBUSY, dev->announce_fork(fork_flags::none));
	EXPECT_OK(dev->cancel_fork());
	EXPECT_ERROR(ENOENT, dev->cancel_fork());

	auto dropped = procfd::process::adopt(*std::move(fd));

	EXPECT_ERROR(ECHILD, dropped.wait());
	EXPECT_ERROR(ECHILD, dropped.try_wait());
	EXPECT_ERROR(ESRCH, dropped.signal(0));
	EXPECT_EQ(procfd::process_state::dropped, dropped.info()->state);
}

TEST_F(device, an_announced_fork_is_unbound)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);

	auto fd = dev->announce_fork(fork_flags::none);

	ASSERT_OK(fd);

	auto unbound = procfd::process::adopt(*std::move(fd));
	auto info = unbound.info();

	ASSERT_OK(info);
	EXPECT_EQ(procfd::process_state::unbound, info->state);
	EXPECT_EQ(0, info->pid);
	EXPECT_EQ(std::nullopt, *unbound.try_wait());
	EXPECT_ERROR(ETIMEDOUT, unbound.wait_until({}));
	EXPECT_OK(dev->cancel_fork());
}

TEST_F(device, is_used_by_the_forms_that_take_one)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);

	const char *argv[] = {"true", nullptr};
	auto spawned = procfd::spawn(*dev, argv);

	ASSERT_OK(spawned);
	EXPECT_TRUE(spawned->wait()->success());

	auto self = procfd::process::open(*dev, 0);

	ASSERT_OK(self);
	EXPECT_EQ(::getpid(), self->info()->pid);
}
