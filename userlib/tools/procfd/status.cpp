// SPDX-License-Identifier: MIT
//
// procfd status: what init scripts ask.

#include <memory>

#include <fcntl.h>

#include "command.hpp"
#include "entry.hpp"

namespace command {

namespace {

/// What the Linux Standard Base has a status action exit with.
enum status_code { running = 0, dead = 1, no_name = 3, unknown = 4 };

/// Print, unless that is not wanted.
/// \return  the code, or unknown if it cannot be printed
int say(bool quiet, const std::string &path, const std::string &what, int code)
{
	if (!quiet &&
	    print(fmt::format("{}: {}\n", printable(path), what)) != 0)
		return unknown;
	return code;
}

int act(bool quiet, const operands &names)
{
	std::string path = full_path(names.front());
	std::error_code error;
	auto found = entry::read(AT_FDCWD, path, path, error);

	if (!found && error == std::errc::no_such_file_or_directory &&
	    on_procfdfs(path))
		return say(quiet, path, "no such name", no_name);
	if (found && found->ended())
		return say(quiet, path, found->state(), dead);
	if (!found || !found->alive()) {
		complain(path, open_reason(error, path));
		return unknown;
	}
	if (found->left())
		return say(quiet, path,
			   fmt::format("{}, main process {}", found->state(),
				       found->pid()),
			   running);
	return say(quiet, path,
		   found->pid() > 0 ?
			   fmt::format("running, process {}", found->pid()) :
			   found->state(),
		   running);
}

} // namespace

subcommand make_status(CLI::App &parent)
{
	auto *app = add(parent, "status", "[OPTION] NAME",
			"Say whether a process runs, by the codes of init "
			"scripts");
	auto quiet = std::make_shared<bool>(false);

	flag(*app, "-q,--quiet", *quiet, "only exit with 0, 1, 3 or 4");
	return {app,
		unknown,
		1,
		1,
		false,
		[quiet](const operands &names) {
			return act(*quiet, names); }};
}

} // namespace command
