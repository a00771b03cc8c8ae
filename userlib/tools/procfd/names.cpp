// SPDX-License-Identifier: MIT
#include "names.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../../../uapi/procfd.h"
#include "../device.hpp"
#include "command.hpp"

namespace command {

namespace {

procfd::unexpected error_of(int error)
{
	return procfd::unexpected({error, std::system_category()});
}

bool module_missing(std::error_code error)
{
	return error == procfd::errc::module_missing;
}

/// \return  whether the kernel knows the filesystem; true if it does not say
bool module_loaded()
{
	std::ifstream known("/proc/filesystems");
	std::string word;

	if (!known)
		return true;
	while (known >> word)
		if (word == "procfdfs")
			return true;
	return false;
}

/// \return  what a file is, if it is no name
const char *kind_of(const struct stat &st)
{
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	case S_IFIFO:
		return "a FIFO of a common filesystem";
	case S_IFSOCK:
		return "a socket";
	case S_IFLNK:
		return "a symbolic link that leads nowhere";
	default:
		return "a file";
	}
}

/// Why a path leads to no name, though that is not what the error says.
std::string not_mounted(const std::string &path)
{
	std::string directory = directory_of(path);
	struct stat st;

	if (::stat(path.c_str(), &st) == 0 ? S_ISDIR(st.st_mode) :
					     path == "/run/procfd")
		return not_procfdfs(path);
	if (on_procfdfs(path))
		return "no such name";
	if (::lstat(path.c_str(), &st) == 0) {
		procfd::unique_fd there(
			::open(path.c_str(), O_PATH | O_CLOEXEC));

		if (there && on_procfdfs(there.get()))
			return "is a symbolic link, not a name; use the name "
			       "that it leads to";
		if (S_ISLNK(st.st_mode))
			(void)::stat(path.c_str(), &st);
		return fmt::format("is {}, not the name of a process; names "
				   "are in a procfdfs, as {}",
				   kind_of(st), default_directory());
	}
	if (::stat(directory.c_str(), &st) < 0 && directory != "/run/procfd")
		return fmt::format("no directory {}", printable(directory));
	return fmt::format("{} {}", printable(directory),
			   not_procfdfs(directory));
}

/// The errors that come from the way to a name, whatever is done with it.
std::optional<std::string> way_reason(std::error_code error,
				      const std::string &path)
{
	struct stat st;
	std::string directory = directory_of(path);

	if (module_missing(error))
		return device_reason(error);
	if (error == procfd::errc::not_mounted)
		return not_mounted(path);
	if (error == std::errc::no_such_file_or_directory &&
	    (::stat(directory.c_str(), &st) < 0 || path == "/run/procfd"))
		return not_mounted(path);
	if (error == std::errc::no_such_file_or_directory &&
	    ::lstat(path.c_str(), &st) == 0 && S_ISLNK(st.st_mode))
		return std::string("is ") + kind_of(st);
	if (error == std::errc::too_many_files_open)
		return "too many names at once for the limit of open files; "
		       "raise it (ulimit -n), or name fewer at a time";
	return std::nullopt;
}

} // namespace

bool on_procfdfs(int fd)
{
	struct statfs fs;

	return ::fstatfs(fd, &fs) == 0 && fs.f_type == PROCFD_FS_MAGIC;
}

bool on_procfdfs(const std::string &path)
{
	struct statfs fs;
	auto slash = path.rfind('/');
	std::string directory =
		slash == std::string::npos ? "." : path.substr(0, slash + 1);

	return ::statfs(directory.c_str(), &fs) == 0 &&
	       fs.f_type == PROCFD_FS_MAGIC;
}

std::string not_procfdfs(const std::string &directory)
{
	std::string mount = "mount -t procfdfs procfd DIRECTORY";

	if (directory == "/run/procfd" || directory == "/run/procfd/")
		mount = "systemctl start run-procfd.mount, or "
			"mkdir -p /run/procfd && "
			"mount -t procfdfs procfd /run/procfd";
	if (module_loaded())
		return "is not in a procfdfs; mount one: " + mount;
	return "is not in a procfdfs, and the kernel module is not loaded; "
	       "load it: modprobe procfd; then mount one: " +
	       mount;
}

std::string default_directory()
{
	const char *set = std::getenv("PROCFD_DIR");

	return set && *set ? set : "/run/procfd";
}

std::string full_path(const std::string &argument)
{
	if (argument.find('/') != std::string::npos || argument == "." ||
	    argument == "..")
		return argument;

	std::string directory = default_directory();

	if (directory.back() != '/')
		directory += '/';
	return directory + argument;
}

std::string directory_of(const std::string &path)
{
	auto slash = path.rfind('/');

	if (slash == std::string::npos)
		return ".";
	return slash == 0 ? "/" : path.substr(0, slash);
}

