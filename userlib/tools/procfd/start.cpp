// SPDX-License-Identifier: MIT
#include "start.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "command.hpp"

namespace command {

void name_options::declare(CLI::App &app)
{
	option(app, "-n,--name", name, "the name that it gets", "NAME");
	flag(app, "--replace", replace,
	     "take the name even if the process that has it is running");
	who.declare(app);
}

std::optional<place> name_options::take(const procfd::process &process)
{
	std::string path = full_path(name);
	auto where = place::open(path);

	if (!where) {
		complain(path, where.error() == std::errc::invalid_argument ?
				       "not a name" :
				       link_reason(where.error(), path));
		return std::nullopt;
	}
	if (auto applied = who.apply(process); !applied) {
		complain(path, "owner and mode cannot be set: " +
				       applied.error().message());
		return std::nullopt;
	}

	auto taken = where->take(process, policy());

	if (!taken) {
		std::string reason = link_reason(taken.error(), path);

		if (taken.error() == std::errc::file_exists ||
		    taken.error() == std::errc::timed_out)
			reason += "; --replace takes the name over";
		complain(path, reason);
		return std::nullopt;
	}
	return *std::move(where);
}

namespace {

/// \return  0 if it can be executed, else errno
int try_file(const std::string &path)
{
	struct stat st;

	if (::stat(path.c_str(), &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	// With the effective rights, as an exec
	return ::eaccess(path.c_str(), X_OK) == 0 ? 0 : errno;
}

/// \return  0 if execvp(3) finds it, else errno
int search(const std::string &file)
{
	if (file.empty())
		return ENOENT;
	if (file.find('/') != std::string::npos)
		return try_file(file);

	const char *set = std::getenv("PATH");
	std::string path = set ? set : "/bin:/usr/bin";
	int error = ENOENT;
	std::size_t begin = 0;

	for (;;) {
		auto end = std::min(path.find(':', begin), path.size());
		std::string directory = path.substr(begin, end - begin);
		int found = try_file(
			directory.empty() ? file : directory + '/' + file);

		if (found == 0)
			return 0;
		if (found == EACCES)
			error = EACCES;
		if (end == path.size())
			return error;
		begin = end + 1;
	}
}

} // namespace

int look_for(const std::string &file)
{
	int error = search(file);

	if (error == 0)
		return 0;
	if (error == ENOENT || error == ENOTDIR) {
		complain(file, "command not found");
		return not_found;
	}
	complain(file,
		 std::string("cannot be executed: ") + std::strerror(error));
	return cannot_execute;
}

int execute(const std::vector<std::string> &arguments)
{
	std::vector<char *> argv;

	for (const auto &argument : arguments)
		argv.push_back(const_cast<char *>(argument.c_str()));
	argv.push_back(nullptr);
	::execvp(argv[0], argv.data());
	return errno;
}

int not_executed(const std::string &file, int error)
{
	std::string reason =
		std::string("cannot be executed: ") + std::strerror(error);

	if (error == ENOENT)
		reason += " (it, or the interpreter that it asks for)";
	complain(file, reason);
	return cannot_execute;
}

} // namespace command
