// SPDX-License-Identifier: MIT
#include <poll.h>

#include "common.hpp"

using procfd::fork_flags;
using procfd::scope;
using clock_type = std::chrono::steady_clock;

namespace {

/// A tree whose first process makes one more, says so, and stays or exits; the other
/// stays until it is let go.
class tree : public with_module {
protected:
	procfd::process start(bool first_stays)
	{
		auto first = child(
			[&] {
				if (::fork() == 0) {
					go.close_writer();
					::_exit(go.receive() < 0 ? 0 : 1);
				}
				ready.send(1);
				return first_stays ? stay() : 7;
			},
			fork_flags::tree);

		EXPECT_EQ(1, ready.receive());
		return first;
	}
	void let_go() { go.close_writer(); }

	channel ready, go;
};

TEST_F(tree, wait_empty_waits_for_the_last)
{
	auto first = start(false);

	EXPECT_EQ(7, first.wait()->exit_code());
	EXPECT_ERROR(ETIMEDOUT, first.wait_empty_until({}));
	EXPECT_ERROR(ETIMEDOUT,
		     first.wait_empty_until(clock_type::now() +
					    std::chrono::milliseconds(1)));
	let_go();

	auto ended = first.wait_empty();

	ASSERT_OK(ended);
	EXPECT_EQ(7, ended->exit_code()) << "the first's";
	EXPECT_OK(first.wait_empty_until({}));
}

TEST_F(tree, wait_empty_reaps_the_first)
{
	auto first = start(false);

	let_go();
	EXPECT_OK(first.wait_empty());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(tree, wait_empty_without_a_tree_waits_for_the_exit)
{
	auto c = child([] { return 5; });

	EXPECT_EQ(5, c.wait_empty()->exit_code());
	EXPECT_FALSE(c.info()->tree);
	EXPECT_ERROR(EBADF, procfd::process().wait_empty());

	auto other = procfd::process::adopt(
		procfd::unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC)));

	EXPECT_ERROR(ENOTTY, other.wait_empty());
}

TEST_F(tree, signal_reaches_the_scope)
{
	auto first = start(true);
	auto reach = first.signal(0, scope::tree);

	ASSERT_OK(reach);
	EXPECT_EQ(2u, reach->sent);
	EXPECT_EQ(0u, reach->refused);

	reach = first.signal(SIGTERM, scope::main);
	ASSERT_OK(reach);
	EXPECT_EQ(1u, reach->sent);
	EXPECT_EQ(SIGTERM, first.wait()->signal());
	EXPECT_ERROR(ESRCH, first.signal(0, scope::process));
	EXPECT_OK(first.signal(SIGKILL, scope::tree));
	EXPECT_OK(first.wait_empty());
	EXPECT_ERROR(ESRCH, first.signal(SIGKILL, scope::tree));
}

TEST_F(tree, signal_group_is_the_group_of_the_first)
{
	auto leader = child(
		[] {
			::setpgid(0, 0);
			return stay();
		},
		fork_flags::tree);

	while (::getpgid(leader.info()->pid) != leader.info()->pid)
		::sched_yield();
	EXPECT_OK(leader.signal(SIGKILL, scope::group));
	EXPECT_EQ(SIGKILL, leader.wait()->signal());
}

TEST_F(tree, signal_errors)
{
	auto c = child(stay);

	EXPECT_ERROR(EINVAL, c.signal(0, scope::tree));
	EXPECT_ERROR(EINVAL, c.signal(65, scope::main));
	EXPECT_ERROR(EINVAL, c.signal(-1, scope::main));
	EXPECT_OK(c.signal(0, scope::main));
	EXPECT_ERROR(EBADF, procfd::process().signal(0, scope::main));
	EXPECT_OK(c.signal(SIGKILL, scope::process));
}

TEST_F(tree, info_tells_of_it)
{
	auto first = start(true);
	auto info = first.info();

	ASSERT_OK(info);
	ASSERT_TRUE(info->tree);
	EXPECT_EQ(2u, info->tree->live);
	EXPECT_EQ(2u, info->tree->born);
	EXPECT_EQ(0u, info->tree->born_dead);
	EXPECT_EQ(info->id, info->tree->main_id);
	EXPECT_EQ(info->pid, info->tree->main_pid);
	EXPECT_EQ(0u, info->tree->ended_main_id);
	EXPECT_FALSE(info->tree->ended_main);

	EXPECT_OK(first.signal(SIGKILL, scope::tree));
	EXPECT_OK(first.wait_empty());
	info = first.info();
	EXPECT_EQ(0u, info->tree->live);
	EXPECT_EQ(0u, info->tree->main_id);
	ASSERT_TRUE(info->tree->ended_main);
	EXPECT_EQ(SIGKILL, info->tree->ended_main->signal());
	EXPECT_LE(info->maxrss_kb, info->tree->maxrss_kb);
	EXPECT_LE(info->minor_faults, info->tree->minor_faults);
}

TEST_F(tree, members_are_listed_however_many)
{
	constexpr int many = 100;
	auto first = child(
		[&] {
			for (int i = 0; i < many; i++) {
				if (::fork() == 0)
					stay();
			}
			ready.send(1);
			return stay();
		},
		fork_flags::tree | fork_flags::kill_on_close);

	ASSERT_EQ(1, ready.receive());

	auto members = first.members();

	ASSERT_OK(members);
	ASSERT_EQ(many + 1U, members->size());

	auto info = first.info();

	EXPECT_EQ(info->id, members->front().id);
	EXPECT_EQ(info->pid, members->front().pid);
	EXPECT_EQ(info->started, members->front().started);
	EXPECT_EQ(info->id, members->back().parent_id);
}

TEST_F(tree, members_errors)
{
	auto c = child(stay);

	EXPECT_ERROR(EINVAL, c.members());
	EXPECT_ERROR(EBADF, procfd::process().members());
	EXPECT_OK(c.signal(SIGKILL));
}

TEST_F(tree, is_made_by_spawn_too)
{
	auto c = procfd::spawn({"sh", "-c", "sleep 1000 & echo; wait"},
			       {.flags = fork_flags::tree});

	ASSERT_OK(c);
	EXPECT_TRUE(c->info()->tree);
	EXPECT_OK(c->signal(SIGKILL, scope::tree));
	EXPECT_OK(c->wait_empty());
}

} // namespace
