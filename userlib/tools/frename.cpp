// SPDX-License-Identifier: MIT
//
// frename: give standard input or an open file a name, in place of what has it.

#include <memory>

#include <unistd.h>

#include <procfd/file.hpp>

#include "tool.hpp"

namespace {

std::string check_mode(const std::string &text)
{
	auto mode = tool::number(text, 8);

	return mode && *mode <= 07777 ? "" : "not an octal mode: " + text;
}

/// Say what of the old file is lost, a line each.
void warn(const CLI::App &app, const std::string &path,
	  const procfd::replaced &done)
{
	using procfd::lost;

	constexpr struct {
		lost what;
		const char *text;
	} warnings[] = {
		{lost::owner, "you own the new file: you may not give it to "
			      "the owner of the old one"},
		{lost::group, "its group has no permission any more: you may "
			      "not give it to the group of the old one"},
		{lost::access_list,
		 "its access control list is lost with the group"},
		{lost::set_id, "set-user-ID, set-group-ID and sticky bits are "
			       "dropped; chmod(1) sets them"},
		{lost::capability,
		 "file capabilities are dropped; setcap(8) sets them"},
		{lost::integrity, "security.ima and security.evm are dropped: "
				  "they are of the old content"},
		{lost::trusted_attributes,
		 "trusted.* and user.overlay.* are dropped"},
		{lost::user_attributes,
		 "some user.* attributes could not be copied"},
	};

	for (const auto &warning : warnings)
		if (done.has_lost(warning.what))
			tool::complain(app, path,
				       std::string("warning: ") + warning.text);
}

class two_forms final : public tool::formatter {
	std::string make_usage(const CLI::App *, std::string) const override
	{
		return "Usage: frename [--durable] [--mode MODE] PATH\n"
		       "       frename [--durable] FD PATH\n";
	}
};

} // namespace

// Out of memory: let it end here
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char **argv)
{
	CLI::App app("Replace a file in one step: by what comes in on standard "
		     "input, or by\nthe file behind a descriptor of the shell.",
		     "frename");
	std::string first, second;
	std::string mode_text;
	bool durable = false;

	app.footer("Whoever opens PATH finds the whole old file or the whole "
		   "new one.\nSee frename(1).");
	app.add_flag("--durable", durable,
		     "return once the new file survives a loss of power");
	auto *mode = app.add_option("--mode", mode_text,
				    "permissions in octal; by default those of "
				    "the file that is replaced")
			     ->type_name("MODE")
			     ->check(check_mode);
	// Not one list, of which "[a,b]" would be two
	app.add_option("FD_PATH", first,
		       "[FD] PATH: the name to take, and a descriptor that "
		       "this command inherits")
		->type_name("");
	auto *both = app.add_option("PATH", second)->group("");
	app.formatter(std::make_shared<two_forms>());
	if (int code = tool::parse(app, argc, argv); code >= 0)
		return code;
	if (first.empty())
		return tool::fail_usage(app, "PATH is required");

	auto keep = durable ? procfd::durability::durable :
			      procfd::durability::relaxed;
	const std::string &path = *both ? second : first;
	procfd::result<void> done;

	if (*both) {
		auto fd = tool::number(first, 10);

		if (!fd)
			return tool::fail_usage(app, "FD must be a number");
		if (*mode)
			return tool::fail_usage(
				app, "--mode goes with standard input");
		// frename() itself replaces whatever rename(2) does
		done = procfd::check_replaceable(path).and_then(
			[&] { return procfd::frename(*fd, path, keep); });
	} else {
		procfd::replace_options options;

		if (*mode)
			options.mode = static_cast<mode_t>(
				*tool::number(mode_text, 8));
		options.keep = keep;

		auto replaced =
			procfd::replace_file_from(path, STDIN_FILENO, options);

		if (replaced)
			warn(app, path, *replaced);
		else
			done = procfd::unexpected(replaced.error());
	}
	if (!done)
		return tool::fail(app, *both ? first : "0", path, done.error());
	return tool::success;
}
