// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_IOC_OPEN: whose process may be had, and what comes back.
 */
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common.h"

namespace {

constexpr uid_t nobody = 65534;

/* A process id that no process has: just reaped, or above every limit. */
constexpr pid_t nobody_s_pid = 0x7fffffff;

TEST(open, zero_is_the_caller)
{
	unique_fd zero(open_process(0)), self(open_process(getpid()));

	ASSERT_LE(0, zero);
	ASSERT_LE(0, self);
	EXPECT_EQ(getpid(), info_of(zero).pid);
	EXPECT_EQ(info_of(self).id, info_of(zero).id);
}

TEST(open, zero_from_a_thread_is_its_process)
{
	procfd_info info{};

	std::thread([&info] {
		unique_fd zero(must(open_process(0)));

		info = info_of(zero);
	}).join();
	EXPECT_EQ(getpid(), info.pid);
}

TEST(open, a_running_child)
{
	child c = start_without_descriptor(sleep_for_ever);
	unique_fd fd(open_process(c.pid));

	ASSERT_LE(0, fd);

	procfd_info info = info_of(fd);

	EXPECT_EQ(c.pid, info.pid);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info.state);
}

TEST(open, a_process_that_is_no_child)
{
	unique_fd fd(open_process(getppid()));

	ASSERT_LE(0, fd);
	EXPECT_EQ(getppid(), info_of(fd).pid);
}

TEST(open, init)
{
	unique_fd fd(open_process(1));

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, info_of(fd).pid);
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(fd));
}

TEST(open, a_zombie_has_its_record)
{
	child c = start_without_descriptor([] { return 7; });

	wait_for_zombie(c.pid);

	unique_fd fd(open_process(c.pid));

	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLIN | POLLRDNORM | POLLHUP, poll_now(fd));
	EXPECT_TRUE(read_all(fd).starts_with("exited 7\n"));
}

TEST(open, a_zombie_that_is_reaped_next_keeps_its_record)
{
	child c = start_without_descriptor([] { return 7; });

	wait_for_zombie(c.pid);

	unique_fd fd(open_process(c.pid));

	ASSERT_EQ(7 << 8, c.wait());
	EXPECT_EQ(7 << 8, info_of(fd).status);
}

TEST(open, a_reaped_process_is_ESRCH)
{
	child c = start_without_descriptor([] { return 0; });
	pid_t pid = c.pid;

	ASSERT_EQ(0, c.wait());
	EXPECT_EQ(-ESRCH, open_process(pid));
}

/* Somebody still has a descriptor of it, so that the module knows the pid. */
TEST(open, a_reaped_process_that_has_a_descriptor_is_ESRCH)
{
	child c = start([] { return 0; });
	pid_t pid = c.pid;

	ASSERT_EQ(0, c.wait());
	ASSERT_EQ(std::uint32_t(PROCFD_STATE_EXITED), info_of(c.fd).state);
	EXPECT_EQ(-ESRCH, open_process(pid));
}

/* Its number lives on, as that of the group. */
TEST(open, a_reaped_process_whose_group_lives_on_is_ESRCH)
{
	child leader = start_without_descriptor(sleep_for_ever);
	const pid_t group = leader.pid;

	must(or_errno(setpgid(group, group)));
	child member = start_without_descriptor(sleep_for_ever);
	must(or_errno(setpgid(member.pid, group)));
	ASSERT_EQ(0, kill(group, SIGKILL));
	ASSERT_EQ(SIGKILL, leader.wait());
	ASSERT_EQ(0, kill(-group, 0));
	EXPECT_EQ(-ESRCH, open_process(group));
}

TEST(open, nobody_is_ESRCH)
{
	EXPECT_EQ(-ESRCH, open_process(nobody_s_pid));
}

TEST(open, a_negative_pid_is_EINVAL)
{
	EXPECT_EQ(-EINVAL, open_process(-1));
	EXPECT_EQ(-EINVAL, open_process(-getpid()));
	EXPECT_EQ(-EINVAL, open_process(INT32_MIN));
}

TEST(open, a_thread_that_leads_no_process_is_EINVAL)
{
	gate may_end;
	pid_t tid = 0;
	gate has_tid;
	std::thread thread([&] {
		tid = sys_gettid();
		has_tid.open();
		may_end.pass();
	});

	EXPECT_TRUE(has_tid.pass());
	EXPECT_EQ(-EINVAL, open_process(tid));
	may_end.open();
	thread.join();
}

