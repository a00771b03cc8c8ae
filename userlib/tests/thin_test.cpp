// SPDX-License-Identifier: MIT
//
// The library is thin: what each call of it asks of the kernel, seen by ptrace(2).
#include <cstring>
#include <map>

#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "common.hpp"

using procfd::process;

class thin : public with_names {
protected:
	/// What a function asks of the kernel, in a traced copy of this process.
	/// \return  the names of its system calls, each followed by a blank
	template <typename F>
	static std::string calls(F function)
	{
		pid_t pid = ::fork();

		if (pid == 0) {
			::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
			::raise(SIGSTOP);
			mark();
			function();
			mark();
			::_exit(0);
		}

		std::string all;
		int marks = 0, raw = 0;

		if (::waitpid(pid, &raw, 0) != pid || !WIFSTOPPED(raw))
			return "not traced";
		::ptrace(PTRACE_SETOPTIONS, pid, nullptr,
			 PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
		while (::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr) == 0 &&
		       ::waitpid(pid, &raw, 0) == pid && WIFSTOPPED(raw)) {
			__ptrace_syscall_info info{};

			if (WSTOPSIG(raw) != (SIGTRAP | 0x80) ||
			    ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
				     &info) < 0 ||
			    info.op != PTRACE_SYSCALL_INFO_ENTRY)
				continue;
			if (info.entry.nr == SYS_getppid)
				marks++;
			else if (marks == 1)
				all += name(info.entry.nr);
		}
		EXPECT_EQ(2, marks);
		EXPECT_TRUE(WIFEXITED(raw) && WEXITSTATUS(raw) == 0) << raw;
		return all;
	}

	static void must(bool good)
	{
		if (!good)
			::_exit(1);
	}

	/// \return  a process that has ended, reaped by its parent, us
	static process reaped()
	{
		auto c = child([] { return 3; });

		EXPECT_OK(c.wait());
		return c;
	}

private:
	static void mark() { ::syscall(SYS_getppid); }

	static std::string name(std::uint64_t number)
	{
		static const std::map<std::uint64_t, std::string> names = {
			{SYS_brk, ""}, // malloc(3) takes what it likes
			{SYS_close, "close "},
			{SYS_epoll_create1, "epoll_create1 "},
			{SYS_epoll_ctl, "epoll_ctl "},
			{SYS_epoll_pwait2, "epoll_pwait2 "},
			{SYS_fcntl, "fcntl "},
			{SYS_fstatfs, "fstatfs "},
			{SYS_ioctl, "ioctl "},
			{SYS_openat, "openat "},
			{SYS_pidfd_open, "pidfd_open "},
			{SYS_read, "read "},
			{SYS_rt_sigprocmask, "rt_sigprocmask "},
			{SYS_signalfd4, "signalfd4 "},
			{SYS_waitid, "waitid "},
			{SYS_write, "write "},
		};
		auto known = names.find(number);

		return known == names.end() ? std::to_string(number) + " " :
					      known->second;
	}
};

TEST_F(thin, the_device_is_one_ioctl_a_call)
{
	auto dev = procfd::device::open();
	auto pid = ::getpid();

	EXPECT_EQ("openat ", calls([] {
			  must(procfd::device::open()
				       .transform([](auto &&d) {
					       (void)new auto(std::move(d));
				       })
				       .has_value());
		  }));
	EXPECT_EQ("ioctl ", calls([&] { must(bool(dev->query())); }));
	EXPECT_EQ("ioctl ", calls([&] {
			  auto fd =
				  dev->announce_fork(procfd::fork_flags::none);

			  (void)fd->release();
		  }));
	EXPECT_EQ("ioctl ", calls([&] { (void)dev->cancel_fork(); }));
	EXPECT_EQ("ioctl ", calls([&] {
			  auto p = process::open(*dev, pid);

			  (void)p->release().release();
		  }));
}

