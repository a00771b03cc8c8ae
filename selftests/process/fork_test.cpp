// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_IOC_FORK and _CANCEL: what binds an announcement, what does not, and
 * what drops it.
 */
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "common.h"

extern char **environ;

namespace {

/*
 * This program as another one: `--fork-and-exit` is what an announcement meets
 * after an exec.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc != 2 || std::string_view(argv[1]) != "--fork-and-exit")
		return;

	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, nullptr, 0);
	_exit(0);
}

constexpr uid_t nobody = 65534;
constexpr short exited = POLLIN | POLLRDNORM | POLLHUP;
constexpr short running = POLLOUT | POLLWRNORM;
constexpr short dropped = POLLERR | POLLHUP;

std::uint32_t state_of(int fd)
{
	return info_of(fd).state;
}

/* Ways to make a process. Each returns the pid of one that exits with 7. */

struct way {
	const char *name;
	pid_t (*create)();
};

pid_t by_fork()
{
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	return pid;
}

pid_t by_vfork()
{
	pid_t pid = vfork();

	if (!pid)
		_exit(7);
	return pid;
}

pid_t by_clone3()
{
	clone_args args{};

	args.exit_signal = SIGCHLD;

	pid_t pid = pid_t(syscall(SYS_clone3, &args, sizeof(args)));

	if (!pid)
		_exit(7);
	return pid;
}

pid_t by_clone3_with_pidfd()
{
	clone_args args{};
	int pidfd = -1;

	args.flags = CLONE_PIDFD;
	args.pidfd = std::uint64_t(std::uintptr_t(&pidfd));
	args.exit_signal = SIGCHLD;

	pid_t pid = pid_t(syscall(SYS_clone3, &args, sizeof(args)));

	if (!pid)
		_exit(7);
	close(pidfd);
	return pid;
}

/* A child that does not send SIGCHLD, as some libraries make them. */
pid_t by_clone_without_signal()
{
	pid_t pid = pid_t(
		syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr));

	if (!pid)
		_exit(7);
	return pid;
}

pid_t by_posix_spawn()
{
	char sh[] = "sh", c[] = "-c", script[] = "exit 7";
	char *argv[] = {sh, c, script, nullptr};
	pid_t pid;

	must(-posix_spawn(&pid, "/bin/sh", nullptr, nullptr, argv, environ));
	return pid;
}

/* pclose(3) would reap it; what it leaves is a stream and no process. */
pid_t by_popen()
{
	FILE *shell = popen("echo $$; exit 7", "r");
	int pid = -1;

	if (fscanf(shell, "%d", &pid) != 1)
		return -1;
	return pid;
}

class fork_by : public testing::TestWithParam<way> {};

TEST_P(fork_by, is_bound)
{
	unique_fd fd(announce());

	ASSERT_LE(0, fd);

	child c(GetParam().create(), unique_fd());

	ASSERT_LT(0, c.pid);
	EXPECT_EQ(-ENOENT, cancel()) << "the announcement must be used up";

	procfd_info info;

	ASSERT_EQ(0,
		  get_info(fd, &info, PROCFD_INFO_WAIT, PROCFD_DEADLINE_NONE));
	EXPECT_EQ(c.pid, info.pid);
	EXPECT_EQ(7 << 8, info.status);
	EXPECT_EQ(exited, poll_now(fd));
	EXPECT_EQ(7 << 8, c.wait());
}

TEST_P(fork_by, without_announcement_is_not)
{
	child c(GetParam().create(), unique_fd());

	ASSERT_LT(0, c.pid);
	EXPECT_EQ(-ENOENT, cancel());
	EXPECT_EQ(7 << 8, c.wait());
}

INSTANTIATE_TEST_SUITE_P(
	, fork_by,
	testing::Values(way{"fork", by_fork}, way{"vfork", by_vfork},
			way{"clone3", by_clone3},
			way{"clone3_with_pidfd", by_clone3_with_pidfd},
			way{"clone_without_signal", by_clone_without_signal},
			way{"posix_spawn", by_posix_spawn},
			way{"popen", by_popen}),
	[](const auto &p) { return std::string(p.param.name); });

