// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_NAMES_HPP
#define PROCFD_TOOLS_NAMES_HPP

#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <sys/stat.h>

#include <procfd/procfd.hpp>

#include "command.hpp"
#include "text.hpp"

/// Where names are, how to open, take and remove them, and why that failed.
namespace command {

/// \return  the directory of names without a slash: $PROCFD_DIR or /run/procfd
std::string default_directory();

/// \return  the path that an argument means; in default_directory() if it has no
///	slash and is neither "." nor ".."
std::string full_path(const std::string &argument);

/// \return  the directory that the last component of a path is in
std::string directory_of(const std::string &path);

/// \return  why no names are in a directory, and how to have them there
std::string not_procfdfs(const std::string &directory);

/// \return  whether a descriptor is of a file in a procfdfs, or of a process
bool on_procfdfs(int fd);

/// \return  whether a path's directory is in a procfdfs
bool on_procfdfs(const std::string &path);

/// \return  "root:adm with mode 0640"
std::string rights_of(const struct stat &st);

/// \return  why a name could not be opened, and what to do
std::string open_reason(std::error_code error, const std::string &path);

/// \return  why a name could not be made, and what to do
std::string link_reason(std::error_code error, const std::string &path);

/// \return  why /dev/procfd did not do what was asked of it
std::string device_reason(std::error_code error);

/// \return  why a process could not be signalled
std::string signal_reason(std::error_code error);

/// Open a name, and nothing else: to open a device may do something already, and a
/// FIFO has another end that would notice.
/// \param dirfd  directory that a relative path starts from
/// \return  the errors of process::from_name_at(); procfd::errc::not_mounted for
///	what is in no procfdfs
procfd::result<procfd::process>
open_at(int dirfd, const std::string &path,
	procfd::access wanted = procfd::access::watch_and_signal);

/// Open a name, or say why not.
std::optional<procfd::process> open_name(const std::string &path,
					 procfd::access wanted);

/// Let this process open as many names as the system lets it.
/// \return  how many descriptors it may have
std::size_t allow_many_descriptors() noexcept;

/// A name to be made or removed: its directory, held open, and an entry in it.
class place {
public:
	/// \param path  full path of the name
	/// \return  the errors of opening a directory; EINVAL if the path ends
	///	in no name
	static procfd::result<place> open(const std::string &path);

	[[nodiscard]] const std::string &path() const noexcept { return path_; }
	[[nodiscard]] int directory() const noexcept { return fd_.get(); }
	[[nodiscard]] const char *entry() const noexcept
	{
		return path_.c_str() + entry_;
	}

	/// Give a process this name.
	///
	/// If the name is there and its process is just being started, wait until
	/// that is decided, a few seconds at most: the start may fail, or be the
	/// moment in which remove_dead() holds the name.
	/// \param policy  keep, replace or replace_dead
	procfd::result<void> take(const procfd::process &process,
				  procfd::existing policy) const;

	/// Remove the name if it is this descriptor's. Whoever replaces it by
	/// force or moves another there between look and removal loses that.
	/// \return  the errors of unlink(2); it is none if the name has gone, or
	///	is another's
	[[nodiscard]] procfd::result<void>
	remove_own(const procfd::process &process) const;

	/// remove_own() after a failure; says if that fails as well.
	void give_up(const procfd::process &process) const;

	/// Remove the name if its process has ended.
	///
	/// A start that takes the name in this moment is not lost: it waits, and
	/// takes the name afterwards. Only a replacement by force between look
	/// and removal is.
	/// \return  EBUSY if its process runs or is being started, and the errors
	///	of process::link_at() and unlink(2)
	procfd::result<void> remove_dead() const;

private:
	place(std::string path, std::size_t entry, procfd::unique_fd fd)
		: path_(std::move(path)), entry_(entry), fd_(std::move(fd))
	{
	}

	std::string path_;
	std::size_t entry_;
	procfd::unique_fd fd_;
};

/// Wait until a process that is being started runs, or never will.
/// \return  what it is then, or at the deadline
procfd::result<procfd::process_state>
await_start(const procfd::process &process, clock::time_point deadline);

/// How long await_start() is given where the user has not said.
constexpr std::chrono::seconds start_patience{10};

/// Wait until a descriptor has one of these events.
/// \param deadline  absent: for ever
/// \return  whether it has
bool await_events(int fd, short events,
		  std::optional<clock::time_point> deadline);

/// \return  timeout for ppoll(2), never below zero
timespec time_left(clock::time_point deadline);

/// Who may use a name.
class rights {
public:
	/// --mode and --owner.
	void declare(CLI::App &app);

	/// Look the users up, before anything is done.
	/// \throw  misuse
	void resolve();

	/// Set owner and mode of a descriptor, and of the names that it has.
	/// \return  the errors of fchown(2) and fchmod(2)
	[[nodiscard]] procfd::result<void>
	apply(const procfd::process &process) const;

	/// Set those that apply() may have set to what they were before; says if
	/// that fails.
	void undo(const procfd::process &process,
		  const struct stat &before) const;

private:
	[[nodiscard]] bool gives() const noexcept
	{
		return user_ != static_cast<uid_t>(-1) ||
		       group_ != static_cast<gid_t>(-1);
	}

	std::string mode_text_;
	std::string owner_text_;
	std::optional<mode_t> mode_;
	uid_t user_ = static_cast<uid_t>(-1);
	gid_t group_ = static_cast<gid_t>(-1);
};

} // namespace command

#endif
