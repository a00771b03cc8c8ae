// SPDX-License-Identifier: MIT
#ifndef PROCFD_PROCESS_HPP
#define PROCFD_PROCESS_HPP

#include <chrono>
#include <initializer_list>
#include <optional>
#include <vector>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/types.h>

#include <procfd/device.hpp>
#include <procfd/export.hpp>
#include <procfd/flags.hpp>
#include <procfd/path_arg.hpp>
#include <procfd/process_info.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>
#include <procfd/wait_status.hpp>

namespace procfd {

/// What is wanted of a name when it is opened; each needs the mode for it.
enum class access {
	watch = O_RDONLY, ///< wait and ask
	signal = O_WRONLY, ///< signal
	watch_and_signal = O_RDWR,
};

/// What link() does if the name exists.
enum class existing {
	keep, ///< fail with EEXIST
	replace, ///< take its place, in one step
	replace_dead, ///< take its place if its process has exited, else EEXIST
};

/// A process, held by a descriptor. It is as big as an int.
///
/// The descriptor means one process for ever; no process id is ever acted on.
/// It polls readable once the process has exited, and can be passed to other
/// processes, which can then wait and signal as well. The library never read(2)s
/// it, so the file offset stays its holders' own.
///
/// One object may be used by several threads at a time, as long as none moves
/// or destroys it. Without a descriptor (default made or moved from) every call
/// fails with EBADF.
class process {
public:
	process() noexcept = default; ///< without a descriptor
	/// The other is without a descriptor then.
	process(process &&) noexcept = default;
	/// What was held is closed, as by the destructor.
	process &operator=(process &&other) noexcept
	{
		if (this != &other) {
			close();
			fd_ = std::move(other.fd_);
		}
		return *this;
	}

	/// Closes the descriptor. The process goes on, unless this was its last
	/// copy and kill_on_close is on. A quiet child that has exited is reaped
	/// first if nobody did; one that still runs will leave a zombie until
	/// this process exits, on kernels without features::autoreap.
	~process() { close(); }

	/// @{
	/// Open a running or not yet reaped process.
	///
	/// Safe for a child of the caller that nobody has reaped: it keeps its
	/// id. For others the id may have been used again before this call.
	/// \param pid  process id as the caller sees it; 0 for the caller itself
	/// \return  the process; or errc::module_missing, EINVAL, EMFILE, ENFILE,
	///	ENOMEM, EPERM (neither its parent nor allowed to signal it), ESRCH
	PROCFD_API static result<process>
	open(pid_t pid, open_flags flags = open_flags::none) noexcept;
	PROCFD_API static result<process>
	open(const device &dev, pid_t pid,
	     open_flags flags = open_flags::none) noexcept;
	/// @}

	/// @{
	/// Open the process of a pidfd: by its id, and then proven to be the same.
	/// Needs /proc, mounted for the caller's pid namespace.
	/// \param pidfd  descriptor from pidfd_open(2) or clone(2); stays the
	///	caller's
	/// \return  the process; or the errors of open(), EBADF (no pidfd), ESRCH
	///	(reaped, or not in this pid namespace), ENOENT (no /proc)
	PROCFD_API static result<process>
	from_pidfd(int pidfd, open_flags flags = open_flags::none) noexcept;
	PROCFD_API static result<process>
	from_pidfd(const device &dev, int pidfd,
		   open_flags flags = open_flags::none) noexcept;
	/// @}

	/// \return  the calling process, to be named or passed on
	PROCFD_API static result<process> self() noexcept;

	/// Open a name, with the rights of the descriptor that was linked there.
	/// Needs neither the device nor any right over the process.
	/// \param path  name on a procfdfs
	/// \return  the process; or errc::not_mounted, EACCES, EISDIR, EROFS and
	///	the other errors of open(2)
	PROCFD_API static result<process>
	from_name(path_arg path,
		  access wanted = access::watch_and_signal) noexcept;
	/// \param dirfd  directory that a relative `path` starts from
	PROCFD_API static result<process>
	from_name_at(int dirfd, path_arg path,
		     access wanted = access::watch_and_signal) noexcept;

	/// \param fd  descriptor of a process, to be owned from now on; taken on
	///	trust. If it is something else, what waits, asks or sets fails with
	///	ENOTTY; but signal() writes the number into it, and link() gives it a
	///	name as flink() does.
	[[nodiscard]] static process adopt(unique_fd fd) noexcept
	{
		return process(std::move(fd));
	}

