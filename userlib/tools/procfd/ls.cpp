// SPDX-License-Identifier: MIT
//
// procfd ls: names as a table, once or whenever something changes.

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

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
	bool wide = false;
	std::string color = "auto";
};

/// What one look has found.
struct listing {
	std::vector<entry> entries;
	std::vector<std::string> directories; ///< that were read
	/// how many processes may be kept open, to wait for them
	std::size_t room = 0;
	bool failed = false;

	/// Read a name as entry::read(), and keep it open while there is room.
	std::optional<entry> read(int dirfd, const std::string &path,
				  const std::string &shown,
				  std::error_code &error)
	{
		auto e = entry::read(dirfd, path, shown, error, room > 0);

		if (e && e->process && e->alive())
			room--;
		else if (e)
			e->process = {};
		return e;
	}
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
	std::vector<entry> entries;

	while (const auto *at = ::readdir(dir.get()))
		if (std::strcmp(at->d_name, ".") != 0 &&
		    std::strcmp(at->d_name, "..") != 0)
			names.emplace_back(at->d_name);
	std::sort(names.begin(), names.end());
	for (const auto &name : names) {
		std::error_code error;
		auto e = found.read(::dirfd(dir.get()), name, prefix + name,
				    error);

		if (e)
			entries.push_back(*std::move(e));
		else if (error != std::errc::no_such_file_or_directory &&
			 error != procfd::errc::not_mounted)
			// Not removed meanwhile, nor no process
			complain_about(found, path + '/' + name, error);
	}
	dir.reset(); // a descriptor for each directory is too many
	for (auto &e : entries) {
		std::string name = e.name;
		bool descend = recursive && e.directory();

		found.entries.push_back(std::move(e));
		if (descend)
			read_directory(found,
				       path + '/' + name.substr(prefix.size()),
				       name + '/', recursive);
	}
}

/// \param room  how many processes may be kept open
listing look_at(const std::vector<std::string> &paths, bool recursive,
		std::size_t room = 0)
{
	listing found;

	found.room = room;
	for (const auto &path : paths) {
		std::error_code error;
		auto e = found.read(AT_FDCWD, path, path, error);

		if (!e) {
			complain_about(found, path, error);
			continue;
		}
		if (!e->directory()) {
			found.entries.push_back(*std::move(e));
			continue;
		}

		std::string prefix;

		if (paths.size() > 1)
			prefix = path.back() == '/' ? path : path + '/';
		read_directory(found, path, prefix, recursive);
	}
	return found;
}

/// A character of a text that printable() has made, which is UTF-8.
struct character {
	std::string_view bytes;
	std::size_t width; ///< in columns of a terminal

