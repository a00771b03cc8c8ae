// SPDX-License-Identifier: MIT
//
// procfd: run, find, wait for, signal and stop processes by their names.

#include <algorithm>
#include <cstdio>
#include <memory>

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "../help.hpp"
#include "command.hpp"
#include "text.hpp"

namespace {

using command::subcommand;

class usage_line final : public tool::formatter {
public:
	explicit usage_line(std::string line) : line_(std::move(line)) {}

	std::string make_usage(const CLI::App *, std::string) const override
	{
		return line_;
	}

private:
	std::string line_;
};

/// The parser takes "--name=" for "--name", whose value is the next argument, and an
/// empty value would not differ from an option that is not given. It is what a
/// script makes of a variable that is not set.
[[noreturn]] void refuse_empty(const std::string &option)
{
	throw command::misuse(fmt::format("the value of {} is empty",
					  command::printable(option)));
}

/// \return  whether this is an option whose value is the next argument
bool wants_next(const CLI::App &app, const std::string &arg)
{
	auto takes_value = [&](const std::string &name) {
		const auto *option = app.get_option_no_throw(name);

		return option && option->get_items_expected_max() > 0;
	};

	if (arg.starts_with("--"))
		return arg.find('=') == std::string::npos && takes_value(arg);
	// Of "-qn" the last one may want a value; in "-nq" the "q" is the value.
	for (std::size_t i = 1; i < arg.size(); i++)
		if (takes_value(std::string("-") + arg[i]))
			return i + 1 == arg.size();
	return false;
}

/// Take the operands out of a command line. CLI11 would go on looking for
/// options in another program's arguments, and would split one that looks like
/// "[a,b]" into a list.
/// \param args  in: all arguments; out: the options, with their values
/// \throw  misuse
command::operands take_operands(const subcommand &sub,
				std::vector<std::string> &args)
{
	command::operands operands;
	std::vector<std::string> options;
	auto arg = args.begin();

	if (sub.takes_dash_signal && arg != args.end() &&
	    arg->starts_with('-') && command::signal_number(arg->substr(1)))
		operands.push_back(arg++->substr(1));
	for (; arg != args.end(); ++arg) {
		if (*arg == "--") {
			++arg;
			break;
		}
		if (arg->size() > 1 && arg->front() == '-') {
			options.push_back(*arg);
			if (arg->starts_with("--") &&
			    arg->find('=') == arg->size() - 1)
				refuse_empty(arg->substr(0, arg->size() - 1));
			if (!wants_next(*sub.app, *arg) ||
			    arg + 1 == args.end())
				continue;
			options.push_back(*++arg);
			if (arg->empty())
				refuse_empty(*(arg - 1));
			continue;
		}
		if (sub.passes_on)
			break;
		operands.push_back(*arg);
	}
	operands.insert(operands.end(), arg, args.end());
	args = std::move(options);
	return operands;
}

int misused(const std::string &subject, const std::string &complaint,
	    int usage_code)
{
	command::complain(subject.empty() ? complaint :
					    command::printable(subject) + ": " +
						    complaint);
	std::fputs("Run with --help for more information.\n", stderr);
	return usage_code;
}

int misused(const subcommand &sub, const std::string &complaint)
{
	return misused(sub.app->get_name(), complaint, sub.usage_code);
}

/// \param failed_code  what to exit with if standard output cannot be written
int print_or(const std::string &text, int failed_code)
{
	return command::print(text) == 0 ? int(tool::success) : failed_code;
}

/// \param subject  subcommand, or nothing
/// \param usage_code  also if the help cannot be written
/// \return  -1 to go on, else the code to exit with
int parse(CLI::App &app, std::vector<std::string> args,
	  const std::string &subject, int usage_code)
{
	int failed_code =
		usage_code == tool::usage ? int(tool::failure) : usage_code;

	std::reverse(args.begin(), args.end());
	try {
		app.parse(std::move(args));
		return -1;
	} catch (const CLI::CallForHelp &) {
		return print_or(app.help(), failed_code);
	} catch (const CLI::CallForVersion &e) {
		return print_or(e.what() + std::string("\n"), failed_code);
	} catch (const CLI::ParseError &e) {
		return misused(subject,
			       command::printable(tool::complaint_of(e)),
			       usage_code);
	}
}

/// "help" and "help SUBCOMMAND" are "--help" and "SUBCOMMAND --help".
/// \throw  misuse
void translate_help(std::vector<std::string> &args)
{
	if (args.empty() || args.front() != "help")
		return;
	if (args.size() > 2)
		throw command::misuse("too many arguments");
	args.erase(args.begin());
	// Of something else the help would be that of this command
	if (args.empty() || !args.front().starts_with('-'))
		args.emplace_back("--help");
}

/// Let no descriptor of a process be taken for one of the standard ones, if this
/// command was started without. The command that it starts is, too.
void fill_standard_descriptors()
{
	for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
		if (::fcntl(fd, F_GETFD) < 0)
			// Against its grain, so that its use is an error
			::open("/dev/null",
			       (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) |
				       O_CLOEXEC);
}

int main_of(int argc, char **argv)
{
	CLI::App app(
		"Processes by name: start, find, wait for, signal and stop "
		"them.",
		"procfd");
	std::vector<std::string> args(argv + (argc > 0), argv + argc);

	app.set_version_flag("--version", "procfd " PROCFD_VERSION);
	app.formatter(std::make_shared<tool::formatter>());
	app.footer("NAME without a slash is in $PROCFD_DIR, or /run/procfd.\n"
		   "procfd help SUBCOMMAND tells its options; see procfd(1).");
	app.require_subcommand(1);

	const subcommand subs[] = {
		command::make_run(app),	   command::make_exec(app),
		command::make_wait(app),   command::make_stop(app),
		command::make_status(app), command::make_signal(app),
		command::make_info(app),   command::make_ls(app),
		command::make_link(app),   command::make_replace(app),
		command::make_rm(app),
	};

	try {
		translate_help(args);
	} catch (const command::misuse &e) {
		return misused("help", e.what(), tool::usage);
	}

	const auto *sub = std::find_if(
		std::begin(subs), std::end(subs), [&](const subcommand &s) {
			return !args.empty() && s.app->check_name(args.front());
		});

	if (sub == std::end(subs)) {
		if (!args.empty() && !app.get_option_no_throw(args.front()))
			return misused(args.front(),
				       args.front().starts_with('-') ?
					       "no such option" :
					       "no such subcommand",
				       tool::usage);

		int code = parse(app, args, "", tool::usage);

		return code < 0 ? tool::usage : code;
	}

	std::string name = args.front();

	args.erase(args.begin());

	try {
		auto operands = take_operands(*sub, args);

		args.insert(args.begin(), name);
		if (int code = parse(app, args, name, sub->usage_code);
		    code >= 0)
			return code;
		if (operands.size() < sub->least)
			return misused(*sub, "an argument is missing");
		if (operands.size() > sub->most)
			return misused(*sub, "too many arguments");
		// No name, though full_path() would make a directory of it
		if (!sub->passes_on &&
		    std::find(operands.begin(), operands.end(), "") !=
			    operands.end())
			return misused(*sub, "an argument is empty");
		return sub->act(operands);
	} catch (const command::misuse &e) {
		return misused(*sub, e.what());
	}
}

} // namespace

CLI::App *command::add(CLI::App &parent, const char *name, const char *shape,
		       const char *description)
{
	auto *app = parent.add_subcommand(name, description);

	app->formatter(std::make_shared<usage_line>(
		fmt::format("Usage: procfd {} {}\n", name, shape)));
	return app;
}

void command::flag(CLI::App &app, const char *names, bool &set,
		   const char *help)
{
	app.add_flag(names, set, help);
}

void command::option(CLI::App &app, const char *names, std::string &value,
		     const std::string &help, const char *type)
{
	app.add_option(names, value, help)->type_name(type);
}

int main(int argc, char **argv)
{
	fill_standard_descriptors();
	try {
		return main_of(argc, argv);
	} catch (const std::exception &e) {
		// no memory, or a defect: nothing is promised about it
		command::complain(e.what());
		return command::own_failure;
	}
}
