// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_QUIET: a child that the rest of its parent's program does not see. That
 * nobody else is left with it is in quiet_parent_test.
 */
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/utsname.h>

#include "quiet.h"

namespace {

/* Is there anything that a plain wait would wait for? */
bool nobody_to_wait_for()
{
	siginfo_t info;

	return plain_wait(-1, WNOHANG) == -ECHILD &&
	       waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 &&
	       errno == ECHILD;
}

bool sigchld_is_pending()
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGCHLD);
}

/* And is not what earlier children have left. */
void drain_sigchld()
{
	const timespec at_once{};
	sigset_t set;

	hold_sigchld();
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while (sigtimedwait(&set, nullptr, &at_once) == SIGCHLD)
		;
}

/* Reap a quiet child as its maker does; what is expected, on any kernel. */
int quiet_wait(pid_t pid)
{
	return wait_for(pid, __WALL);
}

int expected(int status)
{
	return kernel_reaps() ? -ECHILD : status;
}

/*
 * This program as another one: `--exec FD` tells FD that it is there, and becomes
 * itself again and again.
 */
__attribute__((constructor)) void exec_as_told(int argc, char **argv)
{
	if (argc != 3 || std::string_view(argv[1]) != "--exec")
		return;
	if (write(atoi(argv[2]), "", 1) != 1)
		_exit(98);
	execv("/proc/self/exe", argv);
	_exit(99);
}

/* Before and after it exec'd: exec makes SIGCHLD the exit signal again. */

struct kind {
	const char *name;
	child (*make)();
};

child make_forked()
{
	return start_sleeper(PROCFD_QUIET);
}

/* Here the leader's exit signal goes to another thread. */
child make_execed_by_a_thread()
{
	signal_pipe ready;
	child c = start(
		[&ready] {
			std::thread([&ready] {
				exec_sleep(ready.end());
			}).join();
			return 99;
		},
		PROCFD_QUIET);

	must(ready.came() ? 0 : -ETIMEDOUT);
	return c;
}

child make_spawned()
{
	signal_pipe ready;
	const std::string fd = std::to_string(ready.end());
	std::string name = "quiet_test", mode = "--sleep", number = fd;
	char *argv[] = {name.data(), mode.data(), number.data(), nullptr};
	unique_fd descriptor(must(announce(PROCFD_QUIET)));
	pid_t pid;

	fcntl(ready.end(), F_SETFD, 0);
	must(-posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, argv,
			  environ));
	must(ready.came() ? 0 : -ETIMEDOUT);
	return child(pid, std::move(descriptor));
}

class quiet : public testing::TestWithParam<kind> {
protected:
	quiet() { drain_sigchld(); }
};

TEST_P(quiet, sends_no_SIGCHLD)
{
	child c = GetParam().make();

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	/* The signal would be sent before this can have an answer. */
	EXPECT_EQ(expected(SIGTERM), quiet_wait(c.forget()));
	EXPECT_FALSE(sigchld_is_pending());
}

TEST_P(quiet, is_not_waited_for_by_wildcards_while_it_runs)
{
	child c = GetParam().make();

	EXPECT_TRUE(nobody_to_wait_for());
}

TEST_P(quiet, is_not_waited_for_by_wildcards_when_it_has_exited)
{
	child c = GetParam().make();

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_TRUE(nobody_to_wait_for());
	EXPECT_EQ(expected(SIGTERM), quiet_wait(c.forget()));
}

TEST_P(quiet, is_not_waited_for_by_pid_without_WALL)
{
	child c = GetParam().make();

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(-ECHILD, plain_wait(c.pid));
	EXPECT_EQ(expected(SIGTERM), quiet_wait(c.forget()));
}

TEST_P(quiet, is_waited_for_by_WALL)
{
	child c = GetParam().make();

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(expected(SIGTERM), wait_for(c.forget(), __WALL));
}

