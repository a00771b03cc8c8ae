// SPDX-License-Identifier: GPL-2.0-only
// What an exit costs when many hold a descriptor of the process: the exiting
// process pays for one wait queue entry, however many there are.
#include "bench.hpp"
#include "peers.hpp"

namespace bench {

namespace {

constexpr unsigned most = 100000;

/* The order to exit until its parent has its status; nobody polls. */
template <typename F>
subject exit_with(int *fds, unsigned count, const std::string &kind,
		  F open_descriptor)
{
	return {std::to_string(count) + " " + kind, [=](unsigned times) {
			int order[2];
			pid_t pid = 0;
			const std::uint64_t ns = each(
				times,
				[&] {
					must(or_errno(pipe2(order, O_CLOEXEC)));
					pid = raw_fork();
					if (!pid) {
						char byte;

						must(int(or_errno(read(
							order[0], &byte, 1))));
						_exit(0);
					}
					for (unsigned i = 0; i < count; i++)
						fds[i] = must(
							open_descriptor(pid));
					settle();
				},
				[&] {
					must(int(or_errno(
						write(order[1], "", 1))));
					reap(P_PID, pid);
				},
				[&] {
					close(order[0]);
					close(order[1]);
					for (unsigned i = 0; i < count; i++)
						close(fds[i]);
					settle();
				});

			return ns;
		}};
}

} // namespace

void exit_cases()
{
	const std::string name = "exit with idle descriptors";
	const auto ours = [](pid_t pid) { return open_process(pid); };

	// Shared with the child: else the exit would also free what the parent
	// has written since the fork, and the more the more descriptors.
	int *const fds = static_cast<int *>(
		mmap(nullptr, most * sizeof(int), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	must(fds == MAP_FAILED ? -errno : 0);
	allow_descriptors(most + 1000);
	if (!measure(name, 2,
		     {exit_with(fds, 1, "descriptor", ours),
		      exit_with(fds, 100, "descriptors", ours),
		      exit_with(fds, most, "descriptors", ours),
		      exit_with(fds, 1, "pidfd", sys_pidfd_open),
		      exit_with(fds, 100, "pidfds", sys_pidfd_open),
		      exit_with(fds, most, "pidfds", sys_pidfd_open)}))
		return;
	for (const char *many : {"100 descriptors", "100000 descriptors"})
		print_ratio(name, many, "1 descriptor",
			    measured(name, many) /
				    measured(name, "1 descriptor"),
			    1.05);
	print_ratio(name, "1 descriptor", "1 pidfd",
		    measured(name, "1 descriptor") / measured(name, "1 pidfd"),
		    {});
}

} // namespace bench
