// SPDX-License-Identifier: GPL-2.0-only
// Making a child, and learning how it ended.
#include "bench.hpp"
#include "peers.hpp"

#include <procfd/procfd.hpp>

#include <spawn.h>

namespace bench {

namespace {

constexpr int exit_code = 7;
constexpr const char *noop = "/bin/noop";

void expect_code(int code)
{
	must(code == exit_code ? 0 : -EPROTO);
}

/*
 * One after the other, each from the fork to its last trace; what the kernel
 * frees late, and the timer's interrupts, are in it for all alike.
 */
template <typename F>
subject life(const char *name, F body, reach wanted = {})
{
	return {name, [body](unsigned count) { return repeat(count, body); },
		wanted};
}

pid_t fork_and_exit()
{
	const pid_t pid = raw_fork();

	if (!pid)
		_exit(exit_code);
	return pid;
}

void by_procfd(std::uint32_t flags, int wait_options)
{
	const unique_fd fd(must(announce(flags)));
	const pid_t pid = fork_and_exit();

	poll_exit(fd);
	expect_code(reap(P_PID, pid, WEXITED | wait_options));
}

void by_procfd_info()
{
	const unique_fd fd(must(announce()));
	const pid_t pid = fork_and_exit();
	procfd_info info{};

	poll_exit(fd);
	info.mask = PROCFD_INFO_STATUS;
	must(ioc(fd, PROCFD_IOC_INFO, &info));
	expect_code(WEXITSTATUS(info.status));
	reap(P_PID, pid);
}

void by_pidfd_open()
{
	const unique_fd fd(must(sys_pidfd_open(fork_and_exit())));

	poll_exit(fd);
	expect_code(reap(P_PIDFD_TYPE, fd));
}

void by_clone_pidfd()
{
	int pidfd;

	if (!raw_fork(&pidfd))
		_exit(exit_code);

	const unique_fd fd(pidfd);

	poll_exit(fd);
	expect_code(reap(P_PIDFD_TYPE, fd));
}

/* The old way for who must not block in a wait. */
class self_pipe {
public:
	self_pipe()
	{
		struct sigaction action {};

		must(or_errno(pipe2(ends_, O_CLOEXEC | O_NONBLOCK)));
		action.sa_handler = [](int) {
			const int saved = errno;

			must(int(or_errno(write(ends_[1], "", 1))));
			errno = saved;
		};
		action.sa_flags = SA_RESTART | SA_NOCLDSTOP;
		must(or_errno(sigaction(SIGCHLD, &action, &before_)));
	}
	~self_pipe()
	{
		sigaction(SIGCHLD, &before_, nullptr);
		close(ends_[0]);
		close(ends_[1]);
	}

	void life() const
	{
		const pid_t pid = fork_and_exit();
		pollfd p{ends_[0], POLLIN, 0};
		char byte;

		while (poll(&p, 1, -1) < 0)
			must(errno == EINTR ? 0 : -errno);
		must(int(or_errno(read(ends_[0], &byte, 1))));
		expect_code(reap(P_PID, pid, WEXITED | WNOHANG));
	}

private:
	static inline int ends_[2];
	struct sigaction before_;
};

subject by_self_pipe(reach wanted)
{
	return {"fork, SIGCHLD to a pipe, poll, read, waitid",
		[](unsigned count) {
			const self_pipe pipe;

			return repeat(count, [&] { pipe.life(); });
		},
		wanted};
}

void fork_cases()
{
	compare("fork, poll, status, reap, close", 100,
		{life("FORK, fork, poll, waitid, close",
		      [] { by_procfd(0, 0); }),
		 life("fork, pidfd_open, poll, waitid, close", by_pidfd_open,
		      1.00),
		 life("clone3(CLONE_PIDFD), poll, waitid, close",
		      by_clone_pidfd, 1.02),
		 by_self_pipe(1.00),
		 life("FORK, fork, poll, INFO, waitid, close", by_procfd_info),
		 life("FORK(QUIET), fork, poll, waitid, close",
		      [] { by_procfd(PROCFD_QUIET, __WALL); })});

	const procfd::device dev =
		procfd::or_throw(procfd::device::open(), "open the device");

	compare("fork and wait, library", 100,
		{life("procfd::fork, wait",
		      [&] {
			      auto f = procfd::or_throw(procfd::fork(dev),
							"fork");

			      if (f.in_child())
				      _exit(exit_code);
			      poll_exit(f.child.native_handle());
			      expect_code(
				      *procfd::or_throw(f.child.wait(), "wait")
					       .exit_code());
		      }),
		 life("libc fork, pidfd_open, poll, waitid, close", [] {
			 const pid_t pid = must(or_errno(fork()));

			 if (!pid)
				 _exit(exit_code);

			 const unique_fd fd(must(sys_pidfd_open(pid)));

			 poll_exit(fd);
			 expect_code(reap(P_PIDFD_TYPE, fd));
		 })});
}

pid_t spawn_noop()
{
	char *const argv[] = {const_cast<char *>(noop), nullptr};
	pid_t pid;

	must(-posix_spawn(&pid, noop, nullptr, nullptr, argv, environ));
	return pid;
}

void spawn_cases()
{
	const procfd::device dev =
		procfd::or_throw(procfd::device::open(), "open the device");
	const subject by_pidfd = life(
		"posix_spawn, pidfd_open, waitid, close",
		[] {
			const unique_fd fd(must(sys_pidfd_open(spawn_noop())));

			reap(P_PIDFD_TYPE, fd);
		},
		1.00);
	const subject by_waitpid = life(
		"posix_spawn, waitpid", [] { must(wait_for(spawn_noop(), 0)); },
		1.02);

	compare("spawn, wait", 80,
		{life("FORK, posix_spawn, waitpid, close",
		      [] {
			      const unique_fd fd(must(announce()));

			      must(wait_for(spawn_noop(), 0));
		      }),
		 by_pidfd, by_waitpid});
	compare("spawn, wait, library", 80,
		{life("procfd::spawn, wait",
		      [&] {
			      const char *const argv[] = {noop, nullptr};
			      auto child = procfd::or_throw(
				      procfd::spawn(dev, argv), "spawn");

			      procfd::or_throw(child.wait(), "wait");
		      }),
		 by_pidfd, by_waitpid});
}

/* Children that have exited, each with both kinds of descriptor. */
class ended {
public:
	ended(unsigned count, bool reaped)
	{
		for (unsigned i = 0; i < count; i++) {
			ours.emplace_back(must(announce()));
			pids.push_back(fork_and_exit());
			pidfds.emplace_back(must(sys_pidfd_open(pids.back())));
			poll_exit(ours.back());
			if (reaped)
				reap(P_PID, pids.back());
		}
		zombies_ = !reaped;
		settle();
	}
	ended(const ended &) = delete;
	~ended()
	{
		for (pid_t pid : pids) {
			if (zombies_)
				reap(P_PID, pid);
		}
		ours.clear();
		pidfds.clear();
		settle();
	}
	/* Somebody else has. */
	void reaped() { zombies_ = false; }

