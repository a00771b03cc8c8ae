// SPDX-License-Identifier: MIT
//
// procfd link and replace: give a process that runs a name.

#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../device.hpp"
#include "command.hpp"
#include "names.hpp"

namespace command {

namespace {

struct options {
	std::string pid;
	std::string fd;
	rights who;
};

std::optional<procfd::process> refuse(const std::string &subject,
				      const std::string &reason)
{
	complain(subject, reason);
	return std::nullopt;
}

std::string reason_of_pid(std::error_code error)
{
	if (error == procfd::errc::module_missing || tool::device_is_another())
		return device_reason(error);
	if (error == std::errc::no_such_process)
		return "no such process";
	if (error == std::errc::operation_not_permitted)
		return "not permitted; you must be allowed to signal it, or be "
		       "its parent";
	if (error == std::errc::invalid_argument)
		return "is a thread, not a process";
	return error.message();
}

std::optional<procfd::process> by_pid(const std::string &text)
{
	auto pid = tool::number(text, 10);

	if (!pid || *pid == 0)
		throw misuse("not a process id: " + printable(text));

	// A shell that gives its own id is the parent of this process, now and
	// after the open: the id cannot have been another's between.
	bool parent = *pid == ::getppid();
	auto process = procfd::process::open(*pid);

	if (!process)
		return refuse("process " + text,
			      reason_of_pid(process.error()));
	if (parent && *pid != ::getppid())
		return refuse("process " + text, "ended meanwhile");
	return *std::move(process);
}

std::optional<procfd::process> by_pidfd(int fd, const std::string &subject)
{
	auto process = procfd::process::from_pidfd(fd);

	if (process)
		return *std::move(process);
	if (process.error() == std::errc::bad_file_descriptor)
		return refuse(subject, "is neither a descriptor of a process "
				       "nor a pidfd");
	if (process.error() == std::errc::no_such_process)
		return refuse(subject, "its process has been reaped, or is not "
				       "in the pid namespace of /proc and this "
				       "command");
	return refuse(subject, reason_of_pid(process.error()));
}

std::optional<procfd::process> by_fd(const std::string &text)
{
	auto number = tool::number(text, 10);
	std::string subject = "descriptor " + text;

	if (!number)
		throw misuse("not a descriptor: " + printable(text));

	procfd::unique_fd fd(::fcntl(*number, F_DUPFD_CLOEXEC, 3));

	if (!fd)
		return refuse(subject, "the shell has not opened it");

	struct stat st {};

	// Not by asking it: it may be opened to signal only.
	if (::fstat(fd.get(), &st) < 0 || !S_ISFIFO(st.st_mode) ||
	    !on_procfdfs(fd.get()))
		return by_pidfd(*number, subject);
	return procfd::process::adopt(std::move(fd));
}

int act(options &options, procfd::existing policy, const operands &names)
{
	if (options.pid.empty() && options.fd.empty())
		throw misuse("--pid or --fd is required");
	if (!options.pid.empty() && !options.fd.empty())
		throw misuse("--pid does not go with --fd");
	options.who.resolve();

	// Before anything is opened that would have the number of a descriptor
	// which the shell has closed
	auto process =
		options.pid.empty() ? by_fd(options.fd) : by_pid(options.pid);

	if (!process)
		return tool::failure;

	std::string path = full_path(names.front());
	auto where = place::open(path);

	if (!where) {
		complain(path, where.error() == std::errc::invalid_argument ?
				       "not a name" :
				       link_reason(where.error(), path));
		return tool::failure;
	}

	struct stat before {};

	if (::fstat(process->native_handle(), &before) < 0) {
		complain(path, std::strerror(errno));
		return tool::failure;
	}
	// Before the name is there, which nobody sees with other rights then
	if (auto applied = options.who.apply(*process); !applied) {
		options.who.undo(*process, before);
		complain(path, "owner and mode cannot be set: " +
				       applied.error().message());
		return tool::failure;
	}

	auto taken = where->take(*process, policy);

	if (taken)
		return tool::success;
	options.who.undo(*process, before);

	std::string reason = link_reason(taken.error(), path);

	if (taken.error() == std::errc::file_exists)
		reason += "; procfd replace takes the name over";
	else if (taken.error() == std::errc::invalid_argument)
		reason = "the descriptor kills its process when it is closed, "
			 "which a name would undo";
	complain(path, reason);
	return tool::failure;
}

subcommand make(CLI::App &parent, const char *name, const char *description,
		procfd::existing policy)
{
	auto *app = add(parent, name, "{--pid PID | --fd FD} [OPTION...] NAME",
			description);
	auto set = std::make_shared<options>();

	option(*app, "-p,--pid", set->pid, "the process of this id", "PID");
	option(*app, "-f,--fd", set->fd,
	       "the process behind a descriptor that this command "
	       "inherits: procfd's own or a pidfd",
	       "FD");
	set->who.declare(*app);
	return {app,
		tool::usage,
		1,
		1,
		false,
		[set, policy](const operands &names) {
			return act(*set, policy, names);
		}};
}

} // namespace

subcommand make_link(CLI::App &parent)
{
	return make(parent, "link", "Give a process that runs a name",
		    procfd::existing::replace_dead);
}

subcommand make_replace(CLI::App &parent)
{
	return make(parent, "replace",
		    "The same, taking the name from a process that runs",
		    procfd::existing::replace);
}

} // namespace command
