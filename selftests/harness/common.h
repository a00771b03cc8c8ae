/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the selftests share: system calls that answer as the kernel does, with a
 * value or -errno, and processes that end with the test. No test logic here.
 */
#ifndef PROCFD_SELFTESTS_COMMON_H
#define PROCFD_SELFTESTS_COMMON_H

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <source_location>
#include <string>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../uapi/procfd.h"

/*
 * How long anything may take that happens at once. Emulators are slow, and the
 * harness says how slow.
 */
inline int patience_ms()
{
	const char *scale = getenv("PROCFD_TIMEOUT_SCALE");

	return 20000 * (scale ? atoi(scale) : 3);
}

/* Every event that poll(2) can be asked for. */
constexpr short every_event = POLLIN | POLLPRI | POLLOUT | POLLRDNORM |
			      POLLRDBAND | POLLWRNORM | POLLWRBAND | POLLRDHUP;

template <typename T>
inline T or_errno(T ret)
{
	return ret < 0 ? T(-errno) : ret;
}

/* For what a test needs and does not test: takes -errno, ends the program. */
inline int must(int ret,
		std::source_location where = std::source_location::current())
{
	if (ret < 0) {
		fprintf(stderr, "# %s:%u: %s\n", where.file_name(),
			unsigned(where.line()), strerror(-ret));
		_exit(99);
	}
	return ret;
}

inline std::uint64_t now_ns(clockid_t clock)
{
	timespec t;

	must(or_errno(clock_gettime(clock, &t)));
	return std::uint64_t(t.tv_sec) * 1000000000 + std::uint64_t(t.tv_nsec);
}

/* Owns a descriptor, or holds the -errno that came instead. */
class unique_fd {
public:
	unique_fd() = default;
	explicit unique_fd(int fd) : fd_(fd) {}
	unique_fd(unique_fd &&other) noexcept : fd_(other.release()) {}
	unique_fd &operator=(unique_fd &&other) noexcept
	{
		reset(other.release());
		return *this;
	}
	~unique_fd() { reset(); }

	operator int() const { return fd_; }
	int release() { return std::exchange(fd_, -1); }
	void reset(int fd = -1)
	{
		if (fd_ >= 0)
			close(fd_);
		fd_ = fd;
	}

private:
	int fd_ = -1;
};

/* The ioctls. */

inline int ioc(int fd, unsigned long cmd, const void *arg)
{
	return or_errno(ioctl(fd, cmd, arg));
}

/* One open device for each process that uses it, and for its children. */
inline int device()
{
	static const int fd =
		must(or_errno(open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC)));

	return fd;
}

inline int announce(std::uint32_t flags = 0)
{
	procfd_fork args{};

	args.flags = flags;
	return ioc(device(), PROCFD_IOC_FORK, &args);
}

inline int cancel()
{
	return ioc(device(), PROCFD_IOC_CANCEL, nullptr);
}

inline int open_process(pid_t pid, std::uint32_t flags = 0)
{
	procfd_open args{};

	args.pid = pid;
	args.flags = flags;
	return ioc(device(), PROCFD_IOC_OPEN, &args);
}

inline int flink(int fd, int dirfd, const char *name, std::uint32_t flags = 0)
{
	procfd_flink args{};

	args.fd = fd;
	args.dirfd = dirfd;
	args.name = std::uint64_t(std::uintptr_t(name));
	args.flags = flags;
	return ioc(device(), PROCFD_IOC_FLINK, &args);
}

/* Everything that is known of @fd. */
inline int get_info(int fd, procfd_info *info, std::uint32_t flags = 0,
		    std::uint64_t deadline_ns = 0)
{
	*info = {};
	info->mask = ~0ULL;
	info->flags = flags;
	info->deadline_ns = deadline_ns;
	return ioc(fd, PROCFD_IOC_INFO, info);
}

inline procfd_info
info_of(int fd, std::source_location where = std::source_location::current())
{
	procfd_info info;

	must(get_info(fd, &info), where);
	return info;
}

inline int set_kill_on_close(int fd, std::uint32_t on)
{
	return ioc(fd, PROCFD_IOC_SET_KILL_ON_CLOSE, &on);
}

