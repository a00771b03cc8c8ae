// SPDX-License-Identifier: GPL-2.0-only
/*
 * For unload_test.sh, what a shell cannot do:
 *
 *	helper_unload hold WHAT		holds the module by one thing and says so,
 *					until its input ends
 *	helper_unload forks		forks and exits, with or without a module,
 *					until it is killed
 *	helper_unload burst		uses the module for a moment: all ioctls, reads,
 *					writes and polls, a mount, names and a watch
 */
#include <string_view>

#include <sys/inotify.h>

#include "fs.h"

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

static int link_at(int dev, int fd, int directory, const char *name,
		   std::uint32_t flags)
{
	procfd_flink args{};

	args.fd = fd;
	args.dirfd = directory;
	args.name = std::uintptr_t(name);
	args.flags = flags;
	return ioc(dev, PROCFD_IOC_FLINK, &args);
}

/*
 * Names for a descriptor in a mount that goes while one is open and one is left.
 * All mounts show the same names, so those are in a directory called so. The
 * device is closed in between: the rest holds the module.
 */
static void use_names(unique_fd &dev, int fd, const std::string &where,
		      const std::string &called)
{
	must(mount_names(where));

	unique_fd root(must(open_path(where, O_PATH | O_DIRECTORY)));
	unique_fd watch(must(or_errno(inotify_init1(IN_CLOEXEC))));

	must(or_errno(mkdirat(root, called.c_str(), 0700)));
	root.reset();

	const std::string path = where + "/" + called;
	unique_fd directory(must(open_path(path, O_PATH | O_DIRECTORY)));

	must(link_at(dev, fd, directory, "one", 0));
	must(link_at(dev, fd, directory, "two", 0));
	must(link_at(dev, fd, directory, "two", PROCFD_LINK_REPLACE));
	must(or_errno(inotify_add_watch(watch, (path + "/one").c_str(),
					IN_ALL_EVENTS)));

	unique_fd name(must(open_path(path + "/one", O_RDWR)));

	dev.reset();
	write_to(name, "0");
	info_of(name);
	must(or_errno(renameat(directory, "two", directory, "three")));
	must(or_errno(unlinkat(directory, "one", 0)));
	directory.reset();
	must(or_errno(umount2(where.c_str(), MNT_DETACH)));
}

static int burst()
{
	char where[] = "burst.XXXXXX";

	must(mkdtemp(where) ? 0 : -errno);
	for (int n = 0; n < 20; n++) {
		unique_fd dev = open_device();
		procfd_fork fork_args{};
		procfd_open open_args{};

		if (dev < 0)
			break; /* unloaded */
		open_args.pid = getppid();

		unique_fd parent(ioc(dev, PROCFD_IOC_OPEN, &open_args));

		fork_args.flags = (n & 1 ? PROCFD_QUIET : 0) |
				  (n & 2 ? PROCFD_KILL_ON_CLOSE : 0);

		unique_fd fd(ioc(dev, PROCFD_IOC_FORK, &fork_args));
		if (n & 8)
			must(ioc(dev, PROCFD_IOC_CANCEL, nullptr));

		pid_t pid = must(or_errno(fork()));

		if (!pid)
			_exit(0);
		write_to(fd, "0");
		if (n & 4)
			poll_over(fd);
		fd.reset();
		wait_for(pid);
		/* Not each time: they take longer than the rest. */
		if (n % 4 == 0)
			use_names(dev, parent, where,
				  std::to_string(getpid()) + "." +
					  std::to_string(n));
		parent.reset();
		dev.reset();
		/* Nothing of ours holds the module now. */
		if (!mount_names(where))
			must(or_errno(umount(where)));
	}
	return or_errno(rmdir(where)) ? 1 : 0;
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
