// SPDX-License-Identifier: MIT
//
// procfd exec: take a name and become the program that is to have it.

#include <memory>

#include "command.hpp"
#include "start.hpp"

namespace command {

namespace {

int act(name_options &options, const operands &arguments)
{
	if (options.name.empty())
		throw misuse("--name is required");
	options.who.resolve();
	if (int code = look_for(arguments.front()))
		return code;

	auto self = procfd::process::self();

	if (!self) {
		complain("/dev/procfd", device_reason(self.error()));
		return own_failure;
	}

	auto where = options.take(*self);

	if (!where)
		return own_failure;

	int error = execute(arguments);

	// While this process lives only force takes the name from it.
	where->give_up(*self);
	return not_executed(arguments.front(), error);
}

} // namespace

subcommand make_exec(CLI::App &parent)
{
	auto *app = add(parent, "exec",
			"--name NAME [OPTION...] [--] COMMAND [ARGUMENT...]",
			"Take a name and become COMMAND, in the same process");
	auto options = std::make_shared<name_options>();

	options->declare(*app);
	return {app,
		own_failure,
		1,
		any_number,
		true,
		[options](const operands &arguments) {
			return act(*options, arguments);
		}};
}

} // namespace command
