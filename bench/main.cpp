// SPDX-License-Identifier: GPL-2.0-only
// Runs in the guest: measures the groups that it is told to.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>

#include "bench.hpp"

namespace {

const std::map<std::string, void (*)()> groups = {
	{"floor", bench::floor_cases},	 {"signal", bench::signal_cases},
	{"file", bench::file_cases},	 {"child", bench::child_cases},
	{"name", bench::name_cases},	 {"exit", bench::exit_cases},
	{"epoll", bench::epoll_cases},	 {"stranger", bench::stranger_cases},
	{"memory", bench::memory_cases}, {"scale", bench::scale_cases},
};

} // namespace

int main(int argc, char **argv)
{
	CLI::App app("Measure procfd beside its peers");
	std::vector<std::string> wanted;
	bool uncalibrated = false;

	app.add_option("group", wanted, "what to measure")
		->required()
		->check(CLI::IsMember(groups));
	app.add_option("--only", bench::only, "one case of the group");
	app.add_option(
		"--profile", bench::profiled,
		"run this subject of that case for ever, or the \"first\"");
	app.add_flag("--uncalibrated", uncalibrated,
		     "nanoseconds need not be instructions");
	CLI11_PARSE(app, argc, argv);

	if (!uncalibrated)
		bench::calibrate();
	for (const std::string &name : wanted)
		groups.at(name)();
	return 0;
}
