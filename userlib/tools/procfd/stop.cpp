// SPDX-License-Identifier: MIT
//
// procfd stop: signal processes until they have ended.

#include <csignal>
#include <memory>

#include <fcntl.h>

#include "watched.hpp"

namespace command {

namespace {

struct options {
	std::string retry;
	std::string signal;
	bool all = false;
	bool oknodo = false;
	bool verbose = false;
};

/// \return  the names that can be stopped; says which cannot be opened
std::vector<watched> open_some(const operands &names, bool oknodo, bool &failed)
{
	std::vector<watched> all;

	allow_many_descriptors();
	for (const auto &name : names) {
		std::string path = full_path(name);
		auto process = open_at(AT_FDCWD, path);

		if (process) {
			auto info = process->info();
			bool tree = info && info->tree;

			all.push_back({path, *std::move(process), {}});
			all.back().whole = tree;
			continue;
		}
		if (oknodo &&
		    process.error() == std::errc::no_such_file_or_directory &&
		    process.error() != procfd::errc::not_mounted)
			continue;
		complain(path, open_reason(process.error(), path));
		failed = true;
	}
	return all;
}

/// Of a tree the main process gets the signals, so that it can end the rest as it sees
/// fit; KILL is for all.
procfd::scope scope_for(const watched &one, int signo, bool everybody)
{
	return one.whole && (everybody || signo == SIGKILL) ?
		       procfd::scope::tree :
		       procfd::scope::main;
}

/// Go through the schedule until all have ended or it is at its end.
void carry_out(schedule plan, std::vector<watched> &all, bool everybody)
{
	std::vector<bool> obeyed(all.size());

	for (auto &one : all)
		look(one);
	while (any_pending(all)) {
		auto step = plan.next();

		for (std::size_t i = 0; i < all.size(); i++) {
			auto &one = all[i];

			// What the first process leaves when it ends after this
			// is not what it wanted to keep.
			obeyed[i] = !everybody && one.whole && !one.first_ended;
			for (int signo : step.signals)
				if (one.pending())
					send(one, signo,
					     scope_for(one, signo, everybody));
		}
		if (!step.patience)
			break;

		auto deadline = clock::now() + *step.patience;

		do {
			for (std::size_t i = 0; i < all.size(); i++) {
				if (!all[i].pending() || !all[i].first_ended ||
				    !obeyed[i])
					continue;
				obeyed[i] = false;
				send(all[i], SIGKILL, procfd::scope::tree);
			}
		} while (any_pending(all) && await_one(all, deadline));
	}
	// What the last signal has ended, if no time was given after it
	for (auto &one : all)
		if (one.pending())
			look(one);
}

int act(const options &options, const operands &names)
{
	int first = SIGTERM;

	if (!options.signal.empty()) {
		auto signo = signal_number(options.signal);

		if (!signo || *signo == 0)
			throw misuse("not a signal: " +
				     printable(options.signal));
		if (!options.retry.empty() &&
		    options.retry.find('/') != std::string::npos)
			throw misuse("the schedule of --retry has its own "
				     "signals; --signal does not go with it");
		first = *signo;
	}

	std::string text = options.retry;

	if (text.empty()) // with a "-", lest a number is taken for a time
		text = "-" + signal_name(first) + "/CONT/30/KILL/5";

	auto plan = schedule::parse(text, first);
	bool failed = false;
	bool remain = false;
	auto all = open_some(names, options.oknodo, failed);

	carry_out(plan, all, options.all);
	for (const auto &one : all) {
		if (one.failed) {
			failed = true;
		} else if (!one.status) {
			complain(one.path, "is still running");
			remain = true;
		} else if (options.verbose &&
			   print(fmt::format("{}: {}\n", printable(one.path),
					     ending(*one.status))) != 0) {
			failed = true;
		}
	}
	return failed ? int(own_failure) :
	       remain ? int(timed_out) :
			int(tool::success);
}

} // namespace

subcommand make_stop(CLI::App &parent)
{
	auto *app = add(parent, "stop", "[OPTION...] NAME...",
			"Signal processes until they have ended");
	auto set = std::make_shared<options>();

	option(*app, "-r,--retry", set->retry,
	       std::string("signals, and how long to wait after each "
			   "(default ") +
		       default_schedule + ")",
	       "SCHEDULE");
	option(*app, "-s,--signal", set->signal,
	       "the first signal, instead of TERM", "SIGNAL");
	flag(*app, "-a,--all", set->all,
	     "of a tree, signal all members and not the main process alone");
	flag(*app, "--oknodo", set->oknodo,
	     "a name that does not exist is no error");
	flag(*app, "-v,--verbose", set->verbose, "print how each has ended");
	return {app,
		own_failure,
		1,
		any_number,
		false,
		[set](const operands &names) { return act(*set, names); }};
}

} // namespace command
