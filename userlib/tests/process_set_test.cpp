// SPDX-License-Identifier: MIT
#include <set>

#include <poll.h>

#include "common.hpp"

using procfd::process;
using procfd::process_set;

class set_of : public with_module {
protected:
	void SetUp() override
	{
		with_module::SetUp();

		auto made = process_set::create();

		ASSERT_OK(made);
		set = *std::move(made);
	}
	/// Add a child that exits with what comes through a channel, or its end.
	void add(std::uint64_t key, channel &go)
	{
		EXPECT_OK(set.add(child([&] { return go.receive() & 0xff; }),
				  key));
	}

	process_set set = *process_set::create();
};

TEST_F(set_of, gives_those_that_ended_and_keeps_the_others)
{
	channel one, two;

	add(1, one);
	add(2, two);
	EXPECT_EQ(2u, set.size());
	EXPECT_TRUE(set.try_wait()->empty());
	two.send(5);

	auto ended = set.wait();

	ASSERT_OK(ended);
	ASSERT_EQ(1u, ended->size());
	EXPECT_EQ(2u, ended->front().key);
	ASSERT_OK(ended->front().status);
	EXPECT_EQ(5, ended->front().status->exit_code());
	EXPECT_EQ(5, ended->front().child.info()->status->exit_code());
	EXPECT_EQ(1u, set.size());
	EXPECT_FALSE(set.find(2));
	EXPECT_TRUE(set.try_wait()->empty());

	one.send(6);
	ended = set.wait();
	ASSERT_OK(ended);
	EXPECT_EQ(1u, ended->front().key);
	EXPECT_EQ(0u, set.size());
	EXPECT_EQ(ECHILD, any_child()); // both were reaped
}