TEST(fork, system_is_bound)
{
	unique_fd fd(announce());

	ASSERT_LE(0, fd);
	ASSERT_EQ(7 << 8, system("exit 7"));
	EXPECT_EQ(7 << 8, info_of(fd).status);
}

TEST(fork, is_bound_before_the_child_runs)
{
	unique_fd fd(must(announce()));
	pid_t pid = must(or_errno(fork()));

	if (!pid) {
		procfd_info info = info_of(fd);

		_exit(info.state == PROCFD_STATE_RUNNING &&
				      info.pid == getpid() ?
			      0 :
			      1);
	}
	EXPECT_EQ(0, wait_for(pid));
}

TEST(fork, is_bound_when_fork_returns)
{
	child c = start_sleeper();

	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), state_of(c.fd));
	EXPECT_EQ(c.pid, info_of(c.fd).pid);
	EXPECT_EQ(running, poll_now(c.fd));
}

TEST(fork, binds_the_next_child_only)
{
	child one = start_sleeper();
	child two = start_without_descriptor(sleep_for_ever);

	EXPECT_EQ(one.pid, info_of(one.fd).pid);
}

TEST(fork, the_child_has_announced_nothing)
{
	child c = start([] { return -cancel(); });

	EXPECT_EQ(ENOENT << 8, c.wait());
}

TEST(fork, the_child_may_announce_at_once)
{
	child c = start([] {
		child grandchild = start([] { return 3; });

		return grandchild.wait() >> 8;
	});

	EXPECT_EQ(3 << 8, c.wait());
}

TEST(fork, closes_on_exec_and_is_for_reading_and_writing)
{
	unique_fd fd(announce());

	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
}

TEST(fork, nonblock_sets_O_NONBLOCK)
{
	unique_fd fd(announce(PROCFD_NONBLOCK));

	EXPECT_EQ(O_RDWR | O_NONBLOCK,
		  fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
}

TEST(fork, announced_twice_is_EBUSY)
{
	unique_fd fd(announce());

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EBUSY, announce());
	EXPECT_EQ(0, cancel()) << "the first must still be announced";
}

TEST(fork, announced_again_after_a_child_is_fine)
{
	child one = start_sleeper(), two = start_sleeper();

	EXPECT_EQ(one.pid, info_of(one.fd).pid);
	EXPECT_EQ(two.pid, info_of(two.fd).pid);
}

TEST(fork, announced_in_two_threads_binds_to_each_its_own)
{
	unique_fd mine(announce());

	ASSERT_LE(0, mine);
	std::thread([] {
		unique_fd fd(announce());
		pid_t pid = by_fork();

		EXPECT_LE(0, fd);
		EXPECT_EQ(pid, info_of(fd).pid);
		wait_for(pid);
	}).join();
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), state_of(mine));

	pid_t pid = by_fork();

	EXPECT_EQ(pid, info_of(mine).pid);
	wait_for(pid);
}

TEST(fork, of_another_thread_is_not_bound)
{
	unique_fd fd(announce());

	ASSERT_LE(0, fd);
	std::thread([] { wait_for(by_fork()); }).join();
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), state_of(fd));
	EXPECT_EQ(0, cancel());
}

/* Before there is a child that one could do nothing with. */
TEST(fork, announced_without_a_free_number_is_EMFILE)
{
	child c = start_without_descriptor([] {
		const rlimit none = {0, 0};

		device();
		setrlimit(RLIMIT_NOFILE, &none);
		if (announce() != -EMFILE)
			return 1;
		return cancel() == -ENOENT ? 0 : 2;
	});

	EXPECT_EQ(0, c.wait());
}

TEST(fork, announced_without_a_free_file_is_ENFILE)
{
	EXPECT_EQ(0, while_no_file_is_left(nobody, [] {
			  if (announce() != -ENFILE)
				  return 2;
			  return cancel() == -ENOENT ? 0 : 3;
		  }));
}

TEST(fork_unbound, polls_nothing)
{
	unique_fd fd(announce());

	EXPECT_EQ(0, poll_now(fd));
	EXPECT_EQ(0, cancel());
}

TEST(fork_unbound, reads_EAGAIN_with_nonblock)
{
	unique_fd fd(announce(PROCFD_NONBLOCK));
	char byte;

	EXPECT_EQ(-EAGAIN, or_errno(read(fd, &byte, 1)));
	EXPECT_EQ(0, cancel());
}

