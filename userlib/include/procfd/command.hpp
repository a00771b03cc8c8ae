// SPDX-License-Identifier: MIT
#ifndef PROCFD_COMMAND_HPP
#define PROCFD_COMMAND_HPP

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include <procfd/device.hpp>
#include <procfd/export.hpp>
#include <procfd/flags.hpp>
#include <procfd/process.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>

namespace procfd {

/// What one of the three standard descriptors of a program is.
class stdio {
public:
	static const stdio inherit; ///< the caller's, as it is
	static const stdio null; ///< /dev/null
	/// a pipe, whose other end comes back in `spawned`
	static const stdio pipe;
	/// for the error output: the same as the output, as 2>&1 in a shell
	static const stdio output;

	/// \param fd  a descriptor of the caller, which keeps it; -1 is EBADF
	constexpr stdio(int fd) noexcept : kind_(kind::descriptor), fd_(fd) {}

private:
	friend class command;
	friend class command_plan;

	enum class kind { inherit, null, pipe, output, descriptor };

	constexpr explicit stdio(kind what) noexcept : kind_(what) {}

	kind kind_;
	int fd_ = -1;
};

inline constexpr stdio stdio::inherit{stdio::kind::inherit};
inline constexpr stdio stdio::null{stdio::kind::null};
inline constexpr stdio stdio::pipe{stdio::kind::pipe};
inline constexpr stdio stdio::output{stdio::kind::output};

/// A program that was started, and the caller's ends of the pipes asked for.
struct spawned {
	process child; ///< the process; empty if it was detached
	unique_fd in; ///< to write what the program reads
	unique_fd out; ///< to read what the program writes
	unique_fd err; ///< to read what it writes to its error output
};

/// How to start a program: spawn() with the usual options, put together by name.
///
///     auto web = procfd::command({"httpd", "-f"})
///                        .cwd("/srv/www")
///                        .out(procfd::stdio::pipe)
///                        .err(procfd::stdio::output)
///                        .spawn();
///
/// What is not said is as the caller's. One object may start any number of
/// programs, from several threads too as long as none changes it. The functions
/// that change it throw std::bad_alloc at most; what is wrong with the values
/// shows when the program is started.
///
/// The program is started by posix_spawn(3), or, for what that cannot do
/// (credentials(), close_others(), spawn_detached()), by fork and exec. Both do
/// things in the same order: signals to their defaults, session or process group,
/// directory, descriptors, user and groups, signal mask, exec. So the directory is
/// entered with the caller's rights, and the program executed with the new ones.
class command {
public:
	/// \param argv  arguments, from the program's name on
	explicit command(std::vector<std::string> argv) : argv_(std::move(argv))
	{
	}

	/// \param path  file to execute instead of the one that argv names. As in
	///	posix_spawnp(3), one without a slash is searched in the caller's PATH.
	command &file(std::string path)
	{
		file_ = std::move(path);
		return *this;
	}

	/// \name Environment: the caller's at the time of the start, and changes
	/// @{

	/// \param name  variable; EINVAL if it is empty or has a '=' in it
	/// \param value  its value
	PROCFD_API command &set_env(std::string name, std::string value);
	/// Take a variable away.
	PROCFD_API command &unset_env(std::string name);
	/// Begin with an empty one; forgets the changes made so far.
	command &clear_env() { return environment({}); }
	/// \param variables  all of it, each as NAME=VALUE; forgets the changes
	PROCFD_API command &environment(std::vector<std::string> variables);
	/// @}

	/// \param directory  where the program starts
	command &cwd(std::string directory)
	{
		cwd_ = std::move(directory);
		return *this;
	}

	/// \name Descriptors
	/// The program has those of the caller that are not close-on-exec, and
	/// these. They may be exchanged with each other in any way.
	/// @{
	/// What it reads.
	command &in(stdio from) noexcept
	{
		stdio_[0] = from;
		return *this;
	}
	/// What it writes to.
	command &out(stdio to) noexcept
	{
		stdio_[1] = to;
		return *this;
	}
	/// Where its errors go.
	command &err(stdio to) noexcept
	{
		stdio_[2] = to;
		return *this;
	}
	/// \param fd  a descriptor of the caller, close-on-exec or not, which the
	///	program gets under the same number
	command &keep(int fd) { return keep(fd, fd); }
	/// \param fd  a descriptor of the caller
	/// \param as  its number in the program; EBADF at or above RLIMIT_NOFILE
	PROCFD_API command &keep(int fd, int as);
	/// The program gets 0, 1, 2 and what keep() named, and nothing else.
	command &close_others() noexcept
	{
		close_others_ = true;
		return *this;
	}
	/// @}

	/// A new session, and so a new process group, without a terminal.
	command &new_session() noexcept
	{
		new_session_ = true;
		return *this;
	}
	/// \param group  process group to join; 0: a new one
	command &process_group(pid_t group = 0) noexcept
	{
		process_group_ = group;
		return *this;
	}

	/// Every signal does what it does by default, and none is blocked.
	/// Otherwise, ignored signals stay ignored, and the mask is the calling
	/// thread's, without what its signal_streams block.
	command &default_signals() noexcept
	{
		default_signals_ = true;
		return *this;
	}
	/// \param mask  signals that the program starts with blocked
	command &signal_mask(const sigset_t &mask) noexcept
	{
		mask_ = mask;
		return *this;
	}

	/// Run it as another user: all user and group ids, and the groups besides,
	/// are set, so that nothing of the caller's is left.
	/// \param uid  user
	/// \param gid  group
	/// \param groups  supplementary groups, as getgrouplist(3) tells them
	PROCFD_API command &credentials(uid_t uid, gid_t gid,
					std::vector<gid_t> groups = {});

	/// \param flags  how the process descriptor is made
	command &flags(fork_flags flags) noexcept
	{
		flags_ = flags;
		return *this;
	}

	/// Start it.
	/// \return  the process, with the program running in it, and the pipes; or
	///	the error of the step that failed: of exec (ENOENT, EACCES, ENOEXEC
	///	...), the directory, EBADF, EPERM, EMFILE, or of fork(); EINVAL (no
	///	arguments, a string with a NUL in it, or stdio::output given to in()
	///	or out()), ENOMEM. No child, zombie or descriptor is left then.
	PROCFD_API result<spawned> spawn() const noexcept;
	/// \param dev  device, opened
	PROCFD_API result<spawned> spawn(const device &dev) const noexcept;

	/// Start it and forget it, as procfd::spawn_detached(): the child in what
	/// is returned is empty.
	/// \return  the errors of spawn(); EINVAL if there are flags()
	PROCFD_API result<spawned> spawn_detached() const noexcept;

private:
	friend class command_plan;

	struct variable {
		std::string name;
		std::optional<std::string> value; ///< absent: take it away
	};
	struct kept {
		int fd;
		int as;
	};
	struct identity {
		uid_t uid;
		gid_t gid;
		std::vector<gid_t> groups;
	};

	std::vector<std::string> argv_;
	std::optional<std::string> file_;
	std::optional<std::vector<std::string>> environment_;
	std::vector<variable> variables_;
	std::optional<std::string> cwd_;
	stdio stdio_[3] = {stdio::inherit, stdio::inherit, stdio::inherit};
	std::vector<kept> kept_;
	std::optional<pid_t> process_group_;
	std::optional<sigset_t> mask_;
	std::optional<identity> identity_;
	fork_flags flags_ = fork_flags::none;
	bool close_others_ = false;
	bool new_session_ = false;
	bool default_signals_ = false;
};

} // namespace procfd

#endif
