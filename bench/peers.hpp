/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls that libc has no function for, or one that does more than the
 * call: processes as the kernel makes and waits for them, for procfd and for its
 * peers alike.
 */
#ifndef PROCFD_BENCH_PEERS_HPP
#define PROCFD_BENCH_PEERS_HPP

#include <vector>

#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.h"

namespace bench {

/* fork(2) without what libc does around it, which is the same for all. */
inline pid_t raw_fork()
{
	return pid_t(must(int(or_errno(
		syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0)))));
}

/* clone3(2) that gives a pidfd. */
inline pid_t raw_fork(int *pidfd)
{
	clone_args args{};

	args.flags = CLONE_PIDFD;
	args.pidfd = std::uint64_t(std::uintptr_t(pidfd));
	args.exit_signal = SIGCHLD;
	return pid_t(
		must(int(or_errno(syscall(SYS_clone3, &args, sizeof(args))))));
}

/* Wait, and reap; the exit code. */
inline int reap(idtype_t type, int id, int options = WEXITED)
{
	siginfo_t info;

	must(or_errno(waitid(type, id_t(id), &info, options)));
	return info.si_status;
}

constexpr auto P_PIDFD_TYPE = idtype_t(3);

/* Until it has exited. */
inline void poll_exit(int fd)
{
	pollfd p{fd, POLLIN, 0};

	must(or_errno(poll(&p, 1, -1)));
}

/* So many descriptors may be open, and the table for them is there. */
inline void allow_descriptors(unsigned count)
{
	const rlimit limit{count, count};
	const int highest = int(count) - 1;

	must(or_errno(setrlimit(RLIMIT_NOFILE, &limit)));
	must(or_errno(dup2(0, highest)));
	must(or_errno(close(highest)));
}

/* procfdfs, mounted without a limit of names for as long as this lives. */
class mounted {
public:
	mounted()
	{
		must(or_errno(mkdir(path, 0755)));
		must(or_errno(
			mount("procfd", path, PROCFD_FS_TYPE, 0, "max=0")));
		dir.reset(must(or_errno(
			open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	}
	mounted(const mounted &) = delete;
	~mounted()
	{
		dir.reset();
		must(or_errno(umount(path)));
		must(or_errno(rmdir(path)));
	}

	static constexpr const char *path = "/run/procfd";
	unique_fd dir;
};

/*
 * Children that cost little, as thousands are wanted: they share everything
 * with us that they can. Each reads one byte from a pipe that all of them read,
 * one byte wakes one of them, and it exits.
 */
class crowd {
public:
	explicit crowd(unsigned most) : most_(most)
	{
		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));
		read_.reset(fds[0]);
		write_.reset(fds[1]);
		stacks_ = static_cast<char *>(mmap(
			nullptr, most * stack_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
		must(stacks_ == MAP_FAILED ? -errno : 0);
		for (unsigned i = 0; i < most; i++)
			free_.push_back(most - 1 - i);
		of_.resize(most);
	}
	crowd(const crowd &) = delete;
	~crowd() { munmap(stacks_, most_ * stack_size); }

	/* Its number; pid() has its process id. */
	unsigned start()
	{
		const unsigned slot = free_.back();

		free_.pop_back();
		of_[slot] = pid_t(must(or_errno(clone(
			body, stacks_ + (slot + 1) * stack_size,
			CLONE_VM | CLONE_FILES | CLONE_FS | SIGCHLD, this))));
		return slot;
	}
	pid_t pid(unsigned slot) const { return of_[slot]; }
	/* It was reaped; its stack may be used again. */
	void gone(unsigned slot) { free_.push_back(slot); }

	/* Any one of them exits. */
	void end_one() const { must(int(or_errno(write(write_, "", 1)))); }

private:
	static constexpr std::size_t stack_size = 4096;

	/* No function of libc here: its data are the parent's. */
	static int body(void *self)
	{
		const crowd *c = static_cast<crowd *>(self);
		char byte;

		syscall(SYS_read, c->read_.operator int(), &byte, 1);
		syscall(SYS_exit_group, 0);
		return 0;
	}

	unsigned most_;
	unique_fd read_, write_;
	char *stacks_;
	std::vector<unsigned> free_;
	std::vector<pid_t> of_;
};

} // namespace bench

#endif /* PROCFD_BENCH_PEERS_HPP */
