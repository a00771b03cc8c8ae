// SPDX-License-Identifier: MIT
//
// procfd ls: names as a table, once or whenever something changes.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.hpp"
#include "entry.hpp"

namespace command {

namespace {

struct options {
	bool recursive = false;
	bool wants_json = false;
	bool watch = false;
	std::string color = "auto";
};

/// What one look has found.
struct listing {
	std::vector<entry> entries;
	std::vector<std::string> directories; ///< that were read
	bool failed = false;
};

void complain_about(listing &found, const std::string &path,
		    std::error_code error)
{
	complain(path, open_reason(error, path));
	found.failed = true;
}

void read_directory(listing &found, const std::string &path,
		    const std::string &prefix, bool recursive)
{
	std::unique_ptr<DIR, int (*)(DIR *)> dir(::opendir(path.c_str()),
						 ::closedir);

	if (!dir) {
		complain_about(found, path, {errno, std::system_category()});
		return;
	}
	found.directories.push_back(path);

	std::vector<std::string> names;

	while (const auto *at = ::readdir(dir.get()))
		if (std::strcmp(at->d_name, ".") != 0 &&
		    std::strcmp(at->d_name, "..") != 0)
			names.emplace_back(at->d_name);
	std::sort(names.begin(), names.end());
	for (const auto &name : names) {
		std::error_code error;
		auto e = entry::read(::dirfd(dir.get()), name, prefix + name,
				     error);

		if (!e) {
			// Removed meanwhile, or no process
			if (error != std::errc::no_such_file_or_directory &&
			    error != procfd::errc::not_mounted)
				complain_about(found, path + '/' + name, error);
			continue;
		}

		bool descend = recursive && e->directory();

		found.entries.push_back(*std::move(e));
		if (descend)
			read_directory(found, path + '/' + name,
				       prefix + name + '/', recursive);
	}
}

listing look_at(const std::vector<std::string> &paths, bool recursive)
{
	listing found;

	for (const auto &path : paths) {
		std::error_code error;
		auto e = entry::read(AT_FDCWD, path, path, error);

		if (!e) {
			complain_about(found, path, error);
			continue;
		}
		if (!e->directory()) {
			found.entries.push_back(*std::move(e));
			continue;
		}
		if (!on_procfdfs(path + "/")) {
			complain(path, fmt::format("is not in a procfdfs; {}",
						   mount_advice(path)));
			found.failed = true;
			continue;
		}

		std::string prefix;

		if (paths.size() > 1)
			prefix = path.back() == '/' ? path : path + '/';
		read_directory(found, path, prefix, recursive);
	}
	return found;
}

/// \return  the number of columns that a text takes, with one for each character
std::size_t width_of(const std::string &text)
{
	return static_cast<std::size_t>(
		std::count_if(text.begin(), text.end(), [](char c) {
			return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
		}));
}

std::string cut(const std::string &text, std::size_t columns)
{
	std::string out;
	std::size_t width = 0;

	for (char c : text) {
		width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
		if (width > columns)
			break;
		out += c;
	}
	return out;
}

/// \return  the columns of the terminal, 0 if standard output is none
std::size_t terminal_width()
{
	struct winsize size {};

	if (::isatty(STDOUT_FILENO) &&
	    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		return size.ws_col;
	return 0;
}

bool wants_color(const std::string &choice)
{
	const char *no_color = std::getenv("NO_COLOR");
	const char *terminal = std::getenv("TERM");

	if (choice != "auto")
		return choice == "always";
	return ::isatty(STDOUT_FILENO) && (!no_color || !*no_color) &&
	       !(terminal && std::strcmp(terminal, "dumb") == 0);
}

/// \return  the escape sequence for a state
const char *color_of(const entry &e)
{
	if (e.directory())
		return "\033[34m";
	if (e.alive())
		return "\033[32m";
	if (e.info && e.info->status && !e.info->status->success())
		return "\033[31m";
	return "\033[2m";
}

std::string table_of(const listing &found, bool color)
{
	using row = std::vector<std::string>;
	constexpr std::size_t state_column = 1;
	std::vector<row> rows = {
		{"NAME", "STATE", "PID", "SINCE", "OWNER", "MODE", "COMMAND"}};
	std::vector<std::size_t> widths(rows.front().size());
	std::size_t columns = terminal_width();
	std::string text;

	for (const auto &e : found.entries) {
		auto since = e.since();

		rows.push_back({printable(e.name) + (e.directory() ? "/" : ""),
				e.state(),
				e.pid() > 0 ? std::to_string(e.pid()) : "-",
				since ? local_time(*since) : "-",
				fmt::format("{}:{}", user_name(e.st.st_uid),
					    group_name(e.st.st_gid)),
				fmt::format("{:04o}", e.st.st_mode & 07777),
				e.arguments.empty() ? "-" : e.command()});
	}
	for (const auto &r : rows)
		for (std::size_t i = 0; i < r.size(); i++)
			widths[i] = std::max(widths[i], width_of(r[i]));
	for (std::size_t n = 0; n < rows.size(); n++) {
		std::size_t used = 0;

		for (std::size_t i = 0; i < rows[n].size(); i++) {
			std::string cell = rows[n][i];
			bool last = i + 1 == rows[n].size();

			if (last && columns)
				cell = cut(cell,
					   columns - std::min(columns, used));

			std::string pad(
				last ? 0 : widths[i] - width_of(cell) + 2, ' ');

			used += widths[i] + 2;
			if (color && n > 0 && i == state_column)
				cell = color_of(found.entries[n - 1]) + cell +
				       "\033[m";
			text += cell + pad;
		}
		text += '\n';
	}
	return text;
}

std::string text_of(const listing &found, const options &options, bool color)
{
	if (!options.wants_json)
		return table_of(found, color);

	// A line for each look, for those who read them as they come
	return json_of(found.entries, !options.watch);
}

/// \return  these paths, and for each that is no directory the one that it is in,
///	where it may be replaced
std::vector<std::string> with_directories(std::vector<std::string> paths)
{
	for (std::size_t i = paths.size(); i-- > 0;) {
		struct stat st;

		if (::stat(paths[i].c_str(), &st) == 0 && !S_ISDIR(st.st_mode))
			paths.push_back(directory_of(paths[i]));
	}
	return paths;
}

/// Sees what changes in directories, and of names.
class watcher {
public:
	watcher() noexcept : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

	/// Watch what has these paths now. What was watched before stays so.
	/// \return  false if the system has no means left, which is said; what
	///	else is wrong with a path, who reads it sees
	bool add(const std::vector<std::string> &paths)
	{
		for (const auto &path : paths) {
			if (::inotify_add_watch(fd_.get(), path.c_str(),
						IN_CREATE | IN_DELETE |
							IN_MOVE | IN_ATTRIB |
							IN_DELETE_SELF |
							IN_MOVE_SELF) >= 0)
				continue;
			if (errno != ENOSPC && errno != ENOMEM)
				continue;
			complain(path,
				 "cannot be watched: no more inotify watches "
				 "(fs.inotify.max_user_watches)");
			return false;
		}
		return true;
	}

	/// \return  whether there is one; says if not
	[[nodiscard]] bool ready() const
	{
		if (!fd_)
			complain("cannot watch: no more inotify instances "
				 "(fs.inotify.max_user_instances)");
		return static_cast<bool>(fd_);
	}

	/// Wait for a change: of a directory, or of a process that runs or is
	/// being started.
	/// \return  false if standard output has no reader any more
	bool await(const listing &found)
	{
		std::vector<struct pollfd> entries = {
			{.fd = fd_.get(), .events = POLLIN, .revents = 0},
			{.fd = STDOUT_FILENO, .events = 0, .revents = 0},
		};

		for (const auto &e : found.entries) {
			if (!e.alive())
				continue;

			bool runs =
				e.info->state == procfd::process_state::running;

			entries.push_back(
				{.fd = e.process.native_handle(),
				 .events = static_cast<short>(
					 runs ? POLLIN : POLLIN | POLLOUT),
				 .revents = 0});
		}
		while (::poll(entries.data(), entries.size(), -1) < 0 &&
		       errno == EINTR)
			;
		drain();
		return entries[1].revents == 0;
	}

private:
	/// Which events there were does not matter: everything is read anew.
	void drain()
	{
		char events[4096];

		while (::read(fd_.get(), events, sizeof(events)) > 0)
			;
	}

	procfd::unique_fd fd_;
};

int watch(const std::vector<std::string> &paths, const options &options,
	  bool color)
{
	watcher changes;
	bool terminal = ::isatty(STDOUT_FILENO);
	std::string last;

	if (!changes.ready())
		return tool::failure;
	for (;;) {
		// Each time: a name may have been replaced
		if (!changes.add(with_directories(paths)))
			return tool::failure;

		auto found = look_at(paths, options.recursive);
		std::size_t known = found.directories.size();

		if (!changes.add(found.directories))
			return tool::failure;
		// What came into a new directory before it was watched
		if (options.recursive) {
			auto again = look_at(paths, true);

			if (again.directories.size() != known)
				continue;
			found = std::move(again);
		}
		if (found.failed)
			return tool::failure;

		std::string text = text_of(found, options, color);

		if (text != last) {
			std::string before;

			if (terminal)
				before = "\033[H\033[J";
			else if (!last.empty() && !options.wants_json)
				before = "\n";
			if (print(before + text) != 0)
				return tool::failure;
			last = text;
		}
		if (!changes.await(found))
			return tool::success;
	}
}

int act(const options &options, const operands &names)
{
	std::vector<std::string> paths;
	bool color = wants_color(options.color);

	if (options.color != "auto" && options.color != "always" &&
	    options.color != "never")
		throw misuse("--color is auto, always or never");
	for (const auto &name : names)
		paths.push_back(full_path(name));
	if (paths.empty())
		paths.push_back(default_directory());
	allow_many_descriptors();
	if (options.watch)
		return watch(paths, options, color);

	auto found = look_at(paths, options.recursive);

	if (print(text_of(found, options, color)) != 0)
		return tool::failure;
	return found.failed ? tool::failure : tool::success;
}

} // namespace

subcommand make_ls(CLI::App &parent)
{
	auto *app = add(parent, "ls", "[OPTION...] [DIRECTORY|NAME...]",
			"List names, their processes and who may use them");
	auto set = std::make_shared<options>();

	flag(*app, "-R,--recursive", set->recursive,
	     "directories in directories as well");
	flag(*app, "-j,--json", set->wants_json, "as an array of objects");
	flag(*app, "-w,--watch", set->watch,
	     "again whenever something changes");
	option(*app, "--color", set->color,
	       "auto, always or never (default auto: on a terminal, "
	       "unless NO_COLOR is set)",
	       "WHEN");
	return {app,
		tool::usage,
		0,
		any_number,
		false,
		[set](const operands &names) { return act(*set, names); }};
}

} // namespace command
