// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_IOC_INFO: what it fills and when, and how it waits.
 */
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "common.h"

namespace {

constexpr std::uint64_t all_groups = PROCFD_INFO_STATE | PROCFD_INFO_IDS |
				     PROCFD_INFO_STATUS | PROCFD_INFO_RUSAGE;
constexpr std::uint64_t second = 1000000000;

procfd_info masked(int fd, std::uint64_t mask)
{
	procfd_info info{};

	info.mask = mask;
	must(ioc(fd, PROCFD_IOC_INFO, &info));
	return info;
}

int wait_until(int fd, std::uint64_t deadline_ns)
{
	procfd_info info;

	return get_info(fd, &info, PROCFD_INFO_WAIT, deadline_ns);
}

unique_fd reopen(int fd, int flags)
{
	std::string path = "/proc/self/fd/" + std::to_string(fd);

	return unique_fd(must(or_errno(open(path.c_str(), flags | O_CLOEXEC))));
}

/* What it exited with. _exit(2) would make 0 of a wait status. */
int exit_code(child &&c)
{
	const int status = c.wait();

	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

TEST(info_mask, of_nothing_fills_the_state)
{
	child c = start_zombie(7);
	procfd_info info = masked(c.fd, 0);

	EXPECT_EQ(PROCFD_INFO_STATE, info.mask);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_EXITED), info.state);
	EXPECT_EQ(0u, info.id);
	EXPECT_EQ(0, info.pid);
	EXPECT_EQ(0, info.status);
	EXPECT_EQ(0u, info.maxrss_kb);
	EXPECT_EQ(0u, info.started_ns);
	EXPECT_EQ(0u, info.exited_ns);
}

TEST(info_mask, of_ids_fills_ids)
{
	child c = start_zombie(7);
	procfd_info info = masked(c.fd, PROCFD_INFO_IDS);

	EXPECT_EQ(PROCFD_INFO_STATE | PROCFD_INFO_IDS, info.mask);
	EXPECT_NE(0u, info.id);
	EXPECT_EQ(c.pid, info.pid);
	EXPECT_NE(0u, info.started_ns);
	EXPECT_EQ(0, info.status);
	EXPECT_EQ(0u, info.exited_ns);
	EXPECT_EQ(0u, info.maxrss_kb);
}

TEST(info_mask, of_status_fills_status)
{
	child c = start_zombie(7);
	procfd_info info = masked(c.fd, PROCFD_INFO_STATUS);

	EXPECT_EQ(PROCFD_INFO_STATE | PROCFD_INFO_STATUS, info.mask);
	EXPECT_EQ(7 << 8, info.status);
	EXPECT_NE(0u, info.exited_ns);
	EXPECT_EQ(0u, info.id);
	EXPECT_EQ(0u, info.started_ns);
	EXPECT_EQ(0u, info.maxrss_kb);
}

TEST(info_mask, of_rusage_fills_rusage)
{
	child c = start_zombie(7);
	procfd_info info = masked(c.fd, PROCFD_INFO_RUSAGE);

	EXPECT_EQ(PROCFD_INFO_STATE | PROCFD_INFO_RUSAGE, info.mask);
	EXPECT_NE(0u, info.maxrss_kb);
	EXPECT_NE(0u, info.minflt);
	EXPECT_EQ(0u, info.id);
	EXPECT_EQ(0, info.status);
	EXPECT_EQ(0u, info.exited_ns);
}

TEST(info_mask, of_unknown_groups_fills_the_known_ones)
{
	child c = start_zombie(7);

	EXPECT_EQ(PROCFD_INFO_STATE, masked(c.fd, ~all_groups).mask);
	EXPECT_EQ(all_groups, masked(c.fd, ~0ull).mask);
}

TEST(info_state, of_an_unbound_one_is_all_that_is_known)
{
	unique_fd fd(must(announce()));
	procfd_info info = info_of(fd);

	EXPECT_EQ(PROCFD_INFO_STATE, info.mask);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), info.state);
	EXPECT_EQ(0u, info.attributes);
	EXPECT_EQ(0u, info.id);
	EXPECT_EQ(0, info.pid);
	EXPECT_EQ(0u, info.started_ns);
	EXPECT_EQ(0, cancel());
}

