// SPDX-License-Identifier: MIT
//
// procfd info: all that is known about names.

#include <memory>

#include <fcntl.h>

#include "command.hpp"
#include "entry.hpp"

namespace command {

namespace {

std::string seconds(std::chrono::microseconds time)
{
	return fmt::format("{}.{:06} s", time.count() / 1000000,
			   time.count() % 1000000);
}

std::string text_of(const entry &e)
{
	std::string text;
	auto line = [&](const char *key, const std::string &value) {
		text += fmt::format("{:<10}{}\n", std::string(key) + ":",
				    value);
	};

	line("name", printable(e.name));
	line("state", e.state());
	if (e.pid() > 0)
		line("process", std::to_string(e.pid()));
	if (!e.arguments.empty())
		line("command", e.command());
	if (e.info && e.info->started.count() > 0) {
		line("id", std::to_string(e.info->id));
		line("started", local_time(*e.start_time()));
	}
	if (e.info && e.info->tree)
		line("tree", fmt::format("{} of {} left", e.info->tree->live,
					 e.info->tree->born));
	if (e.info && e.info->status) {
		line("ended", local_time(*e.end_time()));
		line("user", seconds(e.info->user_time));
		line("system", seconds(e.info->system_time));
		line("memory",
		     fmt::format("{} KiB at most", e.info->maxrss_kb));
		line("faults",
		     fmt::format("{} without I/O, {} with",
				 e.info->minor_faults, e.info->major_faults));
		if (!e.info->reaped)
			line("zombie", "its parent has not waited for it");
	}
	line("owner", fmt::format("{}:{}", user_name(e.st.st_uid),
				  group_name(e.st.st_gid)));
	line("mode", fmt::format("{:04o}", e.st.st_mode & 07777));
	return text;
}

int act(bool wants_json, const operands &names)
{
	std::vector<entry> entries;
	std::string text;
	int code = tool::success;

	for (const auto &name : names) {
		std::string path = full_path(name);
		std::error_code error;
		auto found = entry::read(AT_FDCWD, path, path, error);

		if (!found || !found->info) {
			complain(path, open_reason(error, path));
			code = tool::failure;
			continue;
		}
		if (wants_json) {
			entries.push_back(*std::move(found));
			continue;
		}
		if (!text.empty())
			text += '\n';
		text += text_of(*found);
	}
	if (print(wants_json ? json_of(entries, true) : text) != 0)
		return tool::failure;
	return code;
}

} // namespace

subcommand make_info(CLI::App &parent)
{
	auto *app = add(parent, "info", "[OPTION] NAME...",
			"Tell all that is known about names");
	auto wants_json = std::make_shared<bool>(false);

	flag(*app, "-j,--json", *wants_json, "as an array of objects");
	return {app,
		tool::usage,
		1,
		any_number,
		false,
		[wants_json](const operands &names) {
			return act(*wants_json, names); }};
}

} // namespace command
