// SPDX-License-Identifier: MIT
// Start a program under a name, unless one is running there already.
//
//     named-daemon [--replace] /run/procfd/web busybox httpd -f -p 8080
//
// With --replace it takes the name over, as a restart does.
//
// The name is taken before the fork, so that two starts at once make one daemon
// and the daemon itself sees its name. No pidfile, and no pid anywhere.
#include <cstdio>
#include <cstring>

#include <unistd.h>

#include <procfd/procfd.hpp>

int main(int argc, char **argv)
{
	auto policy = procfd::existing::replace_dead;

	if (argc > 1 && !std::strcmp(argv[1], "--replace")) {
		policy = procfd::existing::replace;
		argv++;
		argc--;
	}
	if (argc < 3) {
		std::fprintf(stderr,
			     "usage: named-daemon [--replace] NAME COMMAND "
			     "[ARG...]\n");
		return 125;
	}

	auto dev = procfd::device::open();
	if (!dev) {
		std::fprintf(stderr, "%s\n", dev.error().message().c_str());
		return 125;
	}
	auto announced = dev->announce_fork(procfd::fork_flags::none);
	if (!announced) {
		std::fprintf(stderr, "fork: %s\n",
			     announced.error().message().c_str());
		return 125;
	}
	auto daemon = procfd::process::adopt(std::move(*announced));
	auto linked = daemon.link(argv[1], policy);
	if (!linked) {
		std::fprintf(stderr, "%s: %s\n", argv[1],
			     linked.error() == std::errc::file_exists ?
				     "is running already" :
				     linked.error().message().c_str());
		return 1;
	}

	switch (::fork()) {
	case -1:
		std::perror("fork");
		return 125; // closing the descriptor drops the name's claim
	case 0:
		setsid();
		execvp(argv[2], argv + 2);
		std::perror(argv[2]);
		_exit(127);
	}
	return 0; // the name stays, and will tell how the daemon ended
}
