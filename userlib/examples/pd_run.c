// SPDX-License-Identifier: MIT
/*
 * A program for FreeBSD's process descriptors, which pdfork.h brings to Linux: run a
 * command, wait for it without SIGCHLD, and print what it used. It does not outlive
 * this program.
 *
 *	pd-run COMMAND [ARG...]
 *
 * Exits as the command did, with 128 + n if signal n ended it, 125 if something else
 * was wrong.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdlib.h>

#include "pdfork.h"

#define FAILED 125

int main(int argc, char **argv)
{
	struct pollfd ended = { .events = POLLHUP };
	struct __wrusage usage;
	int fd, status;
	pid_t pid;

	if (argc < 2) {
		fputs("usage: pd-run COMMAND [ARG...]\n", stderr);
		return FAILED;
	}
	pid = pdfork(&fd, PD_CLOEXEC);
	if (pid < 0) {
		perror("pdfork");
		return FAILED;
	}
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}

	ended.fd = fd;
	while (poll(&ended, 1, -1) < 0 && errno == EINTR)
		;
	if (pdwait(fd, &status, WEXITED, &usage, NULL) != 0) {
		perror("pdwait");
		return FAILED;
	}
	close(fd);
	fprintf(stderr, "%ld.%06ld s user, %ld.%06ld s system, %ld KiB\n",
		(long)usage.wru_self.ru_utime.tv_sec,
		(long)usage.wru_self.ru_utime.tv_usec,
		(long)usage.wru_self.ru_stime.tv_sec,
		(long)usage.wru_self.ru_stime.tv_usec, usage.wru_self.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