TEST(info_state, of_a_running_one_comes_with_ids)
{
	child c = start_sleeper();
	procfd_info info = info_of(c.fd);

	EXPECT_EQ(PROCFD_INFO_STATE | PROCFD_INFO_IDS, info.mask);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info.state);
	EXPECT_EQ(0u, info.attributes);
	EXPECT_EQ(0, info.status);
	EXPECT_EQ(0u, info.maxrss_kb);
	EXPECT_EQ(0u, info.exited_ns);
}

TEST(info_state, of_an_exited_one_comes_with_everything)
{
	child c = start_zombie(7);
	procfd_info info = info_of(c.fd);

	EXPECT_EQ(all_groups, info.mask);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_EXITED), info.state);
	EXPECT_EQ(0u, info.attributes);
	EXPECT_EQ(0u, info.flags);
	EXPECT_EQ(0u, info.reserved);
	EXPECT_EQ(0u, info.deadline_ns);
}

TEST(info_ids, are_those_of_the_process)
{
	child c = start_sleeper();
	unique_fd fd(must(open_process(c.pid)));

	EXPECT_EQ(c.pid, info_of(c.fd).pid);
	EXPECT_EQ(info_of(c.fd).id, info_of(fd).id);
	EXPECT_NE(info_of(c.fd).id, info_of(unique_fd(open_process(0))).id);
}

TEST(info_ids, do_not_change_with_the_exit_but_the_pid_goes_with_the_reaping)
{
	child c = start_sleeper();
	const pid_t pid = c.pid;
	const std::uint64_t id = info_of(c.fd).id;

	kill(pid, SIGKILL);
	wait_for_zombie(pid);
	EXPECT_EQ(id, info_of(c.fd).id);
	EXPECT_EQ(pid, info_of(c.fd).pid);
	c.wait();
	EXPECT_EQ(id, info_of(c.fd).id);
	EXPECT_EQ(0, info_of(c.fd).pid) << "which may be another's now";
}

TEST(info_reaped, is_said_once_nothing_is_left_to_wait_for)
{
	child c = start_sleeper();

	EXPECT_EQ(0u, info_of(c.fd).attributes & PROCFD_ATTR_REAPED);
	kill(c.pid, SIGKILL);
	wait_for_zombie(c.pid);
	ASSERT_EQ(std::uint32_t(PROCFD_STATE_EXITED), info_of(c.fd).state);
	EXPECT_EQ(0u, info_of(c.fd).attributes & PROCFD_ATTR_REAPED);
	c.wait();
	EXPECT_EQ(PROCFD_ATTR_REAPED,
		  info_of(c.fd).attributes & PROCFD_ATTR_REAPED);
}

TEST(info_reaped, is_said_by_every_descriptor)
{
	child c = start_zombie();
	unique_fd fd(must(open_process(c.pid)));

	c.wait();
	EXPECT_EQ(PROCFD_ATTR_REAPED, info_of(fd).attributes);
}

TEST(info_reaped, is_not_said_of_one_that_never_was)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(0u, info_of(fd).attributes);
	EXPECT_EQ(0, cancel());
	EXPECT_EQ(0u, info_of(fd).attributes);
}

TEST(info_mode, to_read_is_needed)
{
	child c = start_zombie();
	procfd_info info;

	EXPECT_EQ(-EBADF, get_info(reopen(c.fd, O_WRONLY), &info));
	EXPECT_EQ(0, get_info(reopen(c.fd, O_RDONLY), &info));
	EXPECT_EQ(0, get_info(reopen(c.fd, O_RDWR), &info));
}

TEST(info_mode, to_read_is_needed_for_waiting_too)
{
	child c = start_sleeper();

	EXPECT_EQ(-EBADF,
		  wait_until(reopen(c.fd, O_WRONLY), PROCFD_DEADLINE_NONE));
}

