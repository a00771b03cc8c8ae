// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_QUIET: a child that the rest of its parent's program does not see, and
 * that nobody else is left with.
 */
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/utsname.h>

#include "common.h"

namespace {

/* Wait as a program does that knows nothing of procfd: no __WALL. */
int plain_wait(pid_t pid, int options = 0)
{
	return wait_for(pid, options);
}

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

/* Blocked, so that what came is still there to be seen. */
void hold_sigchld()
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(or_errno(sigprocmask(SIG_BLOCK, &set, nullptr)));
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
 * This program as another one. `--sleep FD` tells FD that it is there;
 * `--exec FD` does too, and becomes itself again and again;
 * `--wait PID` has become the program of the parent of PID: it sends SIGTERM,
 * is told by SIGCHLD, waits for any child, and says of what that died.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc != 3)
		return;
	if (std::string_view(argv[1]) == "--sleep") {
		if (write(atoi(argv[2]), "", 1) != 1)
			_exit(98);
		for (;;)
			pause();
	}
	if (std::string_view(argv[1]) == "--exec") {
		if (write(atoi(argv[2]), "", 1) != 1)
			_exit(98);
		execv("/proc/self/exe", argv);
		_exit(99);
	}
	if (std::string_view(argv[1]) == "--wait") {
		const timespec patience = {patience_ms() / 1000, 0};
		sigset_t set;

		kill(atoi(argv[2]), SIGTERM);
		sigemptyset(&set);
		sigaddset(&set, SIGCHLD); /* blocked across the exec */
		if (sigtimedwait(&set, nullptr, &patience) != SIGCHLD)
			_exit(97);

		const int status = plain_wait(-1);

		_exit(status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) :
							   99);
	}
}

/* Become a program that sleeps. Its caller stays in touch through a pipe. */
int exec_sleep(int ready)
{
	fcntl(ready, F_SETFD, 0);
	execl("/proc/self/exe", "quiet_test", "--sleep",
	      std::to_string(ready).c_str(), nullptr);
	return 99;
}

/* A pipe that tells whether the other side has done something. */
class signal_pipe {
public:
	signal_pipe()
	{
		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));
		read_.reset(fds[0]);
		write_.reset(fds[1]);
	}
	int end() const { return write_; }
	bool came() const
	{
		char byte;

		return poll_for(read_, POLLIN, patience_ms()) & POLLIN &&
		       read(read_, &byte, 1) == 1;
	}

private:
	unique_fd read_, write_;
};

/* Before and after it exec'd: exec makes SIGCHLD the exit signal again. */

struct kind {
	const char *name;
	child (*make)();
};

child make_forked()
{
	return start_sleeper(PROCFD_QUIET);
}

child make_execed()
{
	signal_pipe ready;
	child c = start([&ready] { return exec_sleep(ready.end()); },
			PROCFD_QUIET);

	must(ready.came() ? 0 : -ETIMEDOUT);
	return c;
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
 * The maker is gone. Whoever adopts the child never heard of procfd, and must
 * be able to wait for it.
 */

/*
 * In a new pid namespace's init, or in a subreaper: have a process make a quiet
 * child that does as body() says, and exit; then see what the child is for us.
 */
template <typename F>
int adopt(F body)
{
	gate orphan;
	int fds[2];

	must(or_errno(pipe2(fds, O_CLOEXEC)));

	unique_fd out(fds[0]), in(fds[1]);
	child maker = start_without_descriptor([&] {
		unique_fd fd(must(announce(PROCFD_QUIET)));
		pid_t pid = must(or_errno(fork()));

		if (!pid) {
			fd.reset();
			_exit(body(orphan));
		}
		must(int(or_errno(write(in, &pid, sizeof(pid)))));
		/* Wait until the child is where it is to be. */
		return info_of(fd).attributes == PROCFD_ATTR_QUIET ? 0 : 1;
	});
	pid_t pid = 0;

	if (maker.wait() != 0)
		return 1;
	if (read(out, &pid, sizeof(pid)) != sizeof(pid))
		return 2;
	orphan.open();
	if (plain_wait(-1) != 7 << 8)
		return 3;
	/* No zombie is left. */
	if (kill(pid, 0) == 0 || errno != ESRCH)
		return 4;
	return plain_wait(-1) == -ECHILD ? 0 : 5;
}

int exit_as_an_orphan(const gate &orphan)
{
	return orphan.pass() ? 7 : 99;
}

/* exec's probe must not make it quiet again. */
int exec_as_an_orphan(const gate &orphan)
{
	if (!orphan.pass())
		return 99;
	execl("/bin/sh", "sh", "-c", "exit 7", nullptr);
	return 99;
}

TEST(quiet_orphan, can_be_waited_for_by_a_subreaper)
{
	child c = start_without_descriptor([] {
		must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 1)));
		return adopt(exit_as_an_orphan);
	});

	EXPECT_EQ(0, c.wait());
}

TEST(quiet_orphan, that_execs_can_be_waited_for_by_a_subreaper)
{
	child c = start_without_descriptor([] {
		must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 1)));
		return adopt(exec_as_an_orphan);
	});

	EXPECT_EQ(0, c.wait());
}

