// SPDX-License-Identifier: GPL-2.0-only
// Hold a name for a process that is only being started. Usage: helper_holder NAME.
// Says "held"; a line on standard input then makes the process, which sleeps, and
// the end of input gives the start up.
#include <string>

#include <unistd.h>

#include "common.h"

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;

	const std::string path = argv[1];
	const std::size_t slash = path.rfind('/');

	if (slash == std::string::npos)
		return 2;

	unique_fd dir(must(or_errno(open(path.substr(0, slash).c_str(),
					 O_PATH | O_DIRECTORY | O_CLOEXEC))));
	unique_fd fd(must(announce()));
	char byte;

	must(flink(fd, dir, path.c_str() + (slash + 1)));
	must(or_errno(static_cast<int>(write(STDOUT_FILENO, "held\n", 5))));
	/* At exit(3), LeakSanitizer forks, and that would be the process. */
	if (read(STDIN_FILENO, &byte, 1) != 1)
		_exit(0);
	if (!must(or_errno(fork()))) {
		pause();
		_exit(0);
	}
	return 0;
}