	/// \return  the first one
	static character of(std::string_view text)
	{
		auto byte = [&](std::size_t i) {
			return static_cast<unsigned char>(text[i]);
		};
		std::size_t length = byte(0) < 0x80 ? 1 :
				     byte(0) < 0xe0 ? 2 :
				     byte(0) < 0xf0 ? 3 :
						      4;

		length = std::min(length, text.size());

		char32_t code =
			length == 1 ? byte(0) : byte(0) & (0x7fU >> length);

		for (std::size_t i = 1; i < length; i++)
			code = code << 6 | (byte(i) & 0x3f);
		return {text.substr(0, length), width_of(code)};
	}

private:
	/// Those of the East take two columns, those that combine take none.
	/// wcwidth(3) would want a locale, which a service may not have.
	static std::size_t width_of(char32_t code)
	{
		constexpr struct {
			char32_t first;
			char32_t last;
			std::size_t width;
		} ranges[] = {
			{0x0300, 0x036f, 0},   {0x1100, 0x115f, 2},
			{0x200b, 0x200f, 0},   {0x202a, 0x202e, 0},
			{0x2060, 0x206f, 0},   {0x20d0, 0x20ff, 0},
			{0x2e80, 0x303e, 2},   {0x3041, 0xa4cf, 2},
			{0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},
			{0xfe00, 0xfe0f, 0},   {0xfe20, 0xfe2f, 0},
			{0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
			{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2},
			{0x1f680, 0x1f6ff, 2}, {0x1f900, 0x1f9ff, 2},
			{0x20000, 0x3fffd, 2},
		};
		const auto *found = std::find_if(
			std::begin(ranges), std::end(ranges),
			[&](const auto &r) { return code <= r.last; });

		return found != std::end(ranges) && code >= found->first ?
			       found->width :
			       1;
	}
};

/// \return  the number of columns that a text takes
std::size_t width_of(std::string_view text)
{
	std::size_t width = 0;

	while (!text.empty()) {
		auto next = character::of(text);

		width += next.width;
		text.remove_prefix(next.bytes.size());
	}
	return width;
}

/// \return  the text, or as much of it as fits, which an ellipsis says
std::string shorten(const std::string &text, std::size_t columns)
{
	std::string out;
	std::size_t width = 0;

	if (width_of(text) <= columns)
		return text;
	for (std::string_view rest = text;;) {
		auto next = character::of(rest);

		width += next.width;
		if (width >= columns)
			break;
		out += next.bytes;
		rest.remove_prefix(next.bytes.size());
	}
	return columns ? out + "…" : out;
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

/// \return  "2 min ago", or the time itself if it is to come
std::string ago(std::chrono::system_clock::time_point at)
{
	auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
			       std::chrono::system_clock::now() - at)
			       .count();

	if (seconds < 0)
		return local_time(at);
	if (seconds < 60)
		return fmt::format("{} s ago", seconds);
	if (seconds < 60 * 60)
		return fmt::format("{} min ago", seconds / 60);
	if (seconds < 48 * 3600)
		return fmt::format("{} h ago", seconds / 3600);
	return fmt::format("{} d ago", seconds / 86400);
}

using row = std::vector<std::string>;

/// \param brief  times as they are read fastest, not as they are compared
row row_of(const entry &e, bool brief)
{
	auto since = e.since();

	return {printable(e.name) + (e.directory() ? "/" : ""),
		e.state(),
		e.pid() > 0 ? std::to_string(e.pid()) : "-",
		!since ? "-" :
		brief  ? ago(*since) :
			 local_time(*since),
		fmt::format("{}:{}", user_name(e.st.st_uid),
			    group_name(e.st.st_gid)),
		fmt::format("{:04o}", e.st.st_mode & 07777),
		e.arguments.empty() ? "-" : e.command()};
}

constexpr std::size_t gap = 2; ///< between columns

/// Make columns narrower until all fit: first names, then owners, neither so far
/// that nothing is left of them. The last column has what remains.
void fit(std::vector<std::size_t> &widths, std::size_t columns)
{
	constexpr std::size_t last_least = 12;
	constexpr struct {
		std::size_t column;
		std::size_t least;
	} yielding[] = {{0, 12}, {4, 9}, {0, 4}};
	std::size_t used = std::min(widths.back(), last_least);

	for (std::size_t i = 0; i + 1 < widths.size(); i++)
		used += widths[i] + gap;
	for (const auto &y : yielding) {
		auto &width = widths[y.column];
		std::size_t over = used > columns ? used - columns : 0;
		std::size_t cut =
			std::min(over, width > y.least ? width - y.least : 0);

		width -= cut;
		used -= cut;
	}
}

/// \param columns  of the terminal; 0: as many as it takes
std::string table_of(const listing &found, bool color, bool brief,
		     std::size_t columns)
{
	constexpr std::size_t state_column = 1;
	std::vector<row> rows = {
		{"NAME", "STATE", "PID", "SINCE", "OWNER", "MODE", "COMMAND"}};
	std::vector<std::size_t> widths(rows.front().size());
	std::string text;

	for (const auto &e : found.entries)
		rows.push_back(row_of(e, brief));
	for (const auto &r : rows)
		for (std::size_t i = 0; i < r.size(); i++)
			widths[i] = std::max(widths[i], width_of(r[i]));
	if (columns)
		fit(widths, columns);
	for (std::size_t n = 0; n < rows.size(); n++) {
		std::size_t left =
			columns ? columns :
				  std::numeric_limits<std::size_t>::max();

		for (std::size_t i = 0; i < rows[n].size() && left; i++) {
			bool last = i + 1 == rows[n].size();
			std::size_t room = std::min(widths[i], left);
			std::string cell = shorten(rows[n][i], room);
			std::size_t pad =
				last ? 0 :
				       std::min(left, widths[i] + gap) -
						width_of(cell);

			left -= std::min(left, widths[i] + gap);
			if (color && n > 0 && i == state_column)
				cell = color_of(found.entries[n - 1]) + cell +
				       "\033[m";
			text += cell;
			text.append(pad, ' ');
		}
		text += '\n';
	}
	return text;
}

std::string text_of(const listing &found, const options &options, bool color)
{
	// A line for each look, for those who read them as they come
	if (options.wants_json)
		return json_of(found.entries, !options.watch);

	std::size_t columns = options.wide ? 0 : terminal_width();

	// How long ago changes by itself, but a table that is watched does not.
	return table_of(found, color, columns && !options.watch, columns);
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

		bool complete = true;

		for (const auto &e : found.entries) {
			if (!e.alive())
				continue;
			if (!e.process) {
				complete = false;
				continue;
			}

			bool runs =
				e.info->state == procfd::process_state::running;

			entries.push_back(
				{.fd = e.process.native_handle(),
				 .events = static_cast<short>(
					 runs ? POLLIN : POLLIN | POLLOUT),
				 .revents = 0});
		}
		// More processes than descriptors: look again before long
		while (::poll(entries.data(), entries.size(),
			      complete ? -1 : 1000) < 0 &&
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
	// Some are needed to read a directory, /proc and the names of users.
	constexpr std::size_t others = 32;
	std::size_t limit = allow_many_descriptors();
	std::size_t room = limit > others ? limit - others : 0;

	if (!changes.ready())
		return tool::failure;
	for (;;) {
		// Each time: a name may have been replaced
		if (!changes.add(with_directories(paths)))
			return tool::failure;

		auto found = look_at(paths, options.recursive, room);
		std::size_t known = found.directories.size();

		if (!changes.add(found.directories))
			return tool::failure;
		// What came into a new directory before it was watched
		if (options.recursive) {
			found.entries.clear();

			auto again = look_at(paths, true, room);

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
	if (options.watch)
		return watch(paths, options, color);

	auto found = look_at(paths, options.recursive);

	// A table of nothing says that there is nothing.
	if (found.failed && found.directories.empty() &&
	    found.entries.empty() && !options.wants_json)
		return tool::failure;
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
	flag(*app, "--wide", set->wide,
	     "on a terminal: nothing shortened, and exact times");
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
