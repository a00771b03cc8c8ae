// SPDX-License-Identifier: GPL-2.0-only
// What the loaded module costs processes that never heard of it. The module is
// loaded and removed in turns, so that time passing is on both sides alike.
#include "bench.hpp"
#include "peers.hpp"

namespace bench {

namespace {

bool loaded()
{
	return access("/sys/module/procfd", F_OK) == 0;
}

void load()
{
	const char *const file = getenv("PROCFD_MODULE");

	must(file ? 0 : -ENOENT);
	if (loaded())
		return;

	const unique_fd fd(must(or_errno(open(file, O_RDONLY | O_CLOEXEC))));

	must(int(or_errno(syscall(SYS_finit_module, int(fd), "", 0))));
}

void unload()
{
	if (loaded())
		must(int(or_errno(
			syscall(SYS_delete_module, "procfd", O_NONBLOCK))));
}

template <typename F>
subject stranger(const char *name, void (*prepare)(), F body, reach wanted = {})
{
	return {name,
		[=](unsigned count) {
			prepare();
			settle();
			for (unsigned i = 0; i < 5; i++)
				body();

			const std::uint64_t ns = each(
				count, [] {}, body, [] {});

			settle();
			return ns;
		},
		wanted};
}

void fork_exit()
{
	const pid_t pid = raw_fork();

	if (!pid)
		_exit(0);
	reap(P_PID, pid);
}

void fork_exec_exit()
{
	static char *const argv[] = {const_cast<char *>("noop"), nullptr};
	const pid_t pid = raw_fork();

	if (!pid) {
		execve("/bin/noop", argv, environ);
		_exit(127);
	}
	reap(P_PID, pid);
}

} // namespace

void stranger_cases()
{
	compare("a stranger's fork and exit", 60,
		{stranger("module loaded", load, fork_exit),
		 stranger("module not loaded", unload, fork_exit, 1.002)});
	compare("a stranger's fork, exec and exit", 60,
		{stranger("module loaded", load, fork_exec_exit),
		 stranger("module not loaded", unload, fork_exec_exit, 1.002)});
	load();
}

} // namespace bench