/* O_PATH is a place and not an open file. */
TEST(info_mode, of_a_path_is_EBADF)
{
	child c = start_zombie();
	procfd_info info;

	EXPECT_EQ(-EBADF, get_info(reopen(c.fd, O_PATH), &info));
}

TEST(info_deadline, without_waiting_is_EINVAL)
{
	child c = start_zombie();
	procfd_info info;

	EXPECT_EQ(-EINVAL, get_info(c.fd, &info, 0, 1));
	EXPECT_EQ(-EINVAL, get_info(c.fd, &info, 0, PROCFD_DEADLINE_NONE));
}

TEST(info_deadline, in_the_past_is_ETIMEDOUT)
{
	child c = start_sleeper();

	EXPECT_EQ(-ETIMEDOUT, wait_until(c.fd, 0));
	EXPECT_EQ(-ETIMEDOUT, wait_until(c.fd, 1));
	EXPECT_EQ(-ETIMEDOUT, wait_until(c.fd, now_ns(CLOCK_MONOTONIC)));
}

TEST(info_deadline, in_the_past_does_not_matter_after_the_exit)
{
	child c = start_zombie(7);
	procfd_info info;

	EXPECT_EQ(0, get_info(c.fd, &info, PROCFD_INFO_WAIT, 0));
	EXPECT_EQ(7 << 8, info.status);
}

TEST(info_deadline, in_the_future_is_waited_for)
{
	child c = start_sleeper();
	const std::uint64_t deadline = now_ns(CLOCK_MONOTONIC) + second / 20;

	EXPECT_EQ(-ETIMEDOUT, wait_until(c.fd, deadline));
	EXPECT_LE(deadline, now_ns(CLOCK_MONOTONIC));
}

TEST(info_deadline, that_has_passed_fills_nothing)
{
	child c = start_sleeper();
	procfd_info info{}, before;

	info.mask = ~0ull;
	info.flags = PROCFD_INFO_WAIT;
	info.pid = 12345;
	before = info;
	EXPECT_EQ(-ETIMEDOUT, ioc(c.fd, PROCFD_IOC_INFO, &info));
	EXPECT_EQ(0, memcmp(&before, &info, sizeof(info)));
}

/* Monotonic time differs by time namespace, and the caller's is meant. */
TEST(info_deadline, is_of_the_caller_s_time_namespace)
{
	child c = start_sleeper();
	child other = start_without_descriptor([&c] {
		must(or_errno(unshare(CLONE_NEWTIME)));

		unique_fd offsets(must(
			or_errno(open("/proc/self/timens_offsets", O_WRONLY))));

		must(int(write_to(offsets, "monotonic 100000 0")));
		return exit_code(start_without_descriptor([&c] {
			const std::uint64_t now = now_ns(CLOCK_MONOTONIC);

			if (now < 100000 * second)
				return 1;
			/* Taken for the host's, both are a day away. */
			alarm(30);
			if (wait_until(c.fd, now - second) != -ETIMEDOUT)
				return 2;
			if (wait_until(c.fd, now + second / 20) != -ETIMEDOUT)
				return 3;
			if (now_ns(CLOCK_MONOTONIC) < now + second / 20)
				return 4;
			/* For the host, before it was started. */
			return wait_until(c.fd, 1) == -ETIMEDOUT ? 0 : 5;
		}));
	});

	EXPECT_EQ(0, other.wait());
}

/* The host's clock is ahead, and has no such time any more. */
TEST(info_deadline, that_the_host_cannot_express_is_far_away)
{
	child c = start_sleeper();
	child other = start_without_descriptor([&c] {
		must(or_errno(unshare(CLONE_NEWTIME)));

		unique_fd offsets(must(
			or_errno(open("/proc/self/timens_offsets", O_WRONLY))));

		must(int(write_to(offsets, "monotonic -1 0")));
		return exit_code(start_without_descriptor([&c] {
			if (wait_until(c.fd, now_ns(CLOCK_MONOTONIC)) !=
			    -ETIMEDOUT)
				return 2;

			const pid_t me = getpid();
			child ender = start_without_descriptor([&c, me] {
				if (!eventually([me] {
					    return sleeps_in(me, me, SYS_ioctl);
				    }))
					return 1;
				must(int(write_to(c.fd, "KILL")));
				return 0;
			});

			if (wait_until(c.fd, INT64_MAX - 1) != 0)
				return 3;
			return exit_code(std::move(ender));
		}));
	});

	EXPECT_EQ(0, other.wait());
}

