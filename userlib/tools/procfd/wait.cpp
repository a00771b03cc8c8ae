// SPDX-License-Identifier: MIT
//
// procfd wait: until processes have ended, then end as they did.

#include <memory>

#include "watched.hpp"

namespace command {

namespace {

struct options {
	bool any = false;
	bool empty = false;
	bool verbose = false;
	std::string timeout;
};

/// \return  -1, or the code to exit with
int report(std::vector<watched> &all, std::vector<bool> &told, bool verbose)
{
	for (std::size_t i = 0; i < all.size(); i++) {
		if (!all[i].status || told[i])
			continue;
		told[i] = true;
		if (verbose &&
		    print(fmt::format("{}: {}\n", printable(all[i].path),
				      ending(*all[i].status))) != 0)
			return own_failure;
	}
	return -1;
}

int act(const options &options, const operands &names)
{
	std::optional<clock::time_point> deadline;

	if (!options.timeout.empty())
		deadline = clock::now() + duration_option(options.timeout);

	auto opened = open_all(names, procfd::access::watch);

	if (!opened)
		return own_failure;

	auto &all = *opened;
	std::vector<bool> told(all.size());

	for (auto &one : all)
		one.whole = options.empty;
	while (any_pending(all)) {
		if (!await_one(all, deadline))
			return timed_out;
		if (int code = report(all, told, options.verbose); code >= 0)
			return code;
		if (!options.any)
			continue;
		for (const auto &one : all)
			if (one.status)
				return mirrored(*one.status);
	}
	for (const auto &one : all)
		if (one.failed)
			return own_failure;
	for (const auto &one : all)
		if (int code = mirrored(*one.status))
			return code;
	return tool::success;
}

} // namespace

subcommand make_wait(CLI::App &parent)
{
	auto *app = add(parent, "wait", "[OPTION...] NAME...",
			"Wait until processes have ended, and end as they did");
	auto set = std::make_shared<options>();

	flag(*app, "-a,--any", set->any,
	     "until the first has ended, not all of them");
	flag(*app, "-e,--empty", set->empty,
	     "until nobody is left of their trees, either");
	option(*app, "-t,--timeout", set->timeout,
	       "give up after this time, with exit code 124; 0 looks", "TIME");
	flag(*app, "-v,--verbose", set->verbose,
	     "print which has ended, and how");
	return {app,
		own_failure,
		1,
		any_number,
		false,
		[set](const operands &names) { return act(*set, names); }};
}

} // namespace command
