// SPDX-License-Identifier: GPL-2.0-only
// Run a command as a daemon that has a name. Usage: helper_daemon NAME COMMAND
// [ARGUMENT...]. Returns once the command runs; the daemon is init's.
#include <string>

#include <unistd.h>

#include "common.h"

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;

	const std::string path = argv[1];
	const std::size_t slash = path.rfind('/');
	const std::string where =
		slash == std::string::npos ? "." : path.substr(0, slash + 1);

	unique_fd dir(must(or_errno(
		open(where.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC))));
	unique_fd fd(must(announce()));
	int fds[2];
	char byte;

	must(flink(fd, dir, path.c_str() + (slash + 1)));
	must(or_errno(pipe2(fds, O_CLOEXEC)));
	if (!must(or_errno(fork()))) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	/* The exec closes the pipe, and all that the daemon has of ours. */
	close(fds[1]);
	return read(fds[0], &byte, 1) == 0 ? 0 : 1;
}