	/// Wait until the process has exited. Signals do not change the wait.
	///
	/// A child of the caller is also reaped, through a pidfd that is known to
	/// be its own; it does not matter if anyone else did that before. To
	/// learn of the exit and leave the zombie to another part of the program,
	/// poll native_handle() and ask info().
	/// \return  how it ended; or ECHILD if the announced fork was dropped
	PROCFD_API result<wait_status> wait() const noexcept;

	/// As wait(), but give up at a point in time.
	/// \param deadline  on the monotonic clock; one that has passed only looks
	/// \return  also ETIMEDOUT
	PROCFD_API result<wait_status> wait_until(
		std::chrono::steady_clock::time_point deadline) const noexcept;

	/// As wait(), but only look.
	/// \return  how it ended, or nothing if it has not
	PROCFD_API result<std::optional<wait_status>> try_wait() const noexcept;

	/// Wait until nobody is left of the tree that this is the first process of;
	/// without a tree, until it has exited. Reaps it as wait() does.
	/// \return  how the first process ended; or ECHILD if the announced fork
	///	was dropped
	PROCFD_API result<wait_status> wait_empty() const noexcept;

	/// As wait_empty(), but give up at a point in time.
	/// \param deadline  on the monotonic clock; one that has passed only looks
	/// \return  also ETIMEDOUT
	PROCFD_API result<wait_status> wait_empty_until(
		std::chrono::steady_clock::time_point deadline) const noexcept;

	/// Send a signal, with the rights that the descriptor was made with.
	/// \param signo  signal, 1 to 64; 0 asks whether it runs and may be
	///	signalled
	/// \return  EINVAL (no such signal, nothing was sent), EPERM, ESRCH (has
	///	exited, or is not yet forked), EBADF (opened to watch only)
	PROCFD_API result<void> signal(int signo) const noexcept;

	/// How many processes a signal reached.
	struct reach {
		unsigned sent = 0; ///< so many got it; a group counts as one
		unsigned refused = 0; ///< so many it could not be sent to
	};

	/// Send a signal to more than the process, or not to it. Each is asked for
	/// alone; those that refuse are passed over.
	/// \param signo  signal, 1 to 64; 0 only asks
	/// \param whom  scope::tree needs the first process of a tree
	/// \return  whom it reached, one at least; EINVAL (no such signal, or no
	///	tree), EPERM (all refused), ESRCH (nobody is left, or it is not yet
	///	forked), EBADF (opened to watch only), EINTR (the caller is being
	///	killed), ENOMEM
	PROCFD_API result<reach> signal(int signo, scope whom) const noexcept;

	/// \return  who lives of the tree, in the order of birth; EINVAL (not the
	///	first process of a tree), EBADF (opened to signal only), EINTR,
	///	ENOMEM
	PROCFD_API result<std::vector<tree_member>> members() const noexcept;

	/// \return  the facts, as they are now; EBADF (opened to signal only)
	PROCFD_API result<process_info> info() const noexcept;

	/// Give the process a name on a procfdfs. The name carries the rights of
	/// this descriptor; fchmod(2) and fchown(2) on native_handle() before, or
	/// chmod(2) and chown(2) after, say who may use it.
	/// \param path  the name
	/// \param policy  what to do if it exists
	/// \return  EEXIST, EINVAL (kill_on_close is on), ENOSPC (the filesystem's
	///	max= is reached), errc::not_mounted, EXDEV (opened by a name on another
	///	mount), errc::module_missing, and the errors of linkat(2), or of
	///	rename(2) when replacing
	PROCFD_API result<void>
	link(path_arg path, existing policy = existing::keep) const noexcept;
	/// \param dirfd  directory that a relative `path` starts from
	PROCFD_API result<void>
	link_at(int dirfd, path_arg path,
		existing policy = existing::keep) const noexcept;

	/// link(path, existing::replace): hand a name over, as a restart does.
	result<void> replace(path_arg path) const noexcept
	{
		return link(path, existing::replace);
	}

	/// Say whether closing the last copy of the descriptor kills the process.
	/// \return  EINVAL (not a forked one, or it has a name), EBADF
	PROCFD_API result<void> set_kill_on_close(bool on) const noexcept;

	/// Open a pidfd of the process, for what this has not: setns(2),
	/// pidfd_getfd(2), waitid(2). It carries no rights; the caller's own count.
	/// \return  the pidfd, close-on-exec; or ESRCH (reaped, or not visible in
	///	this pid namespace), EBADF (opened to signal only), EMFILE, ENFILE
	PROCFD_API result<unique_fd> to_pidfd() const noexcept;