TEST(fork_unbound, writes_ESRCH)
{
	unique_fd fd(announce());

	EXPECT_EQ(-ESRCH, write_to(fd, "0"));
	EXPECT_EQ(-ESRCH, write_to(fd, "KILL"));
	EXPECT_EQ(0, cancel());
}

TEST(fork_unbound, reader_blocks_until_a_child_was_made_and_has_exited)
{
	unique_fd fd(announce());
	std::string text;
	pid_t tid = 0;
	gate has_tid;
	std::thread reader([&] {
		char part[PROCFD_RECORD_MAX];

		tid = sys_gettid();
		has_tid.open();
		text.assign(part, std::size_t(must(int(or_errno(
					  read(fd, part, sizeof(part)))))));
	});

	EXPECT_TRUE(has_tid.pass());
	EXPECT_TRUE(sleeps_in(getpid(), tid, SYS_read));
	EXPECT_EQ(7 << 8, wait_for(by_fork()));
	reader.join();
	EXPECT_TRUE(text.starts_with("exited 7\n")) << text;
}

/*
 * Sleeps in epoll_wait(2) in a thread of its own, when this is made. Unlike
 * poll(2), which looks again when its time is up, it tells only what it was
 * woken for.
 */
class epoller {
public:
	epoller(int fd, std::uint32_t events)
	{
		epoll_event ev{};

		ep_.reset(must(or_errno(epoll_create1(EPOLL_CLOEXEC))));
		ev.events = events;
		must(or_errno(epoll_ctl(ep_, EPOLL_CTL_ADD, fd, &ev)));
		thread_ = std::thread([this] {
			tid_ = sys_gettid();
			has_tid_.open();
			count_ = epoll_wait(ep_, &event_, 1, patience_ms());
		});
		must(has_tid_.pass() &&
				     sleeps_in(getpid(), tid_, SYS_epoll_wait) ?
			     0 :
			     -ETIMEDOUT);
	}
	~epoller()
	{
		if (thread_.joinable())
			thread_.join();
	}
	/* The events that it was told of; 0 if it was not woken. */
	std::uint32_t told()
	{
		thread_.join();
		return count_ == 1 ? event_.events : 0;
	}

private:
	unique_fd ep_;
	gate has_tid_;
	pid_t tid_ = 0;
	int count_ = 0;
	epoll_event event_{};
	std::thread thread_;
};

TEST(fork_unbound, poller_wakes_when_it_is_bound)
{
	unique_fd fd(must(announce()));
	epoller poller(fd, EPOLLOUT);
	child c = start_without_descriptor(sleep_for_ever);

	EXPECT_EQ(EPOLLOUT, poller.told());
}

/* One that asks for nothing is told of errors. */
TEST(fork_unbound, poller_wakes_when_it_is_dropped)
{
	unique_fd fd(must(announce()));
	epoller poller(fd, 0);

	EXPECT_EQ(0, cancel());
	EXPECT_EQ(EPOLLERR | EPOLLHUP, poller.told());
}

TEST(fork_cancel, with_nothing_announced_is_ENOENT)
{
	EXPECT_EQ(-ENOENT, cancel());
}

TEST(fork_cancel, after_the_child_is_ENOENT)
{
	child c = start_sleeper();

	EXPECT_EQ(-ENOENT, cancel());
	EXPECT_EQ(running, poll_now(c.fd));
}

TEST(fork_cancel, twice_is_ENOENT)
{
	unique_fd fd(announce());

	EXPECT_EQ(0, cancel());
	EXPECT_EQ(-ENOENT, cancel());
}

TEST(fork_cancel, of_another_thread_s_is_ENOENT)
{
	unique_fd fd(announce());

	std::thread([] { EXPECT_EQ(-ENOENT, cancel()); }).join();
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), state_of(fd));
	EXPECT_EQ(0, cancel());
}

TEST(fork_cancel, lets_one_announce_again)
{
	unique_fd first(announce());

	EXPECT_EQ(0, cancel());

	child c = start_sleeper();

	EXPECT_EQ(c.pid, info_of(c.fd).pid);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), state_of(first));
}

class fork_dropped : public testing::Test {
protected:
	fork_dropped() : fd_(must(announce())) { must(cancel()); }

