// SPDX-License-Identifier: GPL-2.0-only
//
// Fork, name, signal, wait, remove, by the installed library.
// Usage: lifecycle NAME	prints how the child ended
#include <cstdio>
#include <string>

#include <csignal>
#include <unistd.h>

#include <procfd/procfd.hpp>

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	auto child = procfd::spawn({"sleep", "1000"});
	if (!child || !child->link(argv[1]))
		return 1;
	auto named = procfd::process::from_name(argv[1]);
	if (!named || !named->signal(SIGTERM))
		return 1;
	auto status = child->wait();
	if (!status || unlink(argv[1]) != 0)
		return 1;
	std::puts(status->str().c_str());
	return 0;
}