TEST_P(quiet, is_waited_for_by_WCLONE)
{
	child c = GetParam().make();

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(expected(SIGTERM), wait_for(c.forget(), __WCLONE));
}

TEST_P(quiet, is_waited_for_through_a_pidfd)
{
	child c = GetParam().make();
	unique_fd pidfd(must(sys_pidfd_open(c.pid)));
	siginfo_t info{};

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));

	int ret = or_errno(waitid(P_PIDFD, id_t(pidfd), &info,
				  WEXITED | WNOHANG | __WALL));

	c.forget();
	EXPECT_EQ(kernel_reaps() ? -ECHILD : 0, ret);
	EXPECT_EQ(kernel_reaps() ? 0 : SIGTERM, info.si_status);
}

TEST_P(quiet, has_its_record_like_any_other)
{
	child c = GetParam().make();

	kill(c.pid, SIGTERM);
	EXPECT_TRUE(read_all(c.fd).starts_with("killed 15\n"));
	quiet_wait(c.forget());
	EXPECT_EQ(SIGTERM, info_of(c.fd).status);
}

TEST_P(quiet, says_that_it_is)
{
	child c = GetParam().make();

	EXPECT_EQ(PROCFD_ATTR_QUIET, info_of(c.fd).attributes);

	unique_fd fd(must(open_process(c.pid)));

	EXPECT_EQ(PROCFD_ATTR_QUIET, info_of(fd).attributes);
}

TEST_P(quiet, leaves_its_siblings_alone)
{
	child c = GetParam().make();
	child sibling = start_without_descriptor([] { return 7; });

	EXPECT_EQ(7 << 8, plain_wait(-1));
	sibling.forget();
	EXPECT_TRUE(sigchld_is_pending());
}

INSTANTIATE_TEST_SUITE_P(
	, quiet,
	testing::Values(kind{"forked", make_forked},
			kind{"execed", make_execed},
			kind{"execed_by_a_thread", make_execed_by_a_thread},
			kind{"spawned", make_spawned}),
	[](const auto &p) { return std::string(p.param.name); });

/* exec makes it SIGCHLD for a moment: a kill in that moment must not show. */
TEST(quiet_exec, can_be_killed_at_any_point)
{
	drain_sigchld();
	for (int n = 0; n < 60; n++) {
		signal_pipe ready;
		child c = start(
			[&ready] {
				fcntl(ready.end(), F_SETFD, 0);
				execl("/proc/self/exe", "quiet_test", "--exec",
				      std::to_string(ready.end()).c_str(),
				      nullptr);
				return 99;
			},
			PROCFD_QUIET);

		for (int i = 0; i <= n % 3; i++)
			ASSERT_TRUE(ready.came());
		/* Elsewhere in it each time. */
		for (int i = 0; i < n * 10; i++)
			getppid();
		kill(c.pid, SIGKILL);
		ASSERT_EQ(POLLHUP, poll_over(c.fd));
		ASSERT_EQ(-ECHILD, plain_wait(c.pid));
		ASSERT_EQ(expected(SIGKILL), quiet_wait(c.forget()));
		ASSERT_FALSE(sigchld_is_pending()) << n;
	}
}

/* What is quiet is the child, and not its descriptor. */
TEST(quiet_closed, is_quiet_after_an_exec)
{
	drain_sigchld();

	gate may_exec;
	signal_pipe ready;
	child c = start(
		[&] { return may_exec.pass() ? exec_sleep(ready.end()) : 98; },
		PROCFD_QUIET);
	unique_fd pidfd(must(sys_pidfd_open(c.pid)));

	c.fd.reset();
	may_exec.open();
	ASSERT_TRUE(ready.came());

	unique_fd fd(must(open_process(c.pid)));

	EXPECT_EQ(PROCFD_ATTR_QUIET, info_of(fd).attributes);
	fd.reset();
	kill(c.pid, SIGTERM);
	ASSERT_TRUE(poll_for(pidfd, POLLIN, patience_ms()) & POLLIN);
	EXPECT_EQ(-ECHILD, plain_wait(-1));
	EXPECT_EQ(expected(SIGTERM), quiet_wait(c.forget()));
	EXPECT_FALSE(sigchld_is_pending());
}

