// SPDX-License-Identifier: GPL-2.0-only
// Signals, and the least that any system call costs.
#include "bench.hpp"

namespace bench {

namespace {

/* A child with both descriptors that does with the signal what prepare() said. */
struct target {
	child process;
	unique_fd pidfd;
};

template <typename F>
target start_target(F prepare)
{
	gate ready;
	target t{start([&] {
			 prepare();
			 ready.open();
			 return sleep_for_ever();
		 }),
		 unique_fd()};

	must(ready.pass() ? 0 : -ETIMEDOUT);
	t.pidfd.reset(must(sys_pidfd_open(t.process.pid)));
	return t;
}

template <typename F>
subject repeated(const char *name, F body, reach wanted = {})
{
	return {name, [body](unsigned count) { return repeat(count, body); },
		wanted};
}

void send_by_pidfd(int pidfd)
{
	must(int(or_errno(
		syscall(SYS_pidfd_send_signal, pidfd, SIGHUP, nullptr, 0))));
}

void compare_sends(const char *name, const target &t)
{
	const int fd = t.process.fd, pidfd = t.pidfd;
	const pid_t pid = t.process.pid;

	compare(name, 500,
		{repeated("write a byte",
			  [=] {
				  const char byte = SIGHUP;

				  must(int(or_errno(write(fd, &byte, 1))));
			  }),
		 repeated(
			 "pidfd_send_signal", [=] { send_by_pidfd(pidfd); },
			 0.35),
		 repeated("kill", [=] { must(or_errno(kill(pid, SIGHUP))); }),
		 repeated("pidfd_open, pidfd_send_signal, close",
			  [=] {
				  const unique_fd again(
					  must(sys_pidfd_open(pid)));

				  send_by_pidfd(again);
			  }),
		 repeated("write \"HUP\\n\"", [=] {
			 must(int(or_errno(write(fd, "HUP\n", 4))));
		 })});
}

} // namespace

void signal_cases()
{
	target ignoring = start_target([] { signal(SIGHUP, SIG_IGN); });
	target blocking = start_target([] {
		sigset_t all;

		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, nullptr);
	});

	compare_sends("signal, ignored", ignoring);
	compare_sends("signal, pending", blocking);
}

void floor_cases()
{
	const unique_fd null(
		must(or_errno(open("/dev/null", O_WRONLY | O_CLOEXEC))));

	measure("floor", 1000,
		{repeated("getppid", [] { syscall(SYS_getppid); }),
		 repeated("write to /dev/null",
			  [&] { must(int(or_errno(write(null, "", 1)))); })});
}

} // namespace bench
