// SPDX-License-Identifier: GPL-2.0-only
// One epoll over many children: what one exit costs, from the order to exit to
// the status, the reap and the close.
#include "bench.hpp"
#include "peers.hpp"

#include <map>
#include <memory>

#include <sys/epoll.h>

namespace bench {

namespace {

/* So many live children, each with a descriptor in the epoll, at any time. */
class watched {
public:
	watched(unsigned count, bool pidfds)
		: pidfds_(pidfds), crowd_(count),
		  epoll_(must(or_errno(epoll_create1(EPOLL_CLOEXEC))))
	{
		fds_.resize(count);
		while (count--)
			start();
	}
	~watched()
	{
		for (std::size_t i = fds_.size(); i > 0; i--)
			end_one();
	}

	/* The nanoseconds that the ends of so many took. */
	std::uint64_t replace(unsigned count)
	{
		return each(
			count, settle, [&] { end_one(); }, [&] { start(); });
	}

private:
	void start()
	{
		const int announced = pidfds_ ? -1 : must(announce());
		const unsigned slot = crowd_.start();
		epoll_event event{};

		fds_[slot].reset(
			pidfds_ ? must(sys_pidfd_open(crowd_.pid(slot))) :
				  announced);
		event.events = EPOLLIN;
		event.data.u32 = slot;
		must(or_errno(
			epoll_ctl(epoll_, EPOLL_CTL_ADD, fds_[slot], &event)));
	}

	void end_one()
	{
		epoll_event event;

		crowd_.end_one();
		must(or_errno(epoll_wait(epoll_, &event, 1, -1)));

		const unsigned slot = event.data.u32;

		must(pidfds_ ? reap(P_PIDFD_TYPE, fds_[slot]) :
			       reap(P_PID, crowd_.pid(slot)));
		fds_[slot].reset();
		crowd_.gone(slot);
	}

	bool pidfds_;
	crowd crowd_;
	unique_fd epoll_;
	std::vector<unique_fd> fds_;
};

std::string case_name(unsigned count)
{
	return "epoll over " + std::to_string(count) + " children";
}

} // namespace

void epoll_cases()
{
	const unsigned few = 10;

	allow_descriptors(65536);
	for (unsigned count : {few, 100U, 1000U, 10000U}) {
		const std::string name = case_name(count);

		if (!only.empty() && name != only)
			continue;

		watched ours(count, false), pidfds(count, true);

		compare(name, 20,
			{{"descriptors",
			  [&](unsigned times) { return ours.replace(times); }},
			 {"pidfds",
			  [&](unsigned times) { return pidfds.replace(times); },
			  1.0}});
		if (count != few && only.empty())
			print_ratio(name, "descriptors",
				    "descriptors, of " + std::to_string(few) +
					    " children",
				    measured(name, "descriptors") /
					    measured(case_name(few),
						     "descriptors"),
				    1.05);
	}
}

} // namespace bench
