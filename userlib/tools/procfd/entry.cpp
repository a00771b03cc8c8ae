// SPDX-License-Identifier: MIT
#include "entry.hpp"

#include <cerrno>
#include <ctime>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

namespace command {

using json = nlohmann::ordered_json;

namespace {

/// \return  the content of a file in /proc, empty if it cannot be read
std::string slurp(const std::string &path)
{
	procfd::unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string all;
	char part[4096];
	ssize_t size;

	while (fd && (size = ::read(fd.get(), part, sizeof(part))) != 0) {
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			break;
		all.append(part, static_cast<std::size_t>(size));
	}
	return all;
}

/// \return  whether the ids in /proc are those that this process sees: it has one
///	there then, and in that of a namespace around its own one for each
bool proc_is_ours()
{
	constexpr std::string_view key = "\nNSpid:\t";
	std::string status = slurp("/proc/self/status");
	auto at = status.find(key);

	if (at == std::string::npos) // no such namespaces, or no /proc
		return !status.empty();
	return status.find('\t', at + key.size()) >
	       status.find('\n', at + key.size());
}

/// The arguments of a process that runs. Its id is trusted no further than the
/// descriptor says afterwards that it is still its.
std::vector<std::string> arguments_of(const procfd::process &process, pid_t pid)
{
	static const bool trusted = proc_is_ours();
	std::vector<std::string> arguments;

	if (!trusted)
		return arguments;

	std::string directory = fmt::format("/proc/{}/", pid);
	std::string line = slurp(directory + "cmdline");
	std::size_t begin = 0;

	if (line.empty()) {
		line = slurp(directory + "comm");
		if (!line.empty() && line.back() == '\n')
			line.pop_back();
		if (!line.empty())
			arguments.push_back("[" + line + "]");
	} else {
		while (begin < line.size()) {
			auto end =
				std::min(line.find('\0', begin), line.size());

			arguments.push_back(line.substr(begin, end - begin));
			begin = end + 1;
		}
	}

	auto now = process.info();

	if (!now || now->state != procfd::process_state::running)
		return {};
	return arguments;
}

} // namespace

std::optional<entry> entry::read(int dirfd, const std::string &path,
				 std::string shown, std::error_code &error,
				 bool keep_open)
{
	entry found{.name = std::move(shown),
		    .st = {},
		    .process = {},
		    .info = {},
		    .arguments = {}};
	auto process = open_at(dirfd, path, procfd::access::watch);

	error = process.error();
	if (!process) {
		if (error != std::errc::permission_denied &&
		    error != std::errc::is_a_directory)
			return std::nullopt;
		procfd::unique_fd fd(
			::openat(dirfd, path.c_str(), O_PATH | O_CLOEXEC));

		if (!fd || ::fstat(fd.get(), &found.st) < 0) {
			error = {errno, std::system_category()};
			return std::nullopt;
		}
		return found;
	}

	auto info = process->info();

	// Later, so that of an exit that INFO tells of it has the time
	::fstat(process->native_handle(), &found.st);
	if (!info) {
		error = info.error();
		return found;
	}
	found.info = *info;
	if (info->state == procfd::process_state::running && info->pid > 0)
		found.arguments = arguments_of(*process, info->pid);
	if (keep_open)
		found.process = *std::move(process);
	return found;
}

bool entry::ended() const
{
	if (info)
		return info->state >= procfd::process_state::exited && !left();
	return !directory() && st.st_size > 0; // an exit record is there
}

std::uint64_t entry::left() const
{
	return info && info->tree &&
			       info->state == procfd::process_state::exited ?
		       info->tree->live :
		       0;
}

bool entry::alive() const
{
	return info && !ended();
}

std::string entry::state() const
{
	if (directory())
		return "directory";
	if (!info)
		return ended() ? "ended" : "unknown";
	switch (info->state) {
	case procfd::process_state::unbound:
		return "starting";
	case procfd::process_state::running:
		return "running";
	case procfd::process_state::exited:
		return ending(*info->status) +
		       (left() ? fmt::format(", {} left", left()) : "");
	case procfd::process_state::dropped:
		return "never started";
	}
	return "unknown";
}

pid_t entry::pid() const
{
	if (left())
		return info->tree->main_pid;
	return info && info->state == procfd::process_state::running ?
		       info->pid :
		       0;
}

std::string entry::command() const
{
	std::string line;

	for (const auto &argument : arguments) {
		if (!line.empty())
			line += ' ';
		line += printable(argument);
	}
	return line;
}

namespace {

/// \return  by how much this time namespace's CLOCK_BOOTTIME is ahead of the
///	host's, which is that of a process's times
std::chrono::nanoseconds boottime_offset()
{
	std::istringstream offsets(slurp("/proc/self/timens_offsets"));
	std::string clock;
	std::int64_t seconds = 0;
	std::int64_t rest = 0;

	while (offsets >> clock >> seconds >> rest)
		if (clock == "boottime")
			return std::chrono::seconds(seconds) +
			       std::chrono::nanoseconds(rest);
	return {};
}

/// \param at  by the host's CLOCK_BOOTTIME
std::chrono::system_clock::time_point wall_time(std::chrono::nanoseconds at)
{
	static const auto ahead = boottime_offset();
	timespec now{};

	::clock_gettime(CLOCK_BOOTTIME, &now);

	auto ago = std::chrono::seconds(now.tv_sec) +
		   std::chrono::nanoseconds(now.tv_nsec) - ahead - at;

	return std::chrono::system_clock::now() -
	       std::chrono::duration_cast<std::chrono::system_clock::duration>(
		       ago);
}

} // namespace

std::optional<std::chrono::system_clock::time_point> entry::since() const
{
	if (alive())
		return start_time();
	return end_time();
}

std::optional<std::chrono::system_clock::time_point> entry::start_time() const
{
	if (!info || info->started.count() <= 0)
		return std::nullopt;
	if (auto end = end_time())
		return *end - std::chrono::duration_cast<
				      std::chrono::system_clock::duration>(
				      info->ended - info->started);
	return wall_time(info->started);
}

std::optional<std::chrono::system_clock::time_point> entry::end_time() const
{
	using clock = std::chrono::system_clock;

	if (info ? info->state != procfd::process_state::exited : !ended())
		return std::nullopt;
	return clock::time_point(std::chrono::duration_cast<clock::duration>(
		std::chrono::seconds(st.st_mtim.tv_sec) +
		std::chrono::nanoseconds(st.st_mtim.tv_nsec)));
}

namespace {

std::string iso_time(std::chrono::system_clock::time_point at)
{
	auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
		at.time_since_epoch());

