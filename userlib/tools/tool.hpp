// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOL_HPP
#define PROCFD_TOOL_HPP

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>

#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include <procfd/error.hpp>

#include "basics.hpp"
#include "device.hpp"
#include "help.hpp"

/// How the commands parse their command lines, and complain.
namespace tool {

/// Say what is wrong with the command line.
/// \return  the code to exit with
inline int fail_usage(const CLI::App &app, const std::string &complaint)
{
	std::fprintf(stderr, "%s: %s\nRun with --help for more information.\n",
		     app.get_name().c_str(), complaint.c_str());
	return usage;
}

/// Print what was asked for.
/// \return  the code to exit with
inline int answer(const CLI::App &app, const std::string &text)
{
	int error = write_out(text);

	if (error)
		std::fprintf(stderr, "%s: standard output: %s\n",
			     app.get_name().c_str(), std::strerror(error));
	return error ? failure : success;
}

/// Parse the command line.
/// \return  -1 to go on, else the code to exit with
inline int parse(CLI::App &app, int argc, char **argv)
{
	app.set_version_flag("--version", app.get_name() + " " PROCFD_VERSION);
	try {
		app.parse(argc, argv);
		return -1;
	} catch (const CLI::CallForHelp &) {
		return answer(app, app.help());
	} catch (const CLI::CallForVersion &e) {
		return answer(app, e.what() + std::string("\n"));
	} catch (const CLI::ParseError &e) {
		return fail_usage(app, complaint_of(e));
	}
}

/// Say what is wrong with something.
inline void complain(const CLI::App &app, const std::string &subject,
		     const std::string &reason)
{
	std::fprintf(stderr, "%s: %s: %s\n", app.get_name().c_str(),
		     subject.c_str(), reason.c_str());
}

/// \return  what went wrong when a descriptor was to take a name, and what to do
inline std::string reason_of(const std::string &fd, std::error_code error)
{
	struct stat st {};

	if (error == procfd::errc::not_a_file)
		return "is not a regular file, and is not replaced; rm(1) "
		       "removes it";
	if (error == std::errc::file_exists)
		return "exists; flink overwrites nothing, frename(1) replaces "
		       "a file";
	if (error == std::errc::cross_device_link)
		return "is on another filesystem or mount than descriptor " +
		       fd;
	if (error == std::errc::operation_not_permitted &&
	    ::fstat(number(fd, 10).value_or(-1), &st) == 0 &&
	    S_ISDIR(st.st_mode))
		return "a directory takes no further name";
	return error.message();
}

/// Say what went wrong when a descriptor was to take a name.
/// \return  the code to exit with
inline int fail(const CLI::App &app, const std::string &fd,
		const std::string &path, std::error_code error)
{
	if (error == std::errc::bad_file_descriptor)
		complain(app, "descriptor " + fd, error.message());
	else if (device_is_another())
		complain(app, path, another_device);
	else
		complain(app, path, reason_of(fd, error));
	return failure;
}

} // namespace tool

#endif
