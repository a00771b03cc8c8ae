// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel does about quiet children that procfd does not change: a quiet
 * child is told from another by its exit only.
 */
#include <gtest/gtest.h>

#include "common.h"

namespace {

/* SIGCHLD is blocked, and comes from here. */
class sigchld {
public:
	sigchld()
	{
		sigemptyset(&set_);
		sigaddset(&set_, SIGCHLD);
		must(or_errno(sigprocmask(SIG_BLOCK, &set_, nullptr)));
	}
	/* Its code, or -EAGAIN if none comes. */
	int next(int timeout_ms, pid_t pid) const
	{
		timespec time{timeout_ms / 1000, 0};
		siginfo_t info;
		int ret = or_errno(sigtimedwait(&set_, &info, &time));

		if (ret < 0)
			return ret;
		return info.si_pid == pid ? info.si_code : -ESRCH;
	}

private:
	sigset_t set_;
};

TEST(quiet_child,
     sends_SIGCHLD_when_it_is_stopped_and_continued_and_not_when_it_ends)
{
	sigchld signals;
	child c = start_sleeper(PROCFD_QUIET);

	must(or_errno(kill(c.pid, SIGSTOP)));
	EXPECT_EQ(CLD_STOPPED, signals.next(patience_ms(), c.pid));
	must(or_errno(kill(c.pid, SIGCONT)));
	EXPECT_EQ(CLD_CONTINUED, signals.next(patience_ms(), c.pid));
	must(or_errno(kill(c.pid, SIGKILL)));
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(-EAGAIN, signals.next(0, c.pid));
}

/* The process that a quiet child makes for our account, and that runs body(). */
template <typename F>
std::pair<child, int> with_a_clone(F body)
{
	int fds[2];

	must(or_errno(pipe2(fds, O_CLOEXEC)));

	unique_fd in(fds[0]), out(fds[1]);
	child c = start(
		[&] {
			int ret = or_errno(int(
				syscall(SYS_clone, CLONE_PARENT | SIGCHLD,
					nullptr, nullptr, nullptr, nullptr)));

			if (!ret)
				_exit(body());
			if (write(out, &ret, sizeof(ret)) == sizeof(ret))
				sleep_for_ever();
			return 99;
		},
		PROCFD_QUIET);
	int ret = -EIO;

	must(int(or_errno(read(in, &ret, sizeof(ret)))));
	return {std::move(c), ret};
}

TEST(quiet_child, that_clones_for_its_parent_hides_that_one_too)
{
	auto [c, ret] = with_a_clone([] { return 7; });

	if (kernel_reaps()) {
		EXPECT_EQ(-EINVAL, ret);
		return;
	}
	ASSERT_LT(0, ret);
	wait_for_zombie(ret);
	EXPECT_EQ(-ECHILD, wait_for(-1, 0)) << "of which nobody was told";
	EXPECT_EQ(7 << 8, wait_for(ret));
}

TEST(quiet_child, that_clones_for_its_parent_hides_that_one_until_it_execs)
{
	auto [c, ret] = with_a_clone([] {
		execl("/bin/busybox", "true", nullptr);
		return 99;
	});

	if (kernel_reaps()) {
		EXPECT_EQ(-EINVAL, ret);
		return;
	}
	ASSERT_LT(0, ret);
	wait_for_zombie(ret);
	EXPECT_EQ(0, wait_for(-1, 0));
}

} // namespace
