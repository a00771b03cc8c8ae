// SPDX-License-Identifier: GPL-2.0-only
// A supervisor starts a daemon, gives it a name, and is killed. The next one
// knows nothing but the name, and misses nothing. No pid is used anywhere,
// except by who reaps the orphans.
#include "fs.h"

namespace {

class supervisor : public names_test {
protected:
	void SetUp() override
	{
		names_test::SetUp();
		/* Orphans are ours, as they are init's elsewhere. */
		must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 1)));

		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));
		orders_out.reset(fds[0]);
		orders.reset(fds[1]);
	}

	void TearDown() override
	{
		orders.reset(); /* a daemon that is still there ends */
		while (wait_for(-1) >= 0)
			;
		must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 0)));
		names_test::TearDown();
	}

	/* Exit with the byte that comes, or at the end of the test. */
	int be_daemon()
	{
		unsigned char code;

		orders.reset();
		return read(orders_out, &code, 1) == 1 ? code : 99;
	}

	/* Start a daemon, name it, be killed. */
	void supervise_and_die(const char *name)
	{
		gate named;
		child c = start([&] {
			unique_fd fd(must(announce()));

			must(link(fd, name));
			if (!must(or_errno(fork())))
				_exit(be_daemon());
			named.open();
			return sleep_for_ever();
		});

		ASSERT_TRUE(named.pass());
		ASSERT_EQ(4, write_to(c.fd, "KILL"));
		ASSERT_EQ(SIGKILL, c.wait());
	}

	void exit_daemon(unsigned char code)
	{
		must(int(or_errno(write(orders, &code, 1))));
	}

	unique_fd orders, orders_out;
};

TEST_F(supervisor, killed_and_started_anew_waits_on)
{
	supervise_and_die("daemon");
	ASSERT_FALSE(HasFatalFailure());

	child next = start_without_descriptor([&] {
		return outcome_of(at("daemon")) == "exited 42" ? 0 : 1;
	});

	ASSERT_TRUE(sleeps_in(next.pid, next.pid, SYS_pread64));
	exit_daemon(42);
	EXPECT_EQ(0, next.wait());
}

TEST_F(supervisor, killed_learns_of_an_exit_in_between)
{
	supervise_and_die("daemon");
	ASSERT_FALSE(HasFatalFailure());
	exit_daemon(42);
	/* The zombie is gone too before the next one comes. */
	ASSERT_EQ(W_EXITCODE(42, 0), wait_for(-1));
	ASSERT_EQ(-ECHILD, wait_for(-1));
	EXPECT_EQ(0, apart([&] {
			  return outcome_of(at("daemon")) == "exited 42" ? 0 :
									   1;
		  }));
}

TEST_F(supervisor, killed_learns_of_a_death_in_between)
{
	supervise_and_die("daemon");
	ASSERT_FALSE(HasFatalFailure());
	ASSERT_EQ(5, echo_to(at("daemon"), "KILL"));
	ASSERT_EQ(SIGKILL, wait_for(-1));
	EXPECT_EQ("killed 9", outcome_of(at("daemon")));
}

TEST_F(supervisor, killed_has_left_the_right_to_signal_with_the_name)
{
	supervise_and_die("daemon");
	ASSERT_FALSE(HasFatalFailure());
	EXPECT_EQ(2, echo_to(at("daemon"), "0"));
	EXPECT_EQ(5, echo_to(at("daemon"), "TERM"));
	EXPECT_EQ("killed 15", outcome_of(at("daemon")));
	EXPECT_EQ(-ESRCH, echo_to(at("daemon"), "0"));
}

TEST_F(supervisor, started_anew_starts_the_daemon_only_if_it_is_gone)
{
	supervise_and_die("daemon");
	ASSERT_FALSE(HasFatalFailure());

	auto start_unless_running = [&] {
		unique_fd fd(must(announce()));
		const int ret = link(fd, "daemon", PROCFD_LINK_REPLACE_DEAD);

		if (ret < 0)
			must(cancel());
		else if (!must(or_errno(fork())))
			_exit(be_daemon());
		return ret;
	};

	EXPECT_EQ(-EEXIST, apart(start_unless_running));
	exit_daemon(1);
	ASSERT_EQ("exited 1", outcome_of(at("daemon")));
	EXPECT_EQ(0, apart(start_unless_running));
	exit_daemon(2);
	EXPECT_EQ("exited 2", outcome_of(at("daemon")));
}

} // namespace