TEST_F(thin, a_name_in_a_directory_that_is_open_is_one_ioctl)
{
	auto dev = procfd::device::open();
	auto c = child(stay);
	procfd::unique_fd here(::open(dir.c_str(), O_PATH | O_CLOEXEC));

	EXPECT_EQ("ioctl ", calls([&] {
			  must(bool(dev->link(c.native_handle(), here.get(),
					      "name",
					      procfd::link_flags::none)));
		  }));
	// the library opens the device and the directory where these are not
	EXPECT_EQ("openat openat ioctl close close ",
		  calls([&] { must(bool(c.link(at("other")))); }));
	// and makes sure that a name is one of a process
	EXPECT_EQ("openat ioctl fcntl ", calls([&] {
			  auto p = process::from_name_at(here.get(), "name");

			  (void)p->release().release();
		  }));
	EXPECT_OK(c.signal(SIGKILL));
	EXPECT_OK(c.wait());
}

TEST_F(thin, signal_and_info_and_all_waits_but_for_a_child_are_one_call)
{
	auto now = std::chrono::steady_clock::now(); // may be a system call
	auto c = child(stay);
	auto ended = reaped();

	EXPECT_EQ("write ", calls([&] { must(bool(c.signal(0))); }));
	EXPECT_EQ("ioctl ", calls([&] { must(bool(c.info())); }));
	EXPECT_EQ("ioctl ", calls([&] { must(bool(c.try_wait())); }));
	EXPECT_EQ("ioctl ", calls([&] { must(!c.wait_until({})); }));
	EXPECT_EQ("ioctl ",
		  calls([&] { must(bool(c.set_kill_on_close(false))); }));
	EXPECT_EQ("fcntl ", calls([&] {
			  auto d = c.duplicate();

			  (void)d->release().release();
		  }));
	EXPECT_EQ("ioctl ", calls([&] { must(bool(ended.wait())); }));
	EXPECT_EQ("ioctl ", calls([&] { must(bool(ended.try_wait())); }));
	EXPECT_EQ("ioctl ", calls([&] { must(bool(ended.wait_until(now))); }));
	EXPECT_OK(c.signal(SIGKILL));

	// A zombie may be the caller's own: it is proven, and then reaped
	pid_t pid = c.info()->pid;
	siginfo_t ignored;

	ASSERT_EQ(0, ::waitid(P_PID, static_cast<id_t>(pid), &ignored,
			      WEXITED | WNOWAIT));
	EXPECT_EQ("ioctl pidfd_open ioctl waitid close ",
		  calls([&] { must(bool(c.wait())); }));
	EXPECT_OK(c.wait());
	// whether it is a quiet child that is to be reaped
	EXPECT_EQ("ioctl close ", calls([&] { c = {}; }));
}

TEST_F(thin, a_signal_stream_reads)
{
	auto s = procfd::signal_stream::open({SIGUSR1});

	ASSERT_OK(s);
	EXPECT_EQ("signalfd4 rt_sigprocmask ", calls([] {
			  auto own = procfd::signal_stream::open({SIGUSR2});

			  (void)new auto(*std::move(own));
		  }));
	EXPECT_EQ("read ", calls([&] { must(bool(s->try_read())); }));
	::kill(::getpid(), SIGUSR1);
	EXPECT_EQ(SIGUSR1, s->read()->signo);
	EXPECT_EQ("close rt_sigprocmask ", calls([&] { *s = {}; }));
}

TEST_F(thin, a_process_set_is_one_epoll_call_and_one_wait_for_each_exit)
{
	auto set = procfd::process_set::create();
	auto one = reaped(), two = reaped();
	auto running = child(stay);

	ASSERT_OK(set);
	EXPECT_EQ("epoll_ctl ",
		  calls([&] { must(bool(set->add(std::move(running), 1))); }));
	EXPECT_EQ("epoll_pwait2 ", calls([&] { must(bool(set->try_wait())); }));
	for (std::uint64_t key = 10; key < 60; key++)
		ASSERT_OK(set->add(*running.duplicate(), key));
	ASSERT_OK(set->add(std::move(one), 2));
	// the same among many
	EXPECT_EQ("epoll_pwait2 ioctl epoll_ctl ", calls([&] {
			  auto ended = set->wait();

			  must(ended && ended->size() == 1);
			  (void)ended->front().child.release().release();
		  }));
	EXPECT_OK(running.signal(SIGKILL));
	EXPECT_OK(running.wait());
}