/* What the tests above would otherwise take for granted. */
TEST(not_quiet, sends_SIGCHLD_and_is_waited_for)
{
	drain_sigchld();

	child c = start([] { return 7; });

	EXPECT_EQ(7 << 8, plain_wait(-1));
	c.forget();
	EXPECT_TRUE(sigchld_is_pending());
}

TEST(not_quiet, is_the_child_after_a_quiet_one)
{
	child one = start_sleeper(PROCFD_QUIET);
	child two = start_sleeper();

	EXPECT_EQ(0u, info_of(two.fd).attributes);
	kill(two.pid, SIGTERM);
	EXPECT_EQ(SIGTERM, plain_wait(two.forget()));
}

TEST(not_quiet, is_the_child_of_a_quiet_one)
{
	child c = start(
		[] {
			child grandchild = start([] { return 7; });

			grandchild.forget();
			return plain_wait(-1) >> 8;
		},
		PROCFD_QUIET);
	procfd_info info;

	ASSERT_EQ(0, get_info(c.fd, &info, PROCFD_INFO_WAIT,
			      PROCFD_DEADLINE_NONE));
	EXPECT_EQ(7 << 8, info.status);
}

/* As the manual page says. */
TEST(quiet_popen, is_not_seen_by_pclose)
{
	unique_fd fd(must(announce(PROCFD_QUIET)));
	FILE *shell = popen("exit 7", "r");
	procfd_info info;

	ASSERT_EQ(0,
		  get_info(fd, &info, PROCFD_INFO_WAIT, PROCFD_DEADLINE_NONE));
	EXPECT_EQ(-1, pclose(shell));
	EXPECT_EQ(ECHILD, errno);
	EXPECT_EQ(7 << 8, info.status);
	EXPECT_EQ(expected(7 << 8), quiet_wait(info.pid));
}

TEST(quiet_system, is_not_seen_by_system)
{
	unique_fd fd(must(announce(PROCFD_QUIET)));
	procfd_info info;

	EXPECT_EQ(-1, system("exit 7"));
	EXPECT_EQ(ECHILD, errno);
	ASSERT_EQ(0,
		  get_info(fd, &info, PROCFD_INFO_WAIT, PROCFD_DEADLINE_NONE));
	EXPECT_EQ(7 << 8, info.status);
	EXPECT_EQ(expected(7 << 8), quiet_wait(info.pid));
}

/*
 * Before 7.3 the bit that has the kernel reap, if there is one, cannot be set
 * without disturbing another.
 */
TEST(quiet_autoreap, leaves_no_zombie_from_7_3_on)
{
	utsname name;
	int major, minor;

	ASSERT_EQ(0, uname(&name));
	ASSERT_EQ(2, sscanf(name.release, "%d.%d", &major, &minor));

	const bool before = major < 7 || (major == 7 && minor < 3);

	EXPECT_EQ(before ? 200 : 0, count_quiet_zombies(200));
}

TEST(quiet_autoreap, is_a_feature_where_no_zombie_is_left)
{
	procfd_query query{};

	ASSERT_EQ(0, ioc(device(), PROCFD_IOC_QUERY, &query));
	EXPECT_EQ(kernel_reaps(),
		  (query.features & PROCFD_FEATURE_AUTOREAP) != 0);
}

TEST(quiet_zombie, is_left_only_where_the_kernel_does_not_reap)
{
	child c = start([] { return 7; }, PROCFD_QUIET);

	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(expected(7 << 8), quiet_wait(c.forget()));
	EXPECT_EQ(PROCFD_ATTR_REAPED | PROCFD_ATTR_QUIET,
		  info_of(c.fd).attributes);
}

} // namespace