/* System calls. */

inline short poll_for(int fd, short events, int timeout_ms)
{
	pollfd p{fd, events, 0};
	int ret;

	do
		ret = poll(&p, 1, timeout_ms);
	while (ret < 0 && errno == EINTR);
	must(or_errno(ret));
	return p.revents;
}

inline short poll_now(int fd)
{
	return poll_for(fd, every_event, 0);
}

/* Wait until it is over: exited, dropped, or, for a pipe, without writers. */
inline short poll_over(int fd)
{
	return poll_for(fd, 0, patience_ms());
}

/* The wait status, or -errno. Takes any kind of child. */
inline int wait_for(pid_t pid, int options = __WALL)
{
	int status = 0;
	pid_t ret;

	do
		ret = waitpid(pid, &status, options);
	while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : status;
}

/* Wait until a child has exited, and leave it a zombie. */
inline void wait_for_zombie(pid_t pid)
{
	siginfo_t info;

	must(or_errno(
		waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT | __WALL)));
}

inline int sys_pidfd_open(pid_t pid)
{
	return or_errno(int(syscall(SYS_pidfd_open, pid, 0)));
}

inline pid_t sys_gettid()
{
	return pid_t(syscall(SYS_gettid));
}

inline ssize_t write_to(int fd, const std::string &bytes)
{
	return or_errno(write(fd, bytes.data(), bytes.size()));
}

/* What is left to read, to the end. */
inline std::string read_all(int fd)
{
	std::string all;
	char part[4096];
	ssize_t n;

	while ((n = must(int(or_errno(read(fd, part, sizeof(part)))))) > 0)
		all.append(part, std::size_t(n));
	return all;
}

inline std::string slurp(const std::string &path)
{
	unique_fd fd(must(or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC))));

	return read_all(fd);
}

inline void send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};
	iovec iov{&byte, 1};
	msghdr m{};
	cmsghdr *c;

	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control;
	m.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	must(int(or_errno(sendmsg(socket, &m, 0))));
}

inline int recv_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	iovec iov{&byte, 1};
	msghdr m{};
	cmsghdr *c;
	int fd;

	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control;
	m.msg_controllen = sizeof(control);
	must(int(or_errno(recvmsg(socket, &m, MSG_CMSG_CLOEXEC))));
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

/* Synchronisation: nothing sleeps, and everything ends. */

/* One side passes when the other has opened it. Works across fork and threads. */
class gate {
public:
	gate()
	{
		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));
		read_.reset(fds[0]);
		write_.reset(fds[1]);
	}
	void open() const { must(int(or_errno(write(write_, "", 1)))); }
	/* False if nobody has opened it in time. */
	bool pass() const
	{
		char byte;

		return poll_for(read_, POLLIN, patience_ms()) & POLLIN &&
		       read(read_, &byte, 1) == 1;
	}

private:
	unique_fd read_, write_;
};

/* Opened by the handler of handle_SIGUSR1(). */
inline const gate &handled()
{
	static const gate g;

	return g;
}

inline void handle_SIGUSR1(int flags)
{
	struct sigaction action {};

	handled(); /* not to be made by the handler */
	action.sa_handler = [](int) { handled().open(); };
	action.sa_flags = flags;
	must(or_errno(sigaction(SIGUSR1, &action, nullptr)));
}

/* For what has no event to wait for: look until it is so, or time is up. */
template <typename F>
inline bool eventually(F condition)
{
	const std::uint64_t end = now_ns(CLOCK_MONOTONIC) +
				  std::uint64_t(patience_ms()) * 1000000;

	while (!condition()) {
		if (now_ns(CLOCK_MONOTONIC) > end)
			return false;
		sched_yield();
	}
	return true;
}

/* Wait until thread @tid of @pid sleeps in system call @nr. */
inline bool sleeps_in(pid_t pid, pid_t tid, long nr)
{
	const std::string path = "/proc/" + std::to_string(pid) + "/task/" +
				 std::to_string(tid) + "/syscall";
	const std::string want = std::to_string(nr) + " ";

	return eventually([&] { return slurp(path).starts_with(want); });
}

/* Processes of the test. */

