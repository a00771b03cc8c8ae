// SPDX-License-Identifier: GPL-2.0-only
// Many at once, outside of any counting: is one lost? Children by a real fork,
// each killed by a write to its descriptor, all awaited through one epoll; and
// many names, each opened and read.
#include "bench.hpp"
#include "memory.hpp"
#include "peers.hpp"

#include <sys/epoll.h>

namespace bench {

namespace {

constexpr unsigned many_children = 20000;
constexpr unsigned many_names = 100000;

void note(const char *what, double value, const char *unit)
{
	print_value("scale", what, value, unit);
}

/* Ends the program: a number that is not the one that it must be. */
void expect(const char *what, unsigned got, unsigned wanted)
{
	if (got == wanted)
		return;
	fprintf(stderr, "%s: %u of %u\n", what, got, wanted);
	_exit(1);
}

void children()
{
	const unique_fd epoll(must(or_errno(epoll_create1(EPOLL_CLOEXEC))));
	std::vector<unique_fd> fds(many_children);
	std::vector<pid_t> pids(many_children);
	std::vector<bool> seen(many_children);
	unsigned ended = 0, reaped = 0;

	// With what it takes to have a child at all, which is most of it.
	const double before = slab_bytes();

	for (unsigned i = 0; i < many_children; i++) {
		epoll_event event{};

		fds[i].reset(must(announce()));
		// Everything of its own but the table of descriptors: copied for
		// each, that would be the square of them.
		pids[i] = pid_t(must(
			int(or_errno(syscall(SYS_clone, CLONE_FILES | SIGCHLD,
					     nullptr, nullptr, nullptr, 0)))));
		if (!pids[i])
			sleep_for_ever();
		event.events = EPOLLIN;
		event.data.u32 = i;
		must(or_errno(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event)));
	}
	note("children that live at once, each with a descriptor",
	     many_children, "");
	note("slab for each, with its child and epoll",
	     (slab_bytes() - before) / many_children, "bytes");

	for (unsigned i = 0; i < many_children; i++) {
		procfd_info info = info_of(fds[i]);

		expect("running before any signal",
		       info.state == PROCFD_STATE_RUNNING &&
			       info.pid == pids[i],
		       1);
	}
	for (const unique_fd &fd : fds)
		must(int(write_to(fd, "TERM")));
	note("of them signalled", many_children, "");

	while (ended < many_children) {
		epoll_event events[256];
		const int n = must(or_errno(
			epoll_wait(epoll, events, 256, patience_ms())));

		expect("ended, when no more came", n ? many_children : ended,
		       many_children);
		for (int e = 0; e < n; e++) {
			const unsigned i = events[e].data.u32;

			must(or_errno(epoll_ctl(epoll, EPOLL_CTL_DEL, fds[i],
						nullptr)));
			expect("told of only once", seen[i], false);
			seen[i] = true;
			expect("killed by the signal",
			       unsigned(info_of(fds[i]).status), SIGTERM);
			ended++;
		}
	}
	note("of them awaited through one epoll", ended, "");

	for (pid_t pid : pids)
		reaped += wait_for(pid) == SIGTERM;
	expect("reaped", reaped, many_children);
	for (unsigned i = 0; i < many_children; i++)
		ended -= info_of(fds[i]).status == SIGTERM;
	expect("without their status after the reap", ended, 0);
	note("of them with their status after the reap", many_children, "");
}

void names()
{
	unsigned found = 0;
	double before;

	{
		const mounted fs;
		child target = start_sleeper();

		before = slab_bytes();
		for (unsigned i = 0; i < many_names; i++) {
			const unique_fd fd(must(open_process(target.pid)));

			must(flink(fd, fs.dir, std::to_string(i).c_str()));
		}
		settle();
		note("names at once, each with its own inode", many_names, "");
		note("slab for each name", (slab_bytes() - before) / many_names,
		     "bytes");

		must(or_errno(kill(target.pid, SIGKILL)));
		target.wait();
		for (unsigned i = 0; i < many_names; i++) {
			char how[8] = {};
			const unique_fd fd(must(or_errno(
				openat(fs.dir, std::to_string(i).c_str(),
				       O_RDONLY | O_CLOEXEC))));

			must(int(or_errno(read(fd, how, sizeof(how) - 1))));
			found += !strncmp(how, "killed", 6);
		}
		expect("names that tell the end", found, many_names);
		note("of them that tell the end of the process", found, "");
		for (unsigned i = 0; i < many_names; i++)
			must(or_errno(unlinkat(fs.dir,
					       std::to_string(i).c_str(), 0)));
	}
	settle();
	note("bytes that are left of each name",
	     (slab_bytes() - before) / many_names, "bytes");
}

} // namespace

void scale_cases()
{
	allow_descriptors(65536);
	children();
	names();
}

} // namespace bench