	unique_fd fd_;
};

TEST_F(fork_dropped, polls_an_error)
{
	EXPECT_EQ(dropped, poll_now(fd_));
}

TEST_F(fork_dropped, reads_ECHILD)
{
	char byte;

	EXPECT_EQ(-ECHILD, or_errno(read(fd_, &byte, 1)));
	EXPECT_EQ(-ECHILD, or_errno(pread(fd_, &byte, 1, 0)));
}

TEST_F(fork_dropped, writes_ESRCH)
{
	EXPECT_EQ(-ESRCH, write_to(fd_, "0"));
	EXPECT_EQ(-ESRCH, write_to(fd_, "\017"));
}

TEST_F(fork_dropped, has_a_state_and_nothing_else)
{
	procfd_info info = info_of(fd_);

	EXPECT_EQ(PROCFD_INFO_STATE, info.mask);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), info.state);
	EXPECT_EQ(0u, info.id);
	EXPECT_EQ(0, info.pid);
}

TEST_F(fork_dropped, is_not_bound_by_the_next_child)
{
	wait_for(by_fork());
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), state_of(fd_));
}

TEST(fork_drop, wakes_a_reader_with_ECHILD)
{
	unique_fd fd(announce());
	ssize_t ret = 0;
	pid_t tid = 0;
	gate has_tid;
	std::thread reader([&] {
		char byte;

		tid = sys_gettid();
		has_tid.open();
		ret = or_errno(read(fd, &byte, 1));
	});

	EXPECT_TRUE(has_tid.pass());
	EXPECT_TRUE(sleeps_in(getpid(), tid, SYS_read));
	EXPECT_EQ(0, cancel());
	reader.join();
	EXPECT_EQ(-ECHILD, ret);
}

TEST(fork_drop, by_closing_the_only_copy)
{
	unique_fd fd(announce());

	fd.reset();
	EXPECT_EQ(-ENOENT, cancel());
}

TEST(fork_drop, by_closing_takes_the_last_copy)
{
	unique_fd fd(announce());
	unique_fd copy(must(or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 0))));

	fd.reset();
	EXPECT_EQ(-EBUSY, announce()) << "a copy is still open";
	copy.reset();
	EXPECT_EQ(-ENOENT, cancel());
}

TEST(fork_drop, by_closing_from_another_thread)
{
	unique_fd fd(announce());

	std::thread([&fd] { fd.reset(); }).join();
	EXPECT_EQ(-ENOENT, cancel());
}

TEST(fork_drop, by_the_exit_of_the_thread)
{
	unique_fd fd;

	std::thread([&fd] { fd.reset(must(announce())); }).join();
	EXPECT_EQ(dropped, poll_for(fd, every_event, patience_ms()));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), state_of(fd));
}

/* One that is killed has no time to cancel. */
TEST(fork_drop, by_the_kill_of_the_process)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));

	child c = start_without_descriptor([&sockets] {
		unique_fd fd(must(announce()));

		send_fd(sockets[1], fd);
		return sleep_for_ever();
	});
	unique_fd fd(recv_fd(sockets[0]));

	EXPECT_EQ(0, poll_now(fd));
	kill(c.pid, SIGKILL);
	EXPECT_EQ(dropped, poll_for(fd, every_event, patience_ms()));
	close(sockets[0]);
	close(sockets[1]);
}

/* Else one could announce, exec a set-uid program, and own its first child. */
TEST(fork_drop, by_an_exec)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));

	child c = start_without_descriptor([&sockets] {
		unique_fd fd(must(announce()));

		send_fd(sockets[1], fd);
		fcntl(fd, F_SETFD, 0);
		execl("/proc/self/exe", "fork_test", "--fork-and-exit",
		      nullptr);
		return 1;
	});
	unique_fd fd(recv_fd(sockets[0]));

	ASSERT_EQ(0, c.wait());
	EXPECT_EQ(dropped, poll_now(fd));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), state_of(fd));
	close(sockets[0]);
	close(sockets[1]);
}

TEST(fork_drop, not_by_an_exec_that_fails)
{
	unique_fd fd(announce());

	ASSERT_EQ(-1, execl("/nowhere", "nowhere", nullptr));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), state_of(fd));
	EXPECT_EQ(0, cancel());
}

} // namespace
