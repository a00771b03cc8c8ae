// SPDX-License-Identifier: GPL-2.0-only
/*
 * userlib/examples/pdfork.h does for a program of FreeBSD what its first comment says.
 * Compiled as C++ here; pd_run.c compiles it as C, and example_c_test runs that.
 */
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/vfs.h>

#include "common.h"
#include "pdfork.h"

namespace {

/* How many descriptors of processes this process has. */
int process_descriptors()
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++) {
		struct statfs fs;

		count += fstatfs(fd, &fs) == 0 && fs.f_type == PROCFD_FS_MAGIC;
	}
	return count;
}

/* A child of pdfork() that runs body(); its descriptor is closed with the object. */
class pd_child {
public:
	template <typename F>
	pd_child(int flags, F body)
	{
		int number = -1;

		pid = must(or_errno(pdfork(&number, flags)));
		if (pid == 0) {
			die_with_parent();
			_exit(body());
		}
		fd.reset(number);
	}
	~pd_child()
	{
		if (fd < 0)
			return;
		pdkill(fd, SIGKILL); /* unless it has ended */
		pdwait(fd, nullptr, WEXITED, nullptr, nullptr);
	}

	unique_fd fd;
	pid_t pid;
};

int forever()
{
	for (;;)
		pause();
}

/* What a call says: 0 or -errno. */
template <typename F>
int said(F call)
{
	return or_errno(call());
}

int wait_said(int fd, int *status = nullptr, int options = WEXITED)
{
	return said(
		[=] { return pdwait(fd, status, options, nullptr, nullptr); });
}

TEST(pdfork, gives_the_child_and_its_descriptor)
{
	pd_child c(0, [] { return 42; });
	struct procfd_query query = {};
	struct __wrusage usage;
	siginfo_t info;
	int status;

	ASSERT_EQ(0, said([&] {
			  return pdwait(c.fd, &status, WEXITED, &usage, &info);
		  }));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	EXPECT_EQ(SIGCHLD, info.si_signo);
	EXPECT_EQ(CLD_EXITED, info.si_code);
	/* Where the kernel reaps the child, its id may be gone by then. */
	ASSERT_EQ(0, ioc(device(), PROCFD_IOC_QUERY, &query));
	if (info.si_pid || !(query.features & PROCFD_FEATURE_AUTOREAP)) {
		EXPECT_EQ(c.pid, info.si_pid);
	}
	EXPECT_EQ(42, info.si_status);
	EXPECT_LT(0, usage.wru_self.ru_minflt);
	EXPECT_EQ(0, usage.wru_children.ru_minflt);
}

TEST(pdfork, leaves_the_child_without_a_copy)
{
	pd_child c(0, process_descriptors);
	int status = -1;

	ASSERT_EQ(1, process_descriptors()) << "the parent has one";
	ASSERT_EQ(0, wait_said(c.fd, &status));
	EXPECT_EQ(0, status);
}

TEST(pdfork, sets_close_on_exec_only_if_asked_to)
{
	EXPECT_EQ(0, fcntl(pd_child(0, forever).fd, F_GETFD));
	EXPECT_EQ(FD_CLOEXEC, fcntl(pd_child(PD_CLOEXEC, forever).fd, F_GETFD));
}

TEST(pdfork, refuses_other_flags)
{
	int fd = -1;

	EXPECT_EQ(-EINVAL, said([&] { return pdfork(&fd, 2); }));
	EXPECT_EQ(-1, fd);
}

TEST(pdfork, that_fails_leaves_nothing)
{
	rlimit before, low;
	int fd = -1;

	device();
	must(or_errno(getrlimit(RLIMIT_NOFILE, &before)));
	low = before;
	unique_fd next(must(or_errno(dup(0))));
	low.rlim_cur = rlim_t(next) + 1; /* room for the device alone */
	next.reset();
	must(or_errno(setrlimit(RLIMIT_NOFILE, &low)));

	int ret = said([&] { return pdfork(&fd, 0); });

	must(or_errno(setrlimit(RLIMIT_NOFILE, &before)));
	EXPECT_EQ(-EMFILE, ret);
	EXPECT_EQ(-1, fd);
	EXPECT_EQ(-ENOENT, cancel()) << "nothing is announced";
	EXPECT_EQ(-ECHILD, wait_for(-1));
}

TEST(pdfork, sends_no_SIGCHLD_and_is_not_taken_by_other_waits)
{
	sigset_t set;
	timespec at_once{};

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(or_errno(sigprocmask(SIG_BLOCK, &set, nullptr)));

	pd_child c(0, [] { return 0; });

	ASSERT_TRUE(poll_over(c.fd) & POLLHUP);
	EXPECT_EQ(-ECHILD, wait_for(-1, 0));
	EXPECT_EQ(0, wait_said(c.fd));
	EXPECT_EQ(-EAGAIN,
		  said([&] { return sigtimedwait(&set, nullptr, &at_once); }));
}

TEST(pdfork, kills_with_the_last_close)
{
	int fds[2];

	must(or_errno(pipe2(fds, O_CLOEXEC)));

	unique_fd in(fds[0]), out(fds[1]);
	pd_child c(0, forever);
	unique_fd copy(must(or_errno(dup(c.fd))));

	/* The child has the other end, which hangs up with it. */
	out.reset();
	c.fd.reset();
	EXPECT_EQ(0, poll_for(in, 0, 0)) << "there is a copy";
	copy.reset();
	ASSERT_EQ(POLLHUP, poll_over(in));
	wait_for(c.pid);
}

