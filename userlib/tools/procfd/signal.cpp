// SPDX-License-Identifier: MIT
//
// procfd signal: send a signal, with the rights of whoever made the name.

#include <csignal>
#include <memory>

#include "watched.hpp"

namespace command {

namespace {

int list()
{
	std::string text;

	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (signo < 32 || signo >= SIGRTMIN)
			text += fmt::format("{:2} {}\n", signo,
					    signal_name(signo));
	return print(text);
}

/// \throw  misuse
procfd::scope scope_of(const std::string &word)
{
	constexpr const char *words[] = {"process", "main", "group", "tree"};

	for (unsigned i = 0; i < std::size(words); i++)
		if (word == words[i])
			return static_cast<procfd::scope>(i);
	throw misuse("not a scope: " + printable(word) +
		     "; say process, main, group or tree");
}

int act(bool wants_list, const std::string &scope, const operands &arguments)
{
	if (wants_list) {
		if (!arguments.empty())
			throw misuse("--list stands alone");
		return list();
	}
	if (arguments.size() < 2)
		throw misuse("SIGNAL and NAME are required");

	auto signo = signal_number(arguments.front());

	if (!signo)
		throw misuse("not a signal: " + printable(arguments.front()));

	auto whom = scope_of(scope);
	int code = tool::success;

	for (auto name = arguments.begin() + 1; name != arguments.end();
	     ++name) {
		std::string path = full_path(*name);
		auto process = open_name(path, procfd::access::signal);

		if (!process) {
			code = tool::failure;
			continue;
		}

		auto sent = process->signal(*signo, whom);

		if (sent)
			continue;
		code = tool::failure;
		complain(path,
			 whom == procfd::scope::tree &&
					 sent.error() ==
						 std::errc::invalid_argument ?
				 "it is not the first process of a tree" :
				 signal_reason(sent.error()));
	}
	return code;
}

} // namespace

subcommand make_signal(CLI::App &parent)
{
	auto *app = add(parent, "signal",
			"[OPTION] [-]SIGNAL NAME...\n       "
			"procfd signal --list",
			"Send a signal; 0 only asks whether that is possible");
	auto wants_list = std::make_shared<bool>(false);
	auto scope = std::make_shared<std::string>("main");

	flag(*app, "-l,--list", *wants_list,
	     "print the numbers and names of signals");
	option(*app, "-S,--scope", *scope,
	       "whom it is for: process, main (default), group, tree", "SCOPE");
	return {app,
		tool::usage,
		0,
		any_number,
		false,
		[wants_list, scope](const operands &arguments) {
			return act(*wants_list, *scope, arguments);
		},
		true};
}

} // namespace command
