// SPDX-License-Identifier: GPL-2.0-only
/*
 * For unload_test.sh, what a shell cannot do:
 *
 *	helper_unload hold WHAT		holds the module by one thing and says so,
 *					until its input ends
 *	helper_unload forks		forks and exits, with or without a module,
 *					until it is killed
 *	helper_unload burst		uses the module in every way for a moment
 */
#include <string_view>

#include "common.h"

/* A new one each time: it must not be kept open. */
static unique_fd open_device()
{
	return unique_fd(or_errno(open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC)));
}

static int hold(std::string_view what)
{
	unique_fd dev(must(open_device().release())), fd;
	procfd_fork fork_args{};
	procfd_open open_args{};
	char byte;

	die_with_parent();
	if (what == "descriptor") {
		fd.reset(must(ioc(dev, PROCFD_IOC_OPEN, &open_args)));
	} else if (what == "pending") {
		fd.reset(must(ioc(dev, PROCFD_IOC_FORK, &fork_args)));
	} else if (what == "quiet") {
		fork_args.flags = PROCFD_QUIET;
		fd.reset(must(ioc(dev, PROCFD_IOC_FORK, &fork_args)));
		if (!must(or_errno(fork()))) {
			die_with_parent();
			fd.reset();
			dev.reset();
			sleep_for_ever();
		}
		fd.reset();
	} else if (what == "name") {
		unique_fd directory(
			must(or_errno(open("names", O_PATH | O_DIRECTORY))));
		procfd_flink link_args{};

		fd.reset(must(ioc(dev, PROCFD_IOC_OPEN, &open_args)));
		link_args.fd = fd;
		link_args.dirfd = directory;
		link_args.name = std::uintptr_t("name");
		must(ioc(dev, PROCFD_IOC_FLINK, &link_args));
		fd.reset();
	} else if (what != "device") {
		return 2;
	}
	if (what != "device")
		dev.reset();
	puts("held");
	fflush(stdout);
	return int(read(STDIN_FILENO, &byte, 1));
}

static int forks()
{
	die_with_parent();
	for (;;) {
		pid_t pid = must(or_errno(fork()));

		if (!pid)
			_exit(0);
		wait_for(pid);
	}
}

static int burst()
{
	for (int n = 0; n < 20; n++) {
		unique_fd dev = open_device();
		procfd_fork fork_args{};
		procfd_open open_args{};

		if (dev < 0)
			return 0; /* unloaded */
		open_args.pid = getppid();

		unique_fd parent(ioc(dev, PROCFD_IOC_OPEN, &open_args));

		fork_args.flags = (n & 1 ? PROCFD_QUIET : 0) |
				  (n & 2 ? PROCFD_KILL_ON_CLOSE : 0);

		unique_fd fd(ioc(dev, PROCFD_IOC_FORK, &fork_args));
		pid_t pid = must(or_errno(fork()));

		if (!pid)
			_exit(0);
		write_to(fd, "0");
		if (n & 4)
			poll_over(fd);
		fd.reset();
		wait_for(pid);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const std::string_view what = argc > 1 ? argv[1] : "";

	if (what == "hold" && argc == 3)
		return hold(argv[2]);
	if (what == "forks")
		return forks();
	if (what == "burst")
		return burst();
	return 2;
}