TEST(pdfork, of_a_daemon_does_not)
{
	gate go;
	pd_child c(PD_DAEMON, [&] { return go.pass() ? 7 : 99; });
	unique_fd other(must(open_process(c.pid)));
	int status = 0;

	c.fd.reset();
	go.open();
	EXPECT_EQ(0, wait_said(other, &status));
	EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
}

TEST(pdgetpid, is_what_pdfork_returned)
{
	pd_child c(0, forever);
	pid_t pid = -1;

	EXPECT_EQ(0, said([&] { return pdgetpid(c.fd, &pid); }));
	EXPECT_EQ(c.pid, pid);
}

TEST(pdkill, sends_any_signal_there_is)
{
	for (int signum : {SIGTERM, 9, 13, 34, 64}) {
		pd_child c(0, forever);
		int status = 0;

		EXPECT_EQ(0, said([&] { return pdkill(c.fd, 0); }));
		EXPECT_EQ(0, said([&] { return pdkill(c.fd, signum); }));
		EXPECT_EQ(0, wait_said(c.fd, &status));
		EXPECT_EQ(signum, WTERMSIG(status));
	}
}

TEST(pdkill, refuses_what_is_no_signal)
{
	pd_child c(0, forever);

	for (int signum : {-1, 65, 1000})
		EXPECT_EQ(-EINVAL, said([&] { return pdkill(c.fd, signum); }));
	EXPECT_EQ(0, said([&] { return pdkill(c.fd, 0); }));
}

TEST(pdkill, is_ESRCH_from_the_exit_on)
{
	pd_child c(0, [] { return 0; });

	ASSERT_TRUE(poll_over(c.fd) & POLLHUP);
	EXPECT_EQ(-ESRCH, said([&] { return pdkill(c.fd, SIGTERM); }));
}

TEST(pd_calls, refuse_what_is_no_process_and_write_nothing_to_it)
{
	unique_fd file(must(or_errno(memfd_create("file", MFD_CLOEXEC))));
	pid_t pid;

	EXPECT_EQ(-EINVAL, said([&] { return pdkill(file, SIGTERM); }));
	EXPECT_EQ(0, lseek(file, 0, SEEK_END));
	EXPECT_EQ(-EINVAL, said([&] { return pdgetpid(file, &pid); }));
	EXPECT_EQ(-EINVAL, wait_said(file));
	EXPECT_EQ(-EBADF, said([&] { return pdkill(-1, SIGTERM); }));
	EXPECT_EQ(-EBADF, said([&] { return pdgetpid(-1, &pid); }));
	EXPECT_EQ(-EBADF, wait_said(-1));
}

TEST(pdwait, waits)
{
	gate go;
	pd_child c(0, [&] { return go.pass() ? 7 : 99; });
	pd_child opener(0, [&] {
		if (!sleeps_in(getppid(), getppid(), SYS_ioctl))
			return 99;
		go.open();
		return 0;
	});
	int status = 0;

	EXPECT_EQ(0, wait_said(c.fd, &status));
	EXPECT_EQ(7, WEXITSTATUS(status));
}

TEST(pdwait, with_WNOHANG_does_not_wait)
{
	pd_child c(0, forever);
	int status = 1234;

	EXPECT_EQ(-EWOULDBLOCK, wait_said(c.fd, &status, WEXITED | WNOHANG));
	EXPECT_EQ(1234, status);
	EXPECT_EQ(0, said([&] { return pdkill(c.fd, SIGKILL); }));
	ASSERT_TRUE(poll_over(c.fd) & POLLHUP);
	EXPECT_EQ(0, wait_said(c.fd, &status, WEXITED | WNOHANG));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

TEST(pdwait, removes_the_zombie_and_gives_the_status_again)
{
	pd_child c(0, [] { return 7; });
	int status = 0;

	ASSERT_TRUE(poll_over(c.fd) & POLLHUP);
	EXPECT_EQ(0, wait_said(c.fd));
	EXPECT_TRUE(info_of(c.fd).attributes & PROCFD_ATTR_REAPED);
	EXPECT_EQ(-ECHILD, wait_for(c.pid));
	EXPECT_EQ(0, wait_said(c.fd, &status));
	EXPECT_EQ(7, WEXITSTATUS(status));
}

TEST(pdwait, of_another_holder_leaves_the_zombie)
{
	pd_child c(0, [] { return 7; });

	ASSERT_TRUE(poll_over(c.fd) & POLLHUP);

	int status = 0, number = c.fd;
	pd_child other(0, [number] {
		int s = 0;

		return wait_said(number, &s) == 0 && WEXITSTATUS(s) == 7 ? 0 :
									   1;
	});

	EXPECT_EQ(0, wait_said(other.fd, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(kernel_reaps(),
		  (info_of(c.fd).attributes & PROCFD_ATTR_REAPED) != 0);
}

TEST(pdwait, refuses_options_that_it_does_not_know)
{
	pd_child c(0, [] { return 0; });

	for (int options : {0, WNOHANG, WEXITED | WUNTRACED, -1})
		EXPECT_EQ(-EINVAL, wait_said(c.fd, nullptr, options))
			<< options;
}

} // namespace
