// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_START_HPP
#define PROCFD_TOOLS_START_HPP

#include <optional>
#include <string>
#include <vector>

#include "names.hpp"

/// What run and exec share: a program to execute, and a name for it.
namespace command {

/// The options that say which name, and whose.
struct name_options {
	std::string name; ///< empty: none
	bool replace = false;
	rights who;

	void declare(CLI::App &app);

	[[nodiscard]] procfd::existing policy() const
	{
		return replace ? procfd::existing::replace :
				 procfd::existing::replace_dead;
	}

	/// Give a process the name, with its owner and mode. Says what is wrong.
	/// \return  where the name is, or nothing if it has not got it
	std::optional<place> take(const procfd::process &process);
};

/// A program, found as execvp(3) will find it, so that a wrong command does not
/// cost a dead process its name.
/// \param file  path, or a name to be searched for in PATH
/// \return  0, or the exit code: not_found or cannot_execute, after saying so
int look_for(const std::string &file);

/// Execute a program, as execvp(3).
/// \return  errno
int execute(const std::vector<std::string> &arguments);

/// Say why a program that look_for() has found could not be executed.
/// \return  the exit code
int not_executed(const std::string &file, int error);

} // namespace command

#endif
