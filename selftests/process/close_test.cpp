// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_KILL_ON_CLOSE: the process goes with the last copy of its descriptor,
 * whoever holds it and however it goes, and with nothing else.
 */
#include <gtest/gtest.h>
#include <sys/inotify.h>

#include "common.h"

namespace {

constexpr short running = POLLOUT | POLLWRNORM;

unique_fd reopen(int fd, int flags)
{
	std::string path = "/proc/self/fd/" + std::to_string(fd);

	return unique_fd(must(or_errno(open(path.c_str(), flags | O_CLOEXEC))));
}

/*
 * What the target does: it answers, so that one sees it live, and ends with the
 * test. Not with its parent: that it does not is what some tests are about.
 */
class echo {
public:
	echo()
	{
		int fds[2];

		must(or_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
					 fds)));
		test_.reset(fds[0]);
		target_.reset(fds[1]);
	}

	/* In the target. @own is a copy that it holds of its own descriptor. */
	int run(unique_fd own = unique_fd())
	{
		char byte;

		test_.reset();
		while (read(target_, &byte, 1) == 1) {
			if (byte == 'c')
				own.reset();
			must(int(or_errno(write(target_, &byte, 1))));
		}
		return 42;
	}

	/* A pending SIGKILL comes before an answer. */
	bool answers()
	{
		char byte = 'x';

		target_.reset(); /* so that its end can be seen */
		return send(test_, &byte, 1, MSG_NOSIGNAL) == 1 &&
		       poll_for(test_, POLLIN, patience_ms()) & POLLIN &&
		       read(test_, &byte, 1) == 1;
	}
	void let_it_close_its_own()
	{
		must(int(or_errno(send(test_, "c", 1, MSG_NOSIGNAL))));
	}

private:
	unique_fd test_, target_;
};

/* A target of this process, and a second descriptor to watch it with. */
class kill_on_close : public testing::Test {
protected:
	kill_on_close()
		: child_(start([this] { return echo_.run(); },
			       PROCFD_KILL_ON_CLOSE)),
		  watch_(must(open_process(child_.pid)))
	{
	}

	bool lives() { return echo_.answers() && poll_now(watch_) == running; }
	bool was_killed()
	{
		return poll_over(watch_) == POLLHUP &&
		       info_of(watch_).status == SIGKILL;
	}

	echo echo_;
	child child_;
	unique_fd watch_;
};

TEST_F(kill_on_close, by_close)
{
	ASSERT_TRUE(lives());
	child_.fd.reset();
	EXPECT_TRUE(was_killed());
	EXPECT_EQ(SIGKILL, child_.wait());
}

/* Stopped, it could not close its own copy, so it must have done so before. */
TEST_F(kill_on_close, of_a_stopped_process)
{
	ASSERT_TRUE(lives());
	kill(child_.pid, SIGSTOP);
	child_.fd.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, by_dup2_over_it)
{
	must(or_errno(dup2(STDERR_FILENO, child_.fd)));
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, only_with_the_last_copy)
{
	unique_fd copy(must(or_errno(fcntl(child_.fd, F_DUPFD_CLOEXEC, 0))));

	child_.fd.reset();
	EXPECT_TRUE(lives());
	copy.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, not_by_closing_an_opened_descriptor)
{
	unique_fd other(must(open_process(child_.pid)));

	other.reset();
	EXPECT_TRUE(lives());
}

