// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOL_HPP
#define PROCFD_TOOL_HPP

#include <cstdio>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

#include "basics.hpp"

/// How the commands parse their command lines, and complain.
namespace tool {

/// Parse the command line.
/// \return  -1 to go on, else the code to exit with
inline int parse(CLI::App &app, int argc, char **argv)
{
	app.set_version_flag("--version", app.get_name() + " " PROCFD_VERSION);
	try {
		app.parse(argc, argv);
		return -1;
	} catch (const CLI::ParseError &e) {
		return app.exit(e) == 0 ? success : usage;
	}
}

/// Say what is wrong with the command line.
/// \return  the code to exit with
inline int fail_usage(const CLI::App &app, const char *complaint)
{
	std::fprintf(stderr, "%s: %s\nRun with --help for more information.\n",
		     app.get_name().c_str(), complaint);
	return usage;
}

/// Say what went wrong.
/// \return  the code to exit with
inline int fail(const CLI::App &app, const std::string &subject,
		std::error_code error)
{
	std::fprintf(stderr, "%s: %s: %s\n", app.get_name().c_str(),
		     subject.c_str(), error.message().c_str());
	return failure;
}

/// Say what went wrong when a descriptor was to take a name.
/// \return  the code to exit with
inline int fail(const CLI::App &app, const std::string &fd,
		const std::string &path, std::error_code error)
{
	const bool fd_is_bad = error == std::errc::bad_file_descriptor;

	return fail(app, fd_is_bad ? "descriptor " + fd : path, error);
}

} // namespace tool

#endif