/* Unlike deadlines, and like those of files, these tell the same to everybody. */
TEST(info_times, are_the_host_s_in_any_time_namespace)
{
	child c = start_zombie();
	const procfd_info here = info_of(c.fd);
	child other = start_without_descriptor([&] {
		must(or_errno(unshare(CLONE_NEWTIME)));

		unique_fd offsets(must(
			or_errno(open("/proc/self/timens_offsets", O_WRONLY))));

		must(int(write_to(offsets, "boottime 100000 0")));
		return exit_code(start_without_descriptor([&] {
			if (now_ns(CLOCK_BOOTTIME) < 100000 * second)
				return 1;

			const procfd_info there = info_of(c.fd);

			if (there.started_ns != here.started_ns)
				return 2;
			return there.exited_ns == here.exited_ns ? 0 : 3;
		}));
	});

	EXPECT_EQ(0, other.wait());
}

/* Waits in a thread of its own, which has gone to sleep when this is made. */
class waiter {
public:
	waiter(int fd, std::uint64_t deadline_ns)
	{
		thread_ = std::thread([this, fd, deadline_ns] {
			tid_ = sys_gettid();
			has_tid_.open();
			result_ = get_info(fd, &info_, PROCFD_INFO_WAIT,
					   deadline_ns);
		});
		must(has_tid_.pass() && sleeps_in(getpid(), tid_, SYS_ioctl) ?
			     0 :
			     -ETIMEDOUT);
	}
	~waiter()
	{
		if (thread_.joinable())
			thread_.join();
	}
	void interrupt()
	{
		must(-pthread_kill(thread_.native_handle(), SIGUSR1));
	}
	pid_t tid() const { return tid_; }
	int result()
	{
		if (thread_.joinable())
			thread_.join();
		return result_;
	}
	const procfd_info &info() const { return info_; }

private:
	gate has_tid_;
	pid_t tid_ = 0;
	int result_ = 0;
	procfd_info info_;
	std::thread thread_;
};

class info_wait : public testing::Test {
protected:
	/* Exits with 7 when told to. */
	info_wait() : child_(start([this] { return may_exit_.pass() ? 7 : 1; }))
	{
	}

	/* For one that nothing else would wake. */
	void expect_woken(waiter &w)
	{
		may_exit_.open();
		EXPECT_EQ(0, w.result());
		EXPECT_EQ(std::uint32_t(PROCFD_STATE_EXITED), w.info().state);
		EXPECT_EQ(all_groups, w.info().mask);
		EXPECT_EQ(7 << 8, w.info().status);
	}

	gate may_exit_;
	child child_;
};

TEST_F(info_wait, without_a_deadline_is_woken_by_the_exit)
{
	waiter w(child_.fd, PROCFD_DEADLINE_NONE);

	expect_woken(w);
}

TEST_F(info_wait, with_a_deadline_is_woken_by_the_exit)
{
	waiter w(child_.fd, now_ns(CLOCK_MONOTONIC) + 3600 * second);

	expect_woken(w);
}

/* Further than the kernel can count. */
TEST_F(info_wait, with_the_farthest_deadline_is_woken_by_the_exit)
{
	waiter w(child_.fd, PROCFD_DEADLINE_NONE - 1);

	expect_woken(w);
}

TEST_F(info_wait, with_a_deadline_that_looks_negative_is_woken_by_the_exit)
{
	waiter w(child_.fd, 1ull << 63);

	expect_woken(w);
}

TEST_F(info_wait, of_several_wakes_all)
{
	waiter a(child_.fd, PROCFD_DEADLINE_NONE);
	waiter b(child_.fd, PROCFD_DEADLINE_NONE);
	waiter c(child_.fd, now_ns(CLOCK_MONOTONIC) + 3600 * second);

	may_exit_.open();
	EXPECT_EQ(0, a.result());
	EXPECT_EQ(0, b.result());
	EXPECT_EQ(0, c.result());
}