/* A reopened one is another file, of the same descriptor. */
TEST_F(kill_on_close, not_while_a_reopened_one_is_left)
{
	unique_fd again = reopen(child_.fd, O_RDWR);

	child_.fd.reset();
	EXPECT_TRUE(lives());
	again.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, not_while_one_reopened_to_read_is_left)
{
	unique_fd again = reopen(child_.fd, O_RDONLY);

	child_.fd.reset();
	EXPECT_TRUE(lives());
	again.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, is_not_delayed_by_an_O_PATH_holder)
{
	unique_fd path = reopen(child_.fd, O_PATH);

	ASSERT_TRUE(lives());
	child_.fd.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, is_not_delayed_by_an_inotify_mark)
{
	unique_fd inotify(must(or_errno(inotify_init1(IN_CLOEXEC))));
	std::string path = "/proc/self/fd/" + std::to_string(child_.fd);

	must(or_errno(inotify_add_watch(inotify, path.c_str(), IN_ALL_EVENTS)));
	ASSERT_TRUE(lives());
	child_.fd.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, not_while_a_copy_is_in_flight)
{
	int sockets[2];

	ASSERT_EQ(0,
		  socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	send_fd(sockets[0], child_.fd);
	child_.fd.reset();
	EXPECT_TRUE(lives());
	close(sockets[0]);
	EXPECT_TRUE(lives());
	close(sockets[1]);
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, not_while_whoever_received_it_has_it)
{
	int sockets[2];

	ASSERT_EQ(0,
		  socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	send_fd(sockets[0], child_.fd);
	child_.fd.reset();

	unique_fd received(recv_fd(sockets[1]));

	close(sockets[0]);
	close(sockets[1]);
	EXPECT_TRUE(lives());
	received.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, not_while_a_process_that_inherited_it_has_it)
{
	child holder = start_without_descriptor(sleep_for_ever);

	child_.fd.reset();
	EXPECT_TRUE(lives());
	kill(holder.pid, SIGKILL);
	EXPECT_TRUE(was_killed());
}

/* It closes on exec. The holder stops itself to show that it still exists. */
TEST_F(kill_on_close, by_the_exec_of_the_last_holder)
{
	gate may_exec;
	int status;
	child holder = start_without_descriptor([&may_exec] {
		may_exec.pass();
		execl("/bin/sh", "sh", "-c", "kill -STOP $$", nullptr);
		return 99;
	});

	child_.fd.reset();
	ASSERT_TRUE(lives());
	may_exec.open();
	ASSERT_EQ(holder.pid, waitpid(holder.pid, &status, WUNTRACED | __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, off_lets_it_live)
{
	ASSERT_EQ(0, set_kill_on_close(child_.fd, 0));
	child_.fd.reset();
	EXPECT_TRUE(lives());
}

TEST_F(kill_on_close, off_and_on_again_kills)
{
	ASSERT_EQ(0, set_kill_on_close(child_.fd, 0));
	ASSERT_EQ(0, set_kill_on_close(child_.fd, 1));
	ASSERT_TRUE(lives());
	child_.fd.reset();
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close, on_twice_is_on)
{
	EXPECT_EQ(0, set_kill_on_close(child_.fd, 1));
	EXPECT_EQ(0, set_kill_on_close(child_.fd, 0));
	child_.fd.reset();
	EXPECT_TRUE(lives());
}

/* It belongs to the descriptor, whichever file of it is asked. */
TEST_F(kill_on_close, is_switched_through_any_copy)
{
	unique_fd again = reopen(child_.fd, O_WRONLY);

	EXPECT_EQ(0, set_kill_on_close(again, 0));
	EXPECT_EQ(0u, info_of(child_.fd).attributes);
	child_.fd.reset();
	again.reset();
	EXPECT_TRUE(lives());
}

TEST_F(kill_on_close, switch_needs_a_descriptor_for_writing)
{
	unique_fd reader = reopen(child_.fd, O_RDONLY);

	EXPECT_EQ(-EBADF, set_kill_on_close(reader, 0));
	EXPECT_EQ(-EBADF, set_kill_on_close(reopen(child_.fd, O_PATH), 0));
	EXPECT_EQ(PROCFD_ATTR_KILL_ON_CLOSE, info_of(child_.fd).attributes);
}

TEST_F(kill_on_close, switch_takes_0_and_1_only)
{
	EXPECT_EQ(-EINVAL, set_kill_on_close(child_.fd, 2));
	EXPECT_EQ(-EINVAL, set_kill_on_close(child_.fd, ~0u));
	EXPECT_EQ(PROCFD_ATTR_KILL_ON_CLOSE, info_of(child_.fd).attributes);
}

TEST_F(kill_on_close, switch_from_a_bad_address_is_EFAULT)
{
	EXPECT_EQ(-EFAULT,
		  ioc(child_.fd, PROCFD_IOC_SET_KILL_ON_CLOSE, nullptr));
}

TEST_F(kill_on_close, cannot_be_had_for_an_opened_descriptor)
{
	EXPECT_EQ(-EINVAL, set_kill_on_close(watch_, 1));
	EXPECT_EQ(-EINVAL, set_kill_on_close(watch_, 0));
}

TEST(kill_on_close_off, lets_the_process_live)
{
	echo e;
	child c = start([&e] { return e.run(); });
	unique_fd watch(must(open_process(c.pid)));

	c.fd.reset();
	EXPECT_TRUE(e.answers());
	EXPECT_EQ(running, poll_now(watch));
}

TEST(kill_on_close_off, can_be_switched_on_later)
{
	echo e;
	child c = start([&e] { return e.run(); });

	ASSERT_EQ(0, set_kill_on_close(c.fd, 1));
	ASSERT_TRUE(e.answers());
	c.fd.reset();
	EXPECT_EQ(SIGKILL, c.wait());
}

/* A forked child has a copy too, until it closes it or execs. */
TEST(kill_on_close_of_a_child_with_its_own_copy, waits_for_that_copy)
{
	echo e;
	unique_fd fd(must(announce(PROCFD_KILL_ON_CLOSE)));
	child c(must(or_errno(fork())), unique_fd());

	if (!c.pid) {
		die_with_parent();
		_exit(e.run(std::move(fd)));
	}
	fd.reset();
	EXPECT_TRUE(e.answers());
	e.let_it_close_its_own();
	EXPECT_EQ(SIGKILL, c.wait());
}

TEST(kill_on_close_of_the_dead, changes_nothing)
{
	child c = start([] { return 7; }, PROCFD_KILL_ON_CLOSE);

	wait_for_zombie(c.pid);
	c.fd.reset();
	EXPECT_EQ(7 << 8, c.wait());
}

TEST(kill_on_close_of_the_unbound, kills_nobody)
{
	unique_fd fd(must(announce(PROCFD_KILL_ON_CLOSE)));
	echo e;

	fd.reset();

	child c = start_without_descriptor([&e] { return e.run(); });

	EXPECT_TRUE(e.answers());
}

TEST(kill_on_close_of_the_unbound, can_be_switched)
{
	unique_fd fd(must(announce(PROCFD_KILL_ON_CLOSE)));
	echo e;

	ASSERT_EQ(0, set_kill_on_close(fd, 0));

	child c = start_without_descriptor([&e] { return e.run(); });

	ASSERT_EQ(c.pid, info_of(fd).pid);
	fd.reset();
	EXPECT_TRUE(e.answers());
}

/*
 * The holder is another process, and the parent of the target. What it leaves
 * behind is somebody else's to reap, so it is watched by a descriptor.
 */
class kill_on_close_held : public testing::Test {
protected:
	kill_on_close_held()
		: holder_(start_without_descriptor([this] { return hold(); })),
		  watch_(must(open_process(target())))
	{
	}

	int hold()
	{
		unique_fd fd(must(announce(PROCFD_KILL_ON_CLOSE)));
		pid_t pid = must(or_errno(fork()));

		if (!pid) {
			fd.reset();
			_exit(echo_.run());
		}
		must(int(or_errno(write(pid_[1], &pid, sizeof(pid)))));
		may_exit_.pass();
		return 0;
	}

	/* A pipe that is there before the constructor of anything that uses it. */
	struct pid_pipe {
		int ends[2];

		pid_pipe() { must(or_errno(pipe2(ends, O_CLOEXEC))); }
		~pid_pipe()
		{
			close(ends[0]);
			close(ends[1]);
		}
		int operator[](int i) const { return ends[i]; }
	};

	pid_t target() const
	{
		pid_t pid;

		must(read(pid_[0], &pid, sizeof(pid)) == sizeof(pid) ? 0 :
								       -EIO);
		return pid;
	}

	bool lives() { return echo_.answers() && poll_now(watch_) == running; }
	bool was_killed()
	{
		return poll_over(watch_) == POLLHUP &&
		       info_of(watch_).status == SIGKILL;
	}

	pid_pipe pid_;
	echo echo_;
	gate may_exit_;
	child holder_;
	unique_fd watch_;
};

TEST_F(kill_on_close_held, by_the_exit_of_the_holder)
{
	ASSERT_TRUE(lives());
	may_exit_.open();
	ASSERT_EQ(0, holder_.wait());
	EXPECT_TRUE(was_killed());
}

TEST_F(kill_on_close_held, by_the_kill_of_the_holder)
{
	ASSERT_TRUE(lives());
	kill(holder_.pid, SIGKILL);
	ASSERT_EQ(SIGKILL, holder_.wait());
	EXPECT_TRUE(was_killed());
}

} // namespace