	std::vector<unique_fd> ours, pidfds;
	std::vector<pid_t> pids;

private:
	bool zombies_;
};

subject by_info(bool reaped)
{
	return {reaped ? "INFO, after the reap" : "INFO", [=](unsigned count) {
			const ended all(count, reaped);

			return timed([&] {
				for (const unique_fd &fd : all.ours) {
					procfd_info info{};

					info.mask = PROCFD_INFO_STATUS;
					must(ioc(fd, PROCFD_IOC_INFO, &info));
					expect_code(WEXITSTATUS(info.status));
				}
			});
		}};
}

/* include/uapi/linux/pidfd.h of 6.15 and later, as far as it is wanted here. */
struct pidfd_info_v0 {
	std::uint64_t mask, cgroupid;
	std::uint32_t ids[11];
	std::int32_t exit_code;
};
constexpr std::uint64_t pidfd_info_exit = 1 << 3;
constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, pidfd_info_v0);

int get_pidfd_info(int pidfd, pidfd_info_v0 *info)
{
	*info = {};
	info->mask = pidfd_info_exit;

	const int ret = or_errno(ioctl(pidfd, pidfd_get_info, info));

	return ret < 0 || info->mask & pidfd_info_exit ? ret : -ENODATA;
}

void status_cases()
{
	compare("status of a zombie", 50,
		{by_info(false),
		 {"waitid(P_PIDFD, WNOWAIT)",
		  [](unsigned count) {
			  const ended all(count, false);

			  return timed([&] {
				  for (const unique_fd &fd : all.pidfds)
					  expect_code(reap(P_PIDFD_TYPE, fd,
							   WEXITED | WNOWAIT));
			  });
		  },
		  0.8},
		 {"waitid(P_PIDFD), which reaps", [](unsigned count) {
			  ended all(count, false);
			  const std::uint64_t ns = timed([&] {
				  for (const unique_fd &fd : all.pidfds)
					  expect_code(reap(P_PIDFD_TYPE, fd));
			  });

			  all.reaped();
			  return ns;
		  }}});

	const ended one(1, true);
	pidfd_info_v0 info;
	std::vector<subject> subjects = {by_info(true)};

	if (get_pidfd_info(one.pidfds[0], &info) == 0)
		subjects.push_back(
			{"PIDFD_GET_INFO, after the reap",
			 [](unsigned count) {
				 const ended all(count, true);

				 return timed([&] {
					 for (const unique_fd &fd :
					      all.pidfds) {
						 pidfd_info_v0 info;

						 must(get_pidfd_info(fd,
								     &info));
						 expect_code(WEXITSTATUS(
							 info.exit_code));
					 }
				 });
			 },
			 0.8});
	compare("status of one that was reaped", 50, subjects);
}

} // namespace

void child_cases()
{
	fork_cases();
	spawn_cases();
	status_cases();
}

} // namespace bench
