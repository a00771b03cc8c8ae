// SPDX-License-Identifier: GPL-2.0-only
// What an object takes of the kernel's memory, as it is charged to the cgroup of
// who made it: the slab of memory.stat, which counts every object to its byte.
#include "bench.hpp"
#include "memory.hpp"
#include "peers.hpp"

namespace bench {

double slab_bytes()
{
	const std::string text = slurp("/sys/fs/cgroup/test/memory.stat");
	const std::size_t at = text.find("\nslab ");

	must(at == std::string::npos ? -ENODATA : 0);
	return strtod(text.c_str() + at + strlen("\nslab "), nullptr);
}

namespace {

constexpr unsigned objects = 4000;

/* Make one for each child; the bytes of each. */
template <typename F>
double bytes_each(F make)
{
	settle();

	const double before = slab_bytes();

	for (unsigned i = 0; i < objects; i++)
		make(i);
	settle();
	return (slab_bytes() - before) / objects;
}

} // namespace

void memory_cases()
{
	const std::string name = "memory";
	std::vector<unique_fd> first(objects), second(objects), pidfd(objects),
		pidfd2(objects);
	crowd children(objects);
	std::vector<unsigned> slots;

	if (!only.empty())
		return;
	const mounted fs;

	allow_descriptors(65536);
	for (unsigned i = 0; i < objects; i++)
		slots.push_back(children.start());

	const auto show = [&](const char *what, double bytes) {
		print_value(name, what, bytes, "bytes");
	};

	show("a process's first pidfd", bytes_each([&](unsigned i) {
		     pidfd[i].reset(
			     must(sys_pidfd_open(children.pid(slots[i]))));
	     }));
	show("another pidfd of it", bytes_each([&](unsigned i) {
		     pidfd2[i].reset(
			     must(sys_pidfd_open(children.pid(slots[i]))));
	     }));
	show("a tracked process and its descriptor",
	     bytes_each([&](unsigned i) {
		     first[i].reset(must(open_process(children.pid(slots[i]))));
	     }));
	show("another descriptor of it", bytes_each([&](unsigned i) {
		     second[i].reset(
			     must(open_process(children.pid(slots[i]))));
	     }));
	show("a name of it", bytes_each([&](unsigned i) {
		     must(flink(second[i], fs.dir, std::to_string(i).c_str()));
	     }));

	const double with_all = slab_bytes();

	for (unique_fd &fd : second)
		fd.reset();
	settle();
	// What closing the descriptor did not free: the inode stays for the name.
	show("a name alone", measured(name, "another descriptor of it") +
				     measured(name, "a name of it") -
				     (with_all - slab_bytes()) / objects);
	show("a tracked process",
	     measured(name, "a tracked process and its descriptor") -
		     measured(name, "another descriptor of it"));

	for (unsigned i = 0; i < objects; i++)
		must(or_errno(unlinkat(fs.dir, std::to_string(i).c_str(), 0)));
	for (unsigned i = 0; i < objects; i++)
		children.end_one();
	for (unsigned slot : slots)
		must(reap(P_PID, children.pid(slot)));

	const double peer = measured(name, "a process's first pidfd");

	for (const char *ours :
	     {"a tracked process and its descriptor",
	      "another descriptor of it", "a name alone", "a tracked process"})
		print_ratio(name, ours, "a process's first pidfd",
			    measured(name, ours) / peer, {0, 1.5});
}

} // namespace bench
