// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_COMMAND_HPP
#define PROCFD_TOOLS_COMMAND_HPP

#include <functional>
#include <string>
#include <vector>

#include "../basics.hpp"

// Only main.cpp has to do with the parser: it takes long to compile.
namespace CLI {
class App;
}

/// What the subcommands of procfd have in common. procfd(1) describes them.
namespace command {

/// Exit codes of those that end as another program ended, so that none of its
/// usual codes is taken; the others use tool::exit_code.
enum exit_code {
	timed_out = 124,
	own_failure = 125,
	cannot_execute = 126,
	not_found = 127,
	signal_base = 128, ///< and the number of the signal
};

/// The arguments that are no options.
using operands = std::vector<std::string>;

/// One subcommand, declared to the parser.
struct subcommand {
	CLI::App *app;
	/// what it says if the command line is wrong
	int usage_code;
	/// least and greatest number of operands
	std::size_t least;
	std::size_t most;
	/// whether the first operand ends the options, as it does when the rest
	/// is another program's command line
	bool passes_on;
	/// \return  the code to exit with
	std::function<int(const operands &)> act;
	/// whether the first operand may be a signal with a dash, as of kill(1)
	bool takes_dash_signal = false;
};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

/// Add a subcommand to the parser.
/// \param shape  its operands, for the usage line
CLI::App *add(CLI::App &parent, const char *name, const char *shape,
	      const char *description);

/// Add an option without a value.
void flag(CLI::App &app, const char *names, bool &set, const char *help);

/// Add an option with a value.
/// \param type  what the value is, for the help
void option(CLI::App &app, const char *names, std::string &value,
	    const std::string &help, const char *type);

subcommand make_run(CLI::App &parent);
subcommand make_exec(CLI::App &parent);
subcommand make_wait(CLI::App &parent);
subcommand make_stop(CLI::App &parent);
subcommand make_status(CLI::App &parent);
subcommand make_signal(CLI::App &parent);
subcommand make_info(CLI::App &parent);
subcommand make_ls(CLI::App &parent);
subcommand make_link(CLI::App &parent);
subcommand make_replace(CLI::App &parent);
subcommand make_rm(CLI::App &parent);

} // namespace command

#endif
