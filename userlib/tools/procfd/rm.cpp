// SPDX-License-Identifier: MIT
//
// procfd rm: remove names, or those whose processes have ended.

#include <cerrno>
#include <cstring>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "command.hpp"
#include "entry.hpp"

namespace command {

namespace {

struct options {
	bool dead = false;
	bool recursive = false;
	bool verbose = false;
};

class remover {
public:
	explicit remover(const options &options) : options_(options) {}

	/// Remove a name, or what is dead in a directory.
	void remove(const std::string &path)
	{
		struct stat st;

		if (!options_.dead) {
			remove_any(path);
			return;
		}
		if (::lstat(path.c_str(), &st) < 0)
			refuse(path, {errno, std::system_category()});
		else if (S_ISDIR(st.st_mode))
			sweep(path);
		else
			remove_dead(path, false);
	}

	[[nodiscard]] int code() const { return code_; }

private:
	void fail(const std::string &path, const std::string &reason)
	{
		complain(path, reason);
		code_ = tool::failure;
	}
	void refuse(const std::string &path, std::error_code error)
	{
		fail(path, open_reason(error, path));
	}
	void removed(const std::string &path)
	{
		if (options_.verbose &&
		    print(fmt::format("{}\n", printable(path))) != 0)
			code_ = tool::failure;
	}

	/// As rm(1), but only where names are: a mistyped path costs no file.
	void remove_any(const std::string &path)
	{
		auto where = place::open(path);
		std::error_code error;

		if (!where) {
			refuse(path, where.error());
			return;
		}
		if (!on_procfdfs(path)) {
			fail(path, "is not in a procfdfs; rm(1) removes files");
			return;
		}
		if (::unlinkat(where->directory(), where->entry(), 0) == 0)
			removed(path);
		else if (errno == EISDIR)
			fail(path, "is a directory (rmdir, or --dead)");
		else if (errno == EACCES || errno == EPERM)
			fail(path, link_reason({EACCES, std::system_category()},
					       path));
		else
			refuse(path, {errno, std::system_category()});
	}

	/// \param among_others  a name that lives is passed over
	void remove_dead(const std::string &path, bool among_others)
	{
		auto where = place::open(path);
		std::error_code error;

		if (!where) {
			refuse(path, where.error());
			return;
		}

		auto found = entry::read(where->directory(), where->entry(),
					 path, error);

		if (!found) {
			if (!among_others ||
			    error != std::errc::no_such_file_or_directory)
				refuse(path, error);
			return;
		}
		if (!found->ended()) {
			if (!among_others)
				fail(path, found->alive() ?
						   "is running; without "
						   "--dead it is removed" :
						   open_reason(error, path));
			return;
		}

		if (!on_procfdfs(path)) {
			fail(path, "is a symbolic link, and not in a procfdfs; "
				   "rm(1) removes it");
			return;
		}

		auto done = where->remove_dead();

		if (done)
			removed(path);
		else if (done.error() == std::errc::device_or_resource_busy) {
			if (!among_others)
				fail(path, "is running again");
		} else {
			fail(path, link_reason(done.error(), path));
		}
	}

	void sweep(const std::string &directory)
	{
		std::unique_ptr<DIR, int (*)(DIR *)> dir(
			::opendir(directory.c_str()), ::closedir);

		if (!dir) {
			refuse(directory, {errno, std::system_category()});
			return;
		}
		if (!on_procfdfs(directory + "/")) {
			fail(directory, not_procfdfs(directory));
			return;
		}

		// First all names, so that what is removed disturbs no reading
		std::vector<std::string> names;

		while (const auto *at = ::readdir(dir.get()))
			if (std::strcmp(at->d_name, ".") != 0 &&
			    std::strcmp(at->d_name, "..") != 0)
				names.emplace_back(at->d_name);
		dir.reset(); // a descriptor for each directory is too many
		for (const auto &name : names) {
			struct stat st;
			std::string path =
				(directory.back() == '/' ? directory :
							   directory + '/') +
				name;

			if (::lstat(path.c_str(), &st) < 0)
				continue; // somebody else has removed it
			if (!S_ISDIR(st.st_mode))
				remove_dead(path, true);
			else if (options_.recursive)
				sweep(path);
		}
	}

	const options &options_;
	int code_ = tool::success;
};

int act(const options &options, const operands &names)
{
	remover all(options);

	if (options.recursive && !options.dead)
		throw misuse("--recursive goes with --dead");
	if (names.empty() && !options.dead)
		throw misuse("NAME is required");
	for (const auto &name : names)
		all.remove(full_path(name));
	if (names.empty())
		all.remove(default_directory());
	return all.code();
}

} // namespace

subcommand make_rm(CLI::App &parent)
{
	auto *app = add(parent, "rm",
			"[OPTION] NAME...\n       "
			"procfd rm --dead [OPTION...] [DIRECTORY|NAME...]",
			"Remove names; their processes go on");
	auto set = std::make_shared<options>();

	flag(*app, "-d,--dead", set->dead,
	     "only names whose processes have ended");
	flag(*app, "-R,--recursive", set->recursive,
	     "directories in directories as well");
	flag(*app, "-v,--verbose", set->verbose, "print what has been removed");
	return {app,
		tool::usage,
		0,
		any_number,
		false,
		[set](const operands &names) { return act(*set, names); }};
}

} // namespace command