TEST_F(set_of, many_come_as_ranges_each_once)
{
	constexpr std::uint64_t count = 150;
	channel hold;
	std::set<std::uint64_t> keys;

	for (std::uint64_t key = 0; key < count; key++)
		EXPECT_OK(set.add(child([&] {
					  hold.close_writer();
					  return hold.receive() < 0;
				  }),
				  key));
	hold.close_writer();
	while (set.size() > 0) {
		auto ended = set.wait();

		ASSERT_OK(ended);
		ASSERT_FALSE(ended->empty());
		for (auto &end : *ended) {
			EXPECT_TRUE(keys.insert(end.key).second);
			EXPECT_EQ(1, end.status->exit_code());
		}
	}
	EXPECT_EQ(count, keys.size());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(set_of, one_that_ended_before_is_found)
{
	auto c = child([] { return 3; });

	ASSERT_OK(c.wait());
	ASSERT_OK(set.add(std::move(c), 7));
	EXPECT_FALSE(c);

	auto ended = set.try_wait();

	ASSERT_OK(ended);
	ASSERT_EQ(1u, ended->size());
	EXPECT_EQ(3, ended->front().status->exit_code());
}

TEST_F(set_of, processes_that_are_no_children_are_waited_for_too)
{
	channel go, pid;
	auto c = child([&] {
		auto grandchild = child([&] { return go.receive(); });
		auto number = grandchild.info()->pid;

		pid.send(static_cast<unsigned char>(number));
		pid.send(static_cast<unsigned char>(number >> 8));
		return grandchild.wait()->exit_code().value_or(99);
	});
	int low = pid.receive();
	auto other = process::open(low | pid.receive() << 8);

	ASSERT_OK(other);
	ASSERT_OK(set.add(*std::move(other), 1));
	ASSERT_OK(set.add(std::move(c), 2));
	go.send(9);
	for (std::size_t seen = 0; seen < 2;) {
		auto ended = set.wait();

		ASSERT_OK(ended);
		for (auto &end : *ended)
			EXPECT_EQ(9, end.status->exit_code());
		seen += ended->size();
	}
}

TEST_F(set_of, members_are_found_signalled_and_removed)
{
	ASSERT_OK(set.add(child(stay), 1));
	ASSERT_OK(set.add(child(stay), 2));
	ASSERT_TRUE(set.find(1));
	EXPECT_FALSE(set.find(3));
	EXPECT_FALSE(set.remove(3));

	auto out = set.remove(1);
	auto copy = out.duplicate(); // would keep an epoll watch alive

	ASSERT_TRUE(out);
	EXPECT_EQ(1u, set.size());
	EXPECT_OK(out.signal(SIGTERM));
	EXPECT_EQ(SIGTERM, out.wait()->signal());
	EXPECT_TRUE(set.try_wait()->empty());

	EXPECT_OK(set.find(2)->signal(SIGINT));
	EXPECT_EQ(SIGINT, set.wait()->front().status->signal());
}

TEST_F(set_of, refuses_a_key_twice_and_what_is_no_process)
{
	auto one = child(stay), two = child(stay);
	channel not_one;

	ASSERT_OK(set.add(std::move(one), 1));
	EXPECT_ERROR(EEXIST, set.add(std::move(two), 1));
	EXPECT_TRUE(two); // as it was
	EXPECT_ERROR(EBADF, set.add(process(), 2));
	EXPECT_EQ(1u, set.size());
	EXPECT_OK(two.signal(SIGKILL));
	EXPECT_OK(two.wait());
	EXPECT_OK(set.find(1)->signal(SIGKILL));
	EXPECT_OK(set.wait());

	procfd::unique_fd end(::dup(not_one.reader()));

	ASSERT_OK(set.add(process::adopt(std::move(end)), 3));
	not_one.send(1);

	auto regular = process::adopt(procfd::unique_fd(
		::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));

	EXPECT_ERROR(EPERM, set.add(std::move(regular), 4));
	EXPECT_TRUE(regular); // as it was

	auto ended = set.wait();

	ASSERT_OK(ended);
	EXPECT_ERROR(ENOTTY, ended->front().status);
	EXPECT_EQ(0u, set.size());
}

TEST_F(set_of, a_dropped_fork_ends_with_an_error)
{
	auto dev = procfd::device::open();
	auto fd = dev->announce_fork(procfd::fork_flags::none);

	ASSERT_OK(fd);
	ASSERT_OK(set.add(process::adopt(*std::move(fd)), 1));
	EXPECT_TRUE(set.try_wait()->empty());
	ASSERT_OK(dev->cancel_fork());

	auto ended = set.wait();

	ASSERT_OK(ended);
	EXPECT_ERROR(ECHILD, ended->front().status);
}

TEST_F(set_of, polls_readable_while_there_is_something_to_take_out)
{
	channel go;
	pollfd readable{set.native_handle(), POLLIN, 0};

	add(1, go);
	EXPECT_EQ(0, ::poll(&readable, 1, 0));
	go.send(1);
	EXPECT_EQ(1, ::poll(&readable, 1, -1));
	EXPECT_OK(set.wait());
	EXPECT_EQ(0, ::poll(&readable, 1, 0));
}

TEST_F(set_of, nothing_and_deadlines_are_errors)
{
	auto now = std::chrono::steady_clock::now();
	auto later = now + std::chrono::milliseconds(20);

	EXPECT_ERROR(ECHILD, set.wait());
	EXPECT_ERROR(ECHILD, set.wait_until(now));
	EXPECT_TRUE(set.try_wait()->empty());

	ASSERT_OK(set.add(child(stay), 1));
	EXPECT_ERROR(ETIMEDOUT, set.wait_until(now));
	EXPECT_ERROR(ETIMEDOUT, set.wait_until(decltype(now)::min()));
	EXPECT_ERROR(ETIMEDOUT, set.wait_until(later));
	EXPECT_LE(later, std::chrono::steady_clock::now());
	EXPECT_OK(set.find(1)->signal(SIGKILL));
	EXPECT_OK(set.wait_until(std::chrono::steady_clock::now() +
				 std::chrono::hours(1)));

	auto moved = std::move(set);

	EXPECT_ERROR(EBADF, set.wait());
	EXPECT_ERROR(EBADF, set.add(child([] { return 0; }), 1));
	EXPECT_ERROR(ECHILD, moved.wait());
}

TEST_F(set_of, waits_go_on_after_a_signal)
{
	channel go;

	for (bool by_deadline : {false, true}) {
		add(1, go);

		// the child exits only after several of the interrupts
		interrupts often([&] { go.send(8); });
		auto ended = by_deadline ?
				     set.wait_until(
					     std::chrono::steady_clock::now() +
					     std::chrono::hours(1)) :
				     set.wait();

		ASSERT_OK(ended);
		EXPECT_EQ(8, ended->front().status->exit_code());
		EXPECT_GE(interrupts::count, 20);
	}
}

TEST_F(set_of, its_end_lets_its_processes_go_on)
{
	auto c = child(stay);
	auto copy = c.duplicate();

	ASSERT_OK(set.add(std::move(c), 1));
	set = *process_set::create();
	EXPECT_OK(copy->signal(0));
	EXPECT_OK(copy->signal(SIGKILL));
	EXPECT_OK(copy->wait());
}