TEST_F(info_wait, with_nonblock_waits_all_the_same)
{
	ASSERT_EQ(0, fcntl(child_.fd, F_SETFL, O_NONBLOCK));

	waiter w(child_.fd, PROCFD_DEADLINE_NONE);

	expect_woken(w);
}

TEST_F(info_wait, ends_with_EINTR_by_a_signal)
{
	handle_SIGUSR1(0);

	waiter w(child_.fd, PROCFD_DEADLINE_NONE);

	w.interrupt();
	EXPECT_TRUE(handled().pass());
	EXPECT_EQ(-EINTR, w.result());
}

TEST_F(info_wait, with_a_deadline_ends_with_EINTR_by_a_signal)
{
	handle_SIGUSR1(0);

	waiter w(child_.fd, now_ns(CLOCK_MONOTONIC) + 3600 * second);

	w.interrupt();
	EXPECT_TRUE(handled().pass());
	EXPECT_EQ(-EINTR, w.result());
}

TEST_F(info_wait, goes_on_after_a_signal_with_SA_RESTART)
{
	handle_SIGUSR1(SA_RESTART);

	waiter w(child_.fd, PROCFD_DEADLINE_NONE);

	w.interrupt();
	EXPECT_TRUE(handled().pass());
	EXPECT_TRUE(sleeps_in(getpid(), w.tid(), SYS_ioctl));
	expect_woken(w);
}

TEST(info_wait_for_a_fork, of_an_unbound_one_lasts_until_the_exit)
{
	unique_fd fd(must(announce()));
	waiter w(fd, PROCFD_DEADLINE_NONE);
	pid_t pid = must(or_errno(fork()));

	if (!pid)
		_exit(7);
	EXPECT_EQ(0, w.result());
	EXPECT_EQ(pid, w.info().pid);
	EXPECT_EQ(7 << 8, w.info().status);
	wait_for(pid);
}

TEST(info_wait_for_a_fork, that_is_dropped_ends_with_ECHILD)
{
	unique_fd fd(must(announce()));
	waiter w(fd, PROCFD_DEADLINE_NONE);

	EXPECT_EQ(0, cancel());
	EXPECT_EQ(-ECHILD, w.result());
}

TEST(info_wait_for_a_fork, that_was_dropped_is_ECHILD_whatever_the_deadline)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(0, cancel());
	EXPECT_EQ(-ECHILD, wait_until(fd, PROCFD_DEADLINE_NONE));
	EXPECT_EQ(-ECHILD, wait_until(fd, 0));
}

TEST(info_wait_for_a_fork, that_does_not_come_is_ETIMEDOUT)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(-ETIMEDOUT, wait_until(fd, 1));
	EXPECT_EQ(0, cancel());
}

TEST(info_attribute, kill_on_close_is_shown_and_switched)
{
	child c = start_sleeper(PROCFD_KILL_ON_CLOSE);

	EXPECT_EQ(PROCFD_ATTR_KILL_ON_CLOSE, info_of(c.fd).attributes);
	EXPECT_EQ(0, set_kill_on_close(c.fd, 0));
	EXPECT_EQ(0u, info_of(c.fd).attributes);
	EXPECT_EQ(0, set_kill_on_close(c.fd, 1));
	EXPECT_EQ(PROCFD_ATTR_KILL_ON_CLOSE, info_of(c.fd).attributes);
}

TEST(info_attribute, kill_on_close_is_the_descriptor_s_own)
{
	child c = start_sleeper(PROCFD_KILL_ON_CLOSE);
	unique_fd fd(must(open_process(c.pid)));

	EXPECT_EQ(0u, info_of(fd).attributes);
}

TEST(info_attribute, quiet_is_the_process_s)
{
	child c = start_sleeper(PROCFD_QUIET);

	EXPECT_EQ(PROCFD_ATTR_QUIET, info_of(c.fd).attributes);
}

} // namespace