	return fmt::format(
		"{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
		fmt::gmtime(std::chrono::system_clock::to_time_t(at)),
		ms.count() % 1000);
}

/// The state as one word, and what belongs to it.
void add_state(json &object, const entry &e)
{
	std::string state = e.state();

	object["state"] = state.substr(0, state.find_first_of(" ,"));
	if (!e.info || !e.info->status)
		return;
	if (auto code = e.info->status->exit_code()) {
		object["code"] = *code;
	} else {
		object["signal"] = signal_name(*e.info->status->signal());
		object["signo"] = *e.info->status->signal();
	}
}

json object_of(const entry &e)
{
	json object;

	object["name"] = e.name;
	add_state(object, e);
	if (e.info && e.info->started.count() > 0) {
		if (e.pid() > 0)
			object["pid"] = e.pid();
		object["id"] = e.info->id;
		if (!e.arguments.empty())
			object["command"] = e.arguments;
		object["started"] = iso_time(*e.start_time());
	}
	if (e.info && e.info->tree) {
		object["live"] = e.info->tree->live;
		object["born"] = e.info->tree->born;
	}
	if (e.info && e.info->status) {
		object["ended"] = iso_time(*e.end_time());
		object["reaped"] = e.info->reaped;
		object["utime_usec"] = e.info->user_time.count();
		object["stime_usec"] = e.info->system_time.count();
		object["maxrss_kb"] = e.info->maxrss_kb;
		object["minflt"] = e.info->minor_faults;
		object["majflt"] = e.info->major_faults;
	}
	object["owner"] = user_name(e.st.st_uid);
	object["group"] = group_name(e.st.st_gid);
	object["mode"] = fmt::format("{:04o}", e.st.st_mode & 07777);
	return object;
}

} // namespace

std::string local_time(std::chrono::system_clock::time_point at)
{
	return fmt::format(
		"{:%Y-%m-%d %H:%M:%S}",
		fmt::localtime(std::chrono::system_clock::to_time_t(at)));
}

std::string json_of(const std::vector<entry> &entries, bool pretty)
{
	json document = json::array();

	for (const auto &e : entries)
		document.push_back(object_of(e));
	return document.dump(pretty ? 2 : -1, ' ', false,
			     json::error_handler_t::replace) +
	       "\n";
}

} // namespace command