int exit_code(child &&c)
{
	const int status = c.wait();

	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* Its init is pid 1 to those inside. */
template <typename F>
int in_new_pid_namespace(F body)
{
	return exit_code(start_without_descriptor([&body] {
		must(or_errno(unshare(CLONE_NEWPID)));
		return exit_code(start_without_descriptor(
			[&body] { return getpid() == 1 ? body() : 98; }));
	}));
}

TEST(quiet_orphan, can_be_waited_for_by_init)
{
	EXPECT_EQ(0, in_new_pid_namespace(
			     [] { return adopt(exit_as_an_orphan); }));
}

TEST(quiet_orphan, that_execs_can_be_waited_for_by_init)
{
	EXPECT_EQ(0, in_new_pid_namespace(
			     [] { return adopt(exec_as_an_orphan); }));
}

/* The one of this system, whichever program that is. */
TEST(quiet_orphan, is_reaped_by_the_real_init)
{
	signal_pipe ready;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));

	child maker = start_without_descriptor([&] {
		unique_fd fd(must(announce(PROCFD_QUIET)));
		pid_t pid = must(or_errno(fork()));

		if (!pid) {
			fd.reset();
			return exec_sleep(ready.end());
		}
		send_fd(sockets[1], fd);
		return 0;
	});
	unique_fd fd(recv_fd(sockets[0]));

	EXPECT_EQ(0, maker.wait());
	EXPECT_TRUE(ready.came());
	close(sockets[0]);
	close(sockets[1]);

	EXPECT_EQ(4, write_to(fd, "KILL"));
	EXPECT_EQ(POLLHUP, poll_over(fd));
	EXPECT_TRUE(eventually(
		[&fd] { return info_of(fd).attributes & PROCFD_ATTR_REAPED; }));
}

TEST(quiet_orphan, whose_maker_dies_after_it_is_reaped_by_the_next)
{
	child c = start_without_descriptor([] {
		must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 1)));

		/* A quiet zombie, forgotten. */
		child maker = start_without_descriptor([] {
			start_zombie(7).forget();
			child quiet = start([] { return 7; }, PROCFD_QUIET);

			quiet.forget();
			return poll_over(quiet.fd) == POLLHUP ? 0 : 1;
		});

		if (maker.wait() != 0)
			return 1;

		/* The kernel reaps it, or it is ours now. */
		int count = 0;

		while (plain_wait(-1) == 7 << 8)
			count++;
		return count == (kernel_reaps() ? 1 : 2) ? 0 : 2;
	});

	EXPECT_EQ(0, c.wait());
}

/* The parent is the same process and another program. */

int exec_wait(pid_t pid)
{
	hold_sigchld();
	execl("/proc/self/exe", "quiet_test", "--wait",
	      std::to_string(pid).c_str(), nullptr);
	return 99;
}

TEST(quiet_parent_that_execs, can_wait_for_its_child)
{
	child parent = start_without_descriptor([] {
		child c = start_sleeper(PROCFD_QUIET);

		return exec_wait(c.forget());
	});

	EXPECT_EQ(SIGTERM << 8, parent.wait());
}

TEST(quiet_parent_that_execs, can_wait_for_a_child_that_has_execed_before)
{
	child parent = start_without_descriptor([] {
		child c = make_execed();

		return exec_wait(c.forget());
	});

	EXPECT_EQ(SIGTERM << 8, parent.wait());
}

/* The child execs when its parent has become another program. */
TEST(quiet_parent_that_execs, can_wait_for_a_child_that_execs_after)
{
	child parent = start_without_descriptor([] {
		const pid_t parent = getpid();
		gate is_blocked;
		child c = start(
			[parent, &is_blocked] {
				sigset_t term;

				/* The parent sends it when it has exec'd. */
				sigemptyset(&term);
				sigaddset(&term, SIGTERM);
				sigprocmask(SIG_BLOCK, &term, nullptr);
				is_blocked.open();
				eventually([parent] {
					return slurp("/proc/" +
						     std::to_string(parent) +
						     "/cmdline")
						       .find("--wait") !=
					       std::string::npos;
				});
				execl("/bin/sh", "sh", "-c", "kill -KILL $$",
				      nullptr);
				return 99;
			},
			PROCFD_QUIET);

		return is_blocked.pass() ? exec_wait(c.forget()) : 1;
	});

	/* By itself, and not by the SIGTERM that it blocks. */
	EXPECT_EQ(SIGKILL << 8, parent.wait());
}

/* With CLONE_PARENT the child is somebody's who did not ask. */
TEST(quiet_clone_parent, is_bound_and_not_quiet)
{
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));

	child maker = start_without_descriptor([&sockets] {
		unique_fd fd(must(announce(PROCFD_QUIET)));
		pid_t pid = pid_t(syscall(SYS_clone, CLONE_PARENT | SIGCHLD,
					  nullptr, nullptr, nullptr, nullptr));

		if (!pid)
			_exit(7);
		send_fd(sockets[1], fd);
		return info_of(fd).pid == pid ? 0 : 1;
	});
	unique_fd fd(recv_fd(sockets[0]));

	EXPECT_EQ(0, plain_wait(maker.forget()));

	procfd_info info = info_of(fd);

	EXPECT_EQ(0u, info.attributes & PROCFD_ATTR_QUIET);
	EXPECT_EQ(7 << 8, plain_wait(info.pid)) << "it is our child";
	close(sockets[0]);
	close(sockets[1]);
}

/*
 * The tests above believe what the module says of itself. Before 7.3 the bit
 * that has the kernel reap, if there is one, cannot be set without disturbing
 * another.
 */
TEST(quiet_autoreap, is_not_used_before_7_3)
{
	utsname name;
	int major, minor;

	ASSERT_EQ(0, uname(&name));
	ASSERT_EQ(2, sscanf(name.release, "%d.%d", &major, &minor));
	if (major < 7 || (major == 7 && minor < 3)) {
		EXPECT_FALSE(kernel_reaps());
	}
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