	/// \return  another descriptor of the same process, or EBADF, EMFILE
	PROCFD_API result<process> duplicate() const noexcept;

	/// \return  the descriptor, still owned here, for poll(2) and the like
	[[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

	/// \return  the descriptor, no longer owned here
	[[nodiscard]] unique_fd release() noexcept { return std::move(fd_); }

	/// \return  whether there is a descriptor
	explicit operator bool() const noexcept { return bool(fd_); }

private:
	explicit process(unique_fd fd) noexcept : fd_(std::move(fd)) {}

	PROCFD_API void close() noexcept;

	unique_fd fd_;
};

static_assert(sizeof(process) == sizeof(int));

/// What fork() returns, once in the parent and once in the child.
struct forked {
	/// \param made  in the parent: the child; in the child: empty
	explicit forked(process made) noexcept
		: child(std::move(made)), in_child_(!child)
	{
	}

	process child; ///< in the parent: the child; in the child: empty

	/// \return  whether this is the child; also after `child` was moved away
	[[nodiscard]] bool in_child() const noexcept { return in_child_; }

private:
	bool in_child_;
};

/// fork(2) that returns a descriptor.
///
///     auto f = procfd::fork();
///     if (!f)
///             return f.error();       // no child was made
///     if (f->in_child())
///             _exit(work());
///     return f->child.wait().error();
///
/// All signals are blocked for the time of the call and restored on both sides (in
/// the child without what only signal_streams of this thread blocked), so that no
/// handler can fork in between. Parent and child both prove that the
/// descriptor is that child's; if it is not, the child ends before fork() returns
/// in it. The child's copy of its own descriptor is closed.
/// \return  errc::module_missing, errc::wrong_child, EBUSY, EMFILE, ENFILE,
///	ENOMEM, and EAGAIN as fork(2) gives it; after an error no child is left
PROCFD_API result<forked> fork(fork_flags flags = fork_flags::none) noexcept;
/// \param dev  device; stays open in both
PROCFD_API result<forked> fork(const device &dev,
			       fork_flags flags = fork_flags::none) noexcept;

/// How spawn() starts a program.
struct spawn_options {
	fork_flags flags = fork_flags::none; ///< of the descriptor
	/// file to execute, searched in PATH if it has no slash; null: argv[0]
	const char *file = nullptr;
	/// environment, ends with a null pointer; null: that of the caller
	const char *const *environment = nullptr;
	/// what posix_spawn(3) is to do with descriptors; null: nothing. A
	/// number in it that is not open may be what spawn() opens itself.
	const posix_spawn_file_actions_t *file_actions = nullptr;
	/// session, process group, signals, scheduling; null: as the caller.
	/// Without POSIX_SPAWN_SETSIGMASK the program starts with the signal
	/// mask that the calling thread has, as with posix_spawn(3), but without
	/// what only its signal_streams block.
	const posix_spawnattr_t *attributes = nullptr;
};

/// Start a program, by posix_spawn(3). `command` says the options more pleasantly.
/// \param argv  arguments, from the program's name on; ends with a null pointer
/// \return  the process, with the program running in it; or the error for which
///	it could not be executed (ENOENT, EACCES, ...) or a child be made, or the
///	errors of fork(); EINVAL (no arguments, or no string for one), ENOMEM. After an error no child,
///	zombie or descriptor is left.
PROCFD_API result<process> spawn(const char *const *argv,
				 const spawn_options &options = {}) noexcept;
PROCFD_API result<process> spawn(const device &dev, const char *const *argv,
				 const spawn_options &options = {}) noexcept;

/// \param argv  arguments, from the program's name on
PROCFD_API result<process> spawn(std::initializer_list<const char *> argv,
				 const spawn_options &options = {}) noexcept;

/// Start a program and forget it: no descriptor, no SIGCHLD, no zombie here. It
/// is adopted by init or the nearest subreaper at once, which reaps it (if that
/// is the caller, so must the caller).
/// \param options  options.flags must be none, or it is EINVAL
/// \return  the errors of spawn()
PROCFD_API result<void>
spawn_detached(const char *const *argv,
	       const spawn_options &options = {}) noexcept;
PROCFD_API result<void>
spawn_detached(std::initializer_list<const char *> argv,
	       const spawn_options &options = {}) noexcept;

} // namespace procfd

#endif
