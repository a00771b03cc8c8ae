// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_ENTRY_HPP
#define PROCFD_TOOLS_ENTRY_HPP

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "names.hpp"

/// What is known about a name, as text and as JSON, for status, info and ls.
namespace command {

struct entry {
	std::string name; ///< as it is to be shown, not yet printable
	struct stat st;
	/// to watch, if it was to be kept open; empty if it may not be read, and
	/// for directories
	procfd::process process;
	std::optional<procfd::process_info> info; ///< if it may be read
	std::vector<std::string> arguments; ///< while it runs

	/// Look at a name.
	/// \param dirfd  directory that a relative path starts from
	/// \param path  the name
	/// \param shown  what entry::name becomes
	/// \param error  out: why there is nothing, or no info
	/// \param keep_open  whether entry::process is wanted
	/// \return  nothing if there is no such name, or it is no process
	static std::optional<entry> read(int dirfd, const std::string &path,
					 std::string shown,
					 std::error_code &error,
					 bool keep_open = false);

	[[nodiscard]] bool directory() const { return S_ISDIR(st.st_mode); }
	/// It has ended, and its tree with it: also known of one that may not be read.
	[[nodiscard]] bool ended() const;
	/// It runs, or is being started.
	[[nodiscard]] bool alive() const;
	/// \return  how many are left of a tree whose first process has ended; else 0
	[[nodiscard]] std::uint64_t left() const;
	/// \return  "running", "starting", "exited 7", "killed TERM", "dumped
	///	SEGV", "never started", "directory"; "exited 0, 3 left" of a tree that
	///	goes on; if it may not be read, "ended" or "unknown"
	[[nodiscard]] std::string state() const;
	/// \return  process id, of a tree that goes on that of the main process; 0 once
	///	it has ended, as another may have it then
	[[nodiscard]] pid_t pid() const;
	/// \return  the arguments with blanks between, printable
	[[nodiscard]] std::string command() const;
	/// \return  when it started, or once it has ended when that was
	[[nodiscard]] std::optional<std::chrono::system_clock::time_point>
	since() const;
	/// \return  by the clock of the exit if it has ended, which the kernel
	///	recorded; else by the clock as it is set now
	[[nodiscard]] std::optional<std::chrono::system_clock::time_point>
	start_time() const;
	/// \return  the time that the kernel recorded, as in the name's inode
	[[nodiscard]] std::optional<std::chrono::system_clock::time_point>
	end_time() const;
};

/// \return  as "2026-11-24 10:49:58", local time
std::string local_time(std::chrono::system_clock::time_point at);

/// \param pretty  on many lines
/// \return  the entries as an array of objects; bytes that are no UTF-8 are
///	replaced
std::string json_of(const std::vector<entry> &entries, bool pretty);

} // namespace command

#endif