/* Undone by an exec of a set-uid program and by a change of credentials. */
inline void die_with_parent()
{
	must(or_errno(prctl(PR_SET_PDEATHSIG, SIGKILL)));
}

/* The process gives up root for good. */
inline void become(uid_t uid)
{
	must(or_errno(setgroups(0, nullptr)));
	must(or_errno(setresgid(uid, uid, uid)));
	must(or_errno(setresuid(uid, uid, uid)));
	die_with_parent();
}

/* A child and its descriptor; killed and reaped with the object. */
class child {
public:
	child(pid_t pid, unique_fd fd) : fd(std::move(fd)), pid(pid) {}
	child(child &&other) noexcept
		: fd(std::move(other.fd)), pid(std::exchange(other.pid, -1))
	{
	}
	child &operator=(child &&) = delete;
	~child()
	{
		if (pid > 0) {
			::kill(pid, SIGKILL);
			wait_for(pid);
		}
	}

	/* Reap it: the wait status, or -errno. */
	int wait() { return wait_for(std::exchange(pid, -1)); }
	/* Somebody else reaps it. */
	pid_t forget() { return std::exchange(pid, -1); }

	unique_fd fd;
	pid_t pid;
};

/* Run body() in a child; what it returns is the exit status. No descriptor. */
template <typename F>
inline child start_without_descriptor(F body)
{
	pid_t pid = must(or_errno(fork()));

	if (!pid) {
		die_with_parent();
		_exit(body());
	}
	return child(pid, unique_fd());
}

/* Run body() in a child that has no copy of its own descriptor. */
template <typename F>
inline child start(F body, std::uint32_t flags = 0)
{
	unique_fd fd(must(announce(flags)));
	pid_t pid = must(or_errno(fork()));

	if (!pid) {
		die_with_parent();
		fd.reset();
		_exit(body());
	}
	return child(pid, std::move(fd));
}

/* Of @count quiet children that have exited, how many are there to be reaped? */
inline int count_quiet_zombies(int count)
{
	int zombies = 0;

	for (int n = 0; n < count; n++) {
		child c = start([] { return 7; }, PROCFD_QUIET);

		must(poll_over(c.fd) & POLLHUP ? 0 : -ETIMEDOUT);
		zombies += c.wait() == 7 << 8;
	}
	return zombies;
}

/* Does the kernel reap quiet children, whoever their parent is by then? */
inline bool kernel_reaps()
{
	static const bool reaps = count_quiet_zombies(1) == 0;

	return reaps;
}

/* Runs until it is killed. */
inline int sleep_for_ever()
{
	for (;;)
		pause();
}

inline child start_sleeper(std::uint32_t flags = 0)
{
	return start(sleep_for_ever, flags);
}

/* One that has exited and is still a zombie. */
inline child start_zombie(int code = 0)
{
	child c = start([code] { return code; });

	wait_for_zombie(c.pid);
	return c;
}

/*
 * The status of a process of @uid that does @body while no file can be opened.
 * Not root: that is exempt.
 */
template <typename F>
inline int while_no_file_is_left(uid_t uid, F body)
{
	const std::string before = slurp("/proc/sys/fs/file-max");
	unique_fd max(must(or_errno(open("/proc/sys/fs/file-max", O_WRONLY))));
	gate lowered;

	device();

	child c = start_without_descriptor([&] {
		become(uid);
		return lowered.pass() ? body() : 99;
	});

	must(int(write_to(max, "0")));
	lowered.open();

	const int status = c.wait();

	must(int(or_errno(pwrite(max, before.data(), before.size(), 0))));
	return status;
}

/* A program; what it says is shown if it fails. The exit status. */
inline int run(const std::string &command)
{
	fflush(stdout);
	const int status = system((command + " >/tmp/out 2>&1").c_str());

	if (status)
		fprintf(stderr, "# %s: %d\n%s\n", command.c_str(), status,
			slurp("/tmp/out").c_str());
	return status;
}

/* An address where nothing is, and that the compiler does not know. */
inline void *bad_address()
{
	void *volatile address = reinterpret_cast<void *>(8);

	return address;
}

#endif /* PROCFD_SELFTESTS_COMMON_H */