TEST(open, flags_of_fork_are_EINVAL)
{
	EXPECT_EQ(-EINVAL, open_process(0, PROCFD_KILL_ON_CLOSE));
	EXPECT_EQ(-EINVAL, open_process(0, PROCFD_QUIET));
}

TEST(open, closes_on_exec_and_is_for_reading_and_writing)
{
	unique_fd fd(open_process(0));

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
}

TEST(open, nonblock_sets_O_NONBLOCK)
{
	unique_fd fd(open_process(0, PROCFD_NONBLOCK));

	EXPECT_EQ(O_RDWR | O_NONBLOCK,
		  fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
}

TEST(open, the_same_process_twice_has_one_id)
{
	unique_fd one(open_process(getpid())), two(open_process(getpid()));

	EXPECT_EQ(info_of(one).id, info_of(two).id);
}

TEST(open, what_fork_made_has_the_same_id)
{
	child c = start_sleeper();
	unique_fd fd(open_process(c.pid));

	EXPECT_EQ(info_of(c.fd).id, info_of(fd).id);
}

TEST(open, two_processes_have_two_ids)
{
	child one = start_sleeper(), two = start_sleeper();

	EXPECT_NE(info_of(one.fd).id, info_of(two.fd).id);
}

/* The module forgets the process between the two, and its id must not change. */
TEST(open, again_after_the_last_close_has_the_same_id)
{
	child c = start_sleeper();
	const std::uint64_t id = info_of(c.fd).id;

	c.fd.reset();

	unique_fd fd(open_process(c.pid));

	EXPECT_EQ(id, info_of(fd).id);
}

TEST(open, a_descriptor_of_oneself_tells_others_of_one_s_exit)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));

	child c = start_without_descriptor([&sockets] {
		unique_fd self(must(open_process(0)));

		send_fd(sockets[1], self);
		return 9;
	});
	unique_fd fd(recv_fd(sockets[0]));

	EXPECT_EQ(POLLHUP, poll_over(fd));
	EXPECT_EQ(9 << 8, info_of(fd).status);
	close(sockets[0]);
	close(sockets[1]);
}

TEST(open, without_a_free_number_is_EMFILE)
{
	child c = start_without_descriptor([] {
		const rlimit none = {0, 0};

		device();
		setrlimit(RLIMIT_NOFILE, &none);
		return -open_process(0);
	});

	EXPECT_EQ(EMFILE << 8, c.wait());
}

TEST(open, without_a_free_file_is_ENFILE)
{
	EXPECT_EQ(ENFILE << 8, while_no_file_is_left(nobody, [] {
			  return -open_process(0);
		  }));
}

TEST(open, what_one_may_not_signal_is_EPERM)
{
	child c = start_without_descriptor([] {
		pid_t roots = getppid();

		device();
		become(nobody);
		return -open_process(roots);
	});

	EXPECT_EQ(EPERM << 8, c.wait());
}

TEST(open, a_dead_process_that_one_might_not_have_signalled_is_EPERM)
{
	child zombie = start_zombie();
	child c = start_without_descriptor([&zombie] {
		device();
		become(nobody);
		return -open_process(zombie.pid);
	});

	EXPECT_EQ(EPERM << 8, c.wait());
}

TEST(open, what_one_may_signal_needs_no_rights)
{
	child c = start_without_descriptor([] {
		device();
		become(nobody);

		child other = start_without_descriptor(sleep_for_ever);
		unique_fd self(open_process(0)), fd(open_process(other.pid));

		return self >= 0 && fd >= 0 && info_of(fd).pid == other.pid ?
			       0 :
			       1;
	});

	EXPECT_EQ(0, c.wait());
}

TEST(open, nothing_is_left_open_by_a_call_that_fails)
{
	unique_fd before(
		must(or_errno(open("/dev/null", O_RDONLY | O_CLOEXEC))));
	const int lowest = before;

	before.reset();
	EXPECT_EQ(-ESRCH, open_process(nobody_s_pid));
	EXPECT_EQ(-EINVAL, open_process(0, ~0u));
	before.reset(must(or_errno(open("/dev/null", O_RDONLY | O_CLOEXEC))));
	EXPECT_EQ(lowest, before);
}

} // namespace