std::string rights_of(const struct stat &st)
{
	return fmt::format("{}:{} with mode {:04o}", user_name(st.st_uid),
			   group_name(st.st_gid), st.st_mode & 07777);
}

std::string open_reason(std::error_code error, const std::string &path)
{
	struct stat st;

	if (auto reason = way_reason(error, path))
		return *reason;
	if (error == std::errc::no_such_file_or_directory)
		return "no such name";
	if (error == std::errc::is_a_directory)
		return "is a directory, not the name of a process";
	if (error == std::errc::permission_denied) {
		if (::lstat(path.c_str(), &st) == 0)
			return fmt::format(
				"permission denied; it belongs to {} "
				"(chmod and chown say who may)",
				rights_of(st));
		return "permission denied on the way to it";
	}
	return error.message();
}

std::string link_reason(std::error_code error, const std::string &path)
{
	struct stat st;
	std::string directory = directory_of(path);

	if (tool::device_is_another())
		return device_reason(error);
	if (auto reason = way_reason(error, path))
		return *reason;
	if (error == std::errc::file_exists)
		return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) ?
			       "is a directory" :
			       "is running already";
	if (error == std::errc::is_a_directory)
		return "is a directory";
	if (error == std::errc::timed_out)
		return fmt::format("is being started by another, for {} "
				   "seconds at least",
				   start_patience.count());
	if (error == std::errc::permission_denied) {
		if (::stat(directory.c_str(), &st) < 0)
			return "permission denied on the way to it";
		return fmt::format("permission denied; {} belongs to {}",
				   printable(directory), rights_of(st));
	}
	if (error == std::errc::no_space_on_device)
		return "there are as many names as the filesystem allows; "
		       "remove some (procfd rm --dead), or "
		       "mount -o remount,max=N";
	return error.message();
}

std::string device_reason(std::error_code error)
{
	if (tool::device_is_another())
		return tool::another_device;
	return error.message();
}

std::string signal_reason(std::error_code error)
{
	if (error == std::errc::no_such_process)
		return "its process has ended, or does not exist yet";
	if (error == std::errc::operation_not_permitted)
		return "whoever made the name may not signal its process";
	return error.message();
}

procfd::result<procfd::process> open_at(int dirfd, const std::string &path,
					procfd::access wanted)
{
	procfd::unique_fd there(
		::openat(dirfd, path.c_str(), O_PATH | O_CLOEXEC));

	if (there && !on_procfdfs(there.get()))
		return procfd::unexpected(
			{static_cast<int>(procfd::errc::not_mounted),
			 procfd::error_category()});
	there.reset();
	return procfd::process::from_name_at(dirfd, path, wanted);
}

std::optional<procfd::process> open_name(const std::string &path,
					 procfd::access wanted)
{
	auto process = open_at(AT_FDCWD, path, wanted);

	if (process)
		return *std::move(process);
	complain(path, open_reason(process.error(), path));
	return std::nullopt;
}

std::size_t allow_many_descriptors() noexcept
{
	struct rlimit limit {};

	if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		::setrlimit(RLIMIT_NOFILE, &limit);
		::getrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur;
}

