// SPDX-License-Identifier: MIT
//
// flink: give an open file a name.

#include <procfd/file.hpp>

#include "tool.hpp"

// Out of memory: let it end here
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char **argv)
{
	CLI::App app("Give the file behind a descriptor of the shell a name.",
		     "flink");
	std::string fd_text;
	std::string path;

	app.formatter(std::make_shared<tool::formatter>());
	app.footer("Nothing is overwritten; frename does that. See flink(1).");
	app.add_option("FD", fd_text, "descriptor that this command inherits")
		->required();
	app.add_option("PATH", path, "the new name")->required();
	if (int code = tool::parse(app, argc, argv); code >= 0)
		return code;

	auto fd = tool::number(fd_text, 10);

	if (!fd)
		return tool::fail_usage(app, "FD must be a number");

	auto linked = procfd::flink(*fd, path);

	if (!linked)
		return tool::fail(app, fd_text, path, linked.error());
	return tool::success;
}
