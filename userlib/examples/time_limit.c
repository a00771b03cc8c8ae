// SPDX-License-Identifier: MIT
/*
 * Run a command for some seconds at most, as timeout(1) does, with nothing but
 * the binary interface: fork, poll, signal and read, in plain C11.
 *
 *	time-limit SECONDS COMMAND [ARG...]
 *
 * Prints the exit record. Exits as the command did, with 128 + n if signal n
 * ended it, 124 if the time was up, 125 if something else was wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <procfd/uapi.h>

#define FAILED 125
#define SECONDS_MAX (INT_MAX / 1000)	/* poll(2) counts milliseconds in an int */

/* Return: the number, or 0 if it is none of 1 to SECONDS_MAX. */
static int seconds_of(const char *text)
{
	char *end;
	long seconds = strtol(text, &end, 10);

	if (*end || seconds < 1 || seconds > SECONDS_MAX)
		return 0;
	return (int)seconds;
}

/*
 * fork(2) with a descriptor. All signals are blocked for the time between the
 * announcement and the fork, since a handler that forks would take it away.
 *
 * Return: as fork(2); the parent's *fd is the child's descriptor.
 */
static pid_t fork_with_descriptor(int device, int *fd)
{
	struct procfd_fork announcement = { .flags = 0 };
	struct procfd_info info = { .mask = PROCFD_INFO_IDS };
	sigset_t all, before;
	pid_t pid = -1;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	*fd = ioctl(device, PROCFD_IOC_FORK, &announcement);
	if (*fd >= 0) {
		pid = fork();
		if (pid < 0) {
			ioctl(device, PROCFD_IOC_CANCEL, 0);
			close(*fd);
		}
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid <= 0)
		return pid;

	/* A fork handler could have made a child first: is this the one? */
	if (ioctl(*fd, PROCFD_IOC_INFO, &info) == 0 && info.pid == pid)
		return pid;
	close(*fd);
	kill(pid, SIGKILL);	/* not yet waited for, so it is ours */
	waitpid(pid, NULL, 0);
	errno = ECHILD;
	return -1;
}

int main(int argc, char **argv)
{
	char record[PROCFD_RECORD_MAX + 1];
	int seconds, device, fd, code, timed_out;
	struct pollfd exited = { .events = POLLIN };
	ssize_t length;
	pid_t pid;

	if (argc < 3) {
		fputs("usage: time-limit SECONDS COMMAND [ARG...]\n", stderr);
		return FAILED;
	}
	seconds = seconds_of(argv[1]);
	if (!seconds) {
		fprintf(stderr, "time-limit: %s: not 1 to %d seconds\n",
			argv[1], SECONDS_MAX);
		return FAILED;
	}
	device = open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0) {
		perror(PROCFD_DEVICE);
		return FAILED;
	}

	pid = fork_with_descriptor(device, &fd);
	if (pid < 0) {
		perror("fork");
		return FAILED;
	}
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}

	/* Readable: it has exited. No handler, no SIGCHLD. */
	exited.fd = fd;
	timed_out = poll(&exited, 1, seconds * 1000) == 0;
	/* Writing sends signals: names or numbers. ESRCH: it just ended. */
	if (timed_out && write(fd, "TERM", 4) < 0 && errno != ESRCH)
		perror("TERM");

	/* Reading waits, and gives the record. The zombie is for its parent. */
	length = read(fd, record, PROCFD_RECORD_MAX);
	if (length < 0) {
		perror("read");
		return FAILED;
	}
	record[length] = '\0';
	fputs(record, stdout);
	waitpid(pid, NULL, 0);

	if (timed_out)
		return 124;
	if (sscanf(record, "exited %d", &code) == 1)
		return code;
	if (sscanf(record, "%*s %d", &code) == 1)
		return 128 + code;
	return FAILED;
}