procfd::result<place> place::open(const std::string &path)
{
	auto slash = path.rfind('/');
	auto entry = slash == std::string::npos ? 0 : slash + 1;
	std::string name = path.substr(entry);

	if (name.empty() || name == "." || name == "..")
		return error_of(EINVAL);

	procfd::unique_fd fd(::open(directory_of(path).c_str(),
				    O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (!fd)
		return error_of(errno);
	return place(path, entry, std::move(fd));
}

procfd::result<void> place::take(const procfd::process &process,
				 procfd::existing policy) const
{
	auto deadline = clock::now() + start_patience;

	for (;;) {
		auto linked = process.link_at(directory(), entry(), policy);

		if (linked || policy != procfd::existing::replace_dead ||
		    linked.error() != std::errc::file_exists)
			return linked;

		auto other =
			open_at(directory(), entry(), procfd::access::watch);

		if (!other) {
			if (other.error() ==
				    std::errc::no_such_file_or_directory &&
			    clock::now() < deadline)
				continue; // just removed
			return linked;
		}

		auto state = await_start(*other, deadline);

		if (!state || *state == procfd::process_state::running)
			return linked;

		// Of its tree somebody is left
		auto info = other->info();

		if (info && info->tree && info->tree->live)
			return linked;
		if (clock::now() >= deadline)
			return error_of(ETIMEDOUT);
	}
}

procfd::result<void> place::remove_own(const procfd::process &process) const
{
	struct stat own;
	struct stat there;

	if (::fstat(process.native_handle(), &own) < 0)
		return error_of(errno);
	if (::fstatat(directory(), entry(), &there, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? procfd::result<void>() :
					 error_of(errno);
	if (own.st_dev != there.st_dev || own.st_ino != there.st_ino)
		return {};
	if (::unlinkat(directory(), entry(), 0) < 0 && errno != ENOENT)
		return error_of(errno);
	return {};
}

void place::give_up(const procfd::process &process) const
{
	if (auto removed = remove_own(process); !removed)
		complain(path(), "the name cannot be removed: " +
					 removed.error().message());
}

procfd::result<void> place::remove_dead() const
{
	// Take the dead process' place as one that is being started: from here
	// on no start can take the name, and none is lost.
	auto device = procfd::device::open();

	if (!device)
		return procfd::unexpected(device.error());

	auto announced = device->announce_fork(procfd::fork_flags::none);

	if (!announced)
		return procfd::unexpected(announced.error());

	auto holder = procfd::process::adopt(*std::move(announced));
	auto taken = holder.link_at(directory(), entry(),
				    procfd::existing::replace_dead);

	if (!taken)
		return taken.error() == std::errc::file_exists ?
			       procfd::result<void>(error_of(EBUSY)) :
			       taken;
	return remove_own(holder);
}

timespec time_left(clock::time_point deadline)
{
	auto left = std::max(deadline - clock::now(), clock::duration::zero());
	auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);

	return {.tv_sec = static_cast<time_t>(seconds.count()),
		.tv_nsec = static_cast<long>((left - seconds).count())};
}

bool await_events(int fd, short events,
		  std::optional<clock::time_point> deadline)
{
	struct pollfd entry = {.fd = fd, .events = events, .revents = 0};

	for (;;) {
		timespec left{};

		if (deadline)
			left = time_left(*deadline);

		int ready =
			::ppoll(&entry, 1, deadline ? &left : nullptr, nullptr);

		if (ready >= 0 || errno != EINTR)
			return ready > 0;
	}
}

procfd::result<procfd::process_state>
await_start(const procfd::process &process, clock::time_point deadline)
{
	for (;;) {
		auto info = process.info();

		if (!info)
			return procfd::unexpected(info.error());
		if (info->state != procfd::process_state::unbound ||
		    !await_events(process.native_handle(), POLLIN | POLLOUT,
				  deadline))
			return info->state;
	}
}

void rights::declare(CLI::App &app)
{
	option(app, "-m,--mode", mode_text_,
	       "who may use the name, in octal (default 0600)", "MODE");
	option(app, "-o,--owner", owner_text_,
	       "whose the name is (default: the caller's)", "USER[:GROUP]");
}

namespace {

/// \return  the number of a user or group; the greatest is none, see chown(2)
std::optional<id_t> id(const std::string &text)
{
	auto number = tool::number<id_t>(text, 10);

	if (number == static_cast<id_t>(-1))
		return std::nullopt;
	return number;
}

} // namespace

void rights::resolve()
{
	if (!mode_text_.empty()) {
		auto mode = tool::number(mode_text_, 8);

		if (!mode || *mode > 0777)
			throw misuse("not an octal mode: " +
				     printable(mode_text_));
		mode_ = static_cast<mode_t>(*mode);
	}
	if (owner_text_.empty())
		return;

	auto colon = owner_text_.find(':');
	std::string user = owner_text_.substr(0, colon);
	std::string group =
		colon == std::string::npos ? "" : owner_text_.substr(colon + 1);

	if (!user.empty()) {
		if (const auto *found = ::getpwnam(user.c_str()))
			user_ = found->pw_uid;
		else if (auto number = id(user))
			user_ = *number;
		else
			throw misuse("no such user: " + printable(user));
	}
	if (!group.empty()) {
		if (const auto *found = ::getgrnam(group.c_str()))
			group_ = found->gr_gid;
		else if (auto number = id(group))
			group_ = *number;
		else
			throw misuse("no such group: " + printable(group));
	}
	if (user.empty() && group.empty())
		throw misuse("--owner names nobody");
}

procfd::result<void> rights::apply(const procfd::process &process) const
{
	int fd = process.native_handle();

	if (gives() && ::fchown(fd, user_, group_) < 0)
		return error_of(errno);
	if (mode_ && ::fchmod(fd, *mode_) < 0)
		return error_of(errno);
	return {};
}

void rights::undo(const procfd::process &process,
		  const struct stat &before) const
{
	int fd = process.native_handle();

	if ((gives() && ::fchown(fd, before.st_uid, before.st_gid) < 0) ||
	    (mode_ && ::fchmod(fd, before.st_mode & 07777) < 0))
		complain(fmt::format("owner and mode cannot be restored: {}",
				     std::strerror(errno)));
}

} // namespace command
