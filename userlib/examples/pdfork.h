// SPDX-License-Identifier: MIT
/*
 * FreeBSD's process descriptors on procfd: pdfork, pdgetpid, pdkill and pdwait, to be
 * copied into a program that is ported. It needs nothing but the binary interface,
 * and _GNU_SOURCE defined before the first header.
 *
 * What is the same: the descriptor comes from the fork; the child has no copy of it;
 * there is no SIGCHLD for the exit, and no wait of others takes the child; the last
 * close kills it, unless PD_DAEMON; poll(2) says POLLHUP at the exit.
 *
 * What is not:
 * - poll(2) says POLLIN, too, and POLLOUT while the process runs.
 * - pdwait() gives the status to every holder, as often as they ask. Only the parent's
 *   removes the zombie; after a close without one, the zombie stays until the parent
 *   exits (not where the kernel has PROCFD_FEATURE_AUTOREAP).
 * - pdwait() knows the exit and nothing else: of its options WEXITED, which must be
 *   given, and WNOHANG. The usage of the process's children is not known (zero), nor
 *   is si_uid; nor si_pid, once the child was reaped.
 * - pdkill() is ESRCH from the exit on, not from pdwait() on.
 * - The descriptor does not keep the process id from being used again.
 * - There is no pdrfork().
 */
#ifndef PDFORK_H
#define PDFORK_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <procfd/uapi.h>

#define PD_DAEMON 0x00000001
#define PD_CLOEXEC O_CLOEXEC

#ifndef P_PIDFD
#define P_PIDFD ((idtype_t)3)
#endif

/* The name is FreeBSD's. */
struct __wrusage {
	struct rusage wru_self;
	struct rusage wru_children;
};

/* Return: 0, or -1: EINVAL for a descriptor of something else. */
static inline int pd_info(int fd, __u32 flags, struct procfd_info *info)
{
	memset(info, 0, sizeof(*info));
	info->mask = PROCFD_INFO_IDS | PROCFD_INFO_STATUS | PROCFD_INFO_RUSAGE;
	info->flags = flags;
	if (flags & PROCFD_INFO_WAIT)
		info->deadline_ns = PROCFD_DEADLINE_NONE;
	if (ioctl(fd, PROCFD_IOC_INFO, info) == 0)
		return 0;
	if (errno == ENOTTY)
		errno = EINVAL;
	return -1;
}

/*
 * fork(2) that puts a descriptor into the parent's *fdp. All signals are blocked for
 * the time between the announcement and the fork, since a handler that forks would
 * take it away.
 */
static inline pid_t pdfork(int *fdp, int pdflags)
{
	struct procfd_fork announcement;
	struct procfd_info info;
	sigset_t all, before;
	int device, fd, error;
	pid_t pid = -1;

	if (pdflags & ~(PD_DAEMON | PD_CLOEXEC)) {
		errno = EINVAL;
		return -1;
	}
	memset(&announcement, 0, sizeof(announcement));
	announcement.flags = PROCFD_QUIET;
	if (!(pdflags & PD_DAEMON))
		announcement.flags |= PROCFD_KILL_ON_CLOSE;

	device = open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	fd = ioctl(device, PROCFD_IOC_FORK, &announcement);
	error = errno;
	if (fd >= 0) {
		pid = fork();
		error = errno;
		if (pid <= 0)
			close(fd); /* which also drops the announcement */
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(device);
	if (pid <= 0) {
		errno = error;
		return pid;
	}

	/* A fork handler could have made a child first: is this the one? */
	if (pd_info(fd, 0, &info) != 0 || info.pid != pid) {
		close(fd);
		kill(pid, SIGKILL); /* not yet waited for, so it is ours */
		waitpid(pid, NULL, __WALL);
		errno = ECHILD;
		return -1;
	}
	if (!(pdflags & PD_CLOEXEC))
		fcntl(fd, F_SETFD, 0);
	*fdp = fd;
	return pid;
}

static inline int pdgetpid(int fd, pid_t *pidp)
{
	struct procfd_info info;

	if (pd_info(fd, 0, &info) != 0)
		return -1;
	*pidp = info.pid;
	return 0;
}

static inline int pdkill(int fd, int signum)
{
	struct procfd_info info;
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", signum);

	/* Or else the number would be written to what is no process. */
	if (pd_info(fd, 0, &info) != 0)
		return -1;
	return write(fd, text, (size_t)length) == length ? 0 : -1;
}

/*
 * Remove the zombie, if the caller is its parent. Not by its bare id: what is not
 * reaped after the pidfd was made still had that id then, so the pidfd is of it.
 */
static inline void pd_reap(int fd, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct procfd_info info;
	siginfo_t unused;

	if (pidfd < 0)
		return;
	if (pd_info(fd, 0, &info) == 0 &&
	    !(info.attributes & PROCFD_ATTR_REAPED))
		waitid(P_PIDFD, (id_t)pidfd, &unused,
		       WEXITED | WNOHANG | __WALL);
	close(pidfd);
}

static inline struct timeval pd_time(__u64 usec)
{
	struct timeval time;

	time.tv_sec = (time_t)(usec / 1000000);
	time.tv_usec = (suseconds_t)(usec % 1000000);
	return time;
}

/* Return: 0; or -1, with EWOULDBLOCK for a process that runs and WNOHANG. */
static inline int pdwait(int fd, int *status, int options,
			 struct __wrusage *wrusage, siginfo_t *siginfo)
{
	struct procfd_info info;

	if (!(options & WEXITED) || options & ~(WEXITED | WNOHANG)) {
		errno = EINVAL;
		return -1;
	}
	if (pd_info(fd, options & WNOHANG ? 0 : PROCFD_INFO_WAIT, &info) != 0)
		return -1;
	if (info.state != PROCFD_STATE_EXITED) {
		errno = EWOULDBLOCK;
		return -1;
	}
	if (!(info.attributes & PROCFD_ATTR_REAPED))
		pd_reap(fd, info.pid);

	if (status)
		*status = info.status;
	if (wrusage) {
		memset(wrusage, 0, sizeof(*wrusage));
		wrusage->wru_self.ru_utime = pd_time(info.utime_usec);
		wrusage->wru_self.ru_stime = pd_time(info.stime_usec);
		wrusage->wru_self.ru_maxrss = (long)info.maxrss_kb;
		wrusage->wru_self.ru_minflt = (long)info.minflt;
		wrusage->wru_self.ru_majflt = (long)info.majflt;
	}
	if (siginfo) {
		memset(siginfo, 0, sizeof(*siginfo));
		siginfo->si_signo = SIGCHLD;
		siginfo->si_pid = info.pid;
		siginfo->si_code = WIFEXITED(info.status) ? CLD_EXITED :
				   WCOREDUMP(info.status) ? CLD_DUMPED :
							    CLD_KILLED;
		siginfo->si_status = WIFEXITED(info.status) ?
					     WEXITSTATUS(info.status) :
					     WTERMSIG(info.status);
	}
	return 0;
}

#endif
