/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of quiet children share: ordinary waits, and children that exec. */
#ifndef QUIET_H
#define QUIET_H

#include <string>
#include <string_view>

#include "common.h"

/* Wait as a program does that knows nothing of procfd: no __WALL. */
inline int plain_wait(pid_t pid, int options = 0)
{
	return wait_for(pid, options);
}

/* Blocked, so that what came is still there to be seen. */
inline void hold_sigchld()
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(or_errno(sigprocmask(SIG_BLOCK, &set, nullptr)));
}

/* This program as another one: `--sleep FD` tells FD that it is there. */
__attribute__((constructor)) static void sleep_as_told(int argc, char **argv)
{
	if (argc != 3 || std::string_view(argv[1]) != "--sleep")
		return;
	if (write(atoi(argv[2]), "", 1) != 1)
		_exit(98);
	for (;;)
		pause();
}

/* Become a program that sleeps. Its caller stays in touch through a pipe. */
inline int exec_sleep(int ready)
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

/* Quiet, and another program by now. */
inline child make_execed()
{
	signal_pipe ready;
	child c = start([&ready] { return exec_sleep(ready.end()); },
			PROCFD_QUIET);

	must(ready.came() ? 0 : -ETIMEDOUT);
	return c;
}

#endif /* QUIET_H */
