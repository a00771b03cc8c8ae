// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quiet children whose parent is gone, or another program: nobody is left with a
 * child that it cannot wait for.
 */
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "quiet.h"

namespace {

/*
 * This program as another one: `--wait PID` has become the program of the parent
 * of PID: it sends SIGTERM, is told by SIGCHLD, waits for any child, and says of
 * what that died.
 */
__attribute__((constructor)) void wait_as_told(int argc, char **argv)
{
	if (argc != 3 || std::string_view(argv[1]) != "--wait")
		return;

	const timespec patience = {patience_ms() / 1000, 0};
	sigset_t set;

	kill(atoi(argv[2]), SIGTERM);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD); /* blocked across the exec */
	if (sigtimedwait(&set, nullptr, &patience) != SIGCHLD)
		_exit(97);

	const int status = plain_wait(-1);

	_exit(status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 99);
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

} // namespace
