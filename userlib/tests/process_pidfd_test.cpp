// SPDX-License-Identifier: MIT
#include <sched.h>
#include <sys/syscall.h>

#include "common.hpp"

using procfd::process;
using procfd::unique_fd;

class process_pidfd : public with_names {
protected:
	static unique_fd pidfd_open(pid_t pid)
	{
		return unique_fd(
			static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
	}
	/// \return  a child that the library knows nothing of, and its pidfd
	static std::pair<pid_t, unique_fd> plain_child()
	{
		pid_t pid = ::fork();

		if (pid == 0) {
			::prctl(PR_SET_PDEATHSIG, SIGKILL);
			::_exit(stay());
		}
		return {pid, pidfd_open(pid)};
	}
};

TEST_F(process_pidfd, opens_the_process_of_a_pidfd)
{
	auto [pid, pidfd] = plain_child();
	auto before = open_descriptors();
	auto p = process::from_pidfd(pidfd.get());

	ASSERT_OK(p);
	EXPECT_EQ(pid, p->info()->pid);
	EXPECT_EQ(before + 1, open_descriptors());
	EXPECT_OK(p->signal(SIGTERM));
	EXPECT_EQ(SIGTERM, p->wait()->signal());
	EXPECT_EQ(0, ::fcntl(p->native_handle(), F_GETFL) & O_NONBLOCK);
}

TEST_F(process_pidfd, flags_and_device_are_those_given)
{
	auto dev = procfd::device::open();
	auto self = pidfd_open(::getpid());
	auto p = process::from_pidfd(*dev, self.get(),
				     procfd::open_flags::nonblock);

	ASSERT_OK(p);
	EXPECT_EQ(::getpid(), p->info()->pid);
	EXPECT_NE(0, ::fcntl(p->native_handle(), F_GETFL) & O_NONBLOCK);
}

TEST_F(process_pidfd, opens_a_zombie_but_not_what_was_reaped)
{
	auto [pid, pidfd] = plain_child();
	auto before = open_descriptors();
	siginfo_t ignored;

	ASSERT_EQ(0, ::kill(pid, SIGKILL));
	ASSERT_EQ(0, ::waitid(P_PID, static_cast<id_t>(pid), &ignored,
			      WEXITED | WNOWAIT));
	EXPECT_EQ(
		SIGKILL,
		process::from_pidfd(pidfd.get())->try_wait()->value().signal());
	EXPECT_EQ(ECHILD, any_child());
	EXPECT_ERROR(ESRCH, process::from_pidfd(pidfd.get()));
	EXPECT_EQ(before, open_descriptors());
}

TEST_F(process_pidfd, what_is_no_pidfd_is_refused)
{
	auto self = process::self();
	unique_fd proc(::open("/proc/self", O_RDONLY | O_CLOEXEC));

	EXPECT_ERROR(EBADF, process::from_pidfd(-1));
	EXPECT_ERROR(EBADF, process::from_pidfd(999));
	EXPECT_ERROR(EBADF, process::from_pidfd(proc.get()));
	EXPECT_ERROR(EBADF, process::from_pidfd(self->native_handle()));
}

TEST_F(process_pidfd, another_of_the_same_number_is_not_taken_for_it)
{
	// In a pid namespace, with the outer /proc: the pidfd's number, 1, is there
	// the number of the innocent process itself
	auto outer = pidfd_open(1);
	auto c = child([&] {
		if (::unshare(CLONE_NEWPID) < 0)
			return 1;

		auto inner = child([&] {
			if (::getpid() != 1)
				return 2;

			auto p = process::from_pidfd(outer.get());

			if (p || p.error() != std::errc::no_such_process)
				return 3;
			return 0;
		});

		return inner.wait()->exit_code().value_or(4);
	});

	ASSERT_TRUE(outer);
	EXPECT_EQ("exited 0", c.wait()->str());
}

TEST_F(process_pidfd, gives_a_pidfd_that_waits_for_the_process)
{
	auto c = child([] { return 6; });
	auto before = open_descriptors();
	auto pidfd = c.to_pidfd();
	siginfo_t info{};

	ASSERT_OK(pidfd);
	EXPECT_EQ(before + 1, open_descriptors());
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(pidfd->get(), F_GETFD));
	ASSERT_EQ(0, ::waitid(P_PIDFD, static_cast<id_t>(pidfd->get()), &info,
			      WEXITED));
	EXPECT_EQ(6, info.si_status);
	EXPECT_ERROR(ESRCH, c.to_pidfd()); // reaped
	EXPECT_EQ(6, c.wait()->exit_code());
}

TEST_F(process_pidfd, and_back_is_the_same_process)
{
	auto c = child(stay);
	auto again = process::from_pidfd(c.to_pidfd()->get());

	ASSERT_OK(again);
	EXPECT_EQ(c.info()->id, again->info()->id);
	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_OK(c.wait());
}

TEST_F(process_pidfd, needs_the_right_to_watch)
{
	auto c = child(stay);

	ASSERT_OK(c.link(at("name")));

	auto blind = process::from_name(at("name"), procfd::access::signal);

	ASSERT_OK(blind);
	EXPECT_ERROR(EBADF, blind->to_pidfd());
	EXPECT_ERROR(EBADF, process().to_pidfd());
	EXPECT_OK(blind->signal(SIGKILL));
	EXPECT_OK(c.wait());
}
