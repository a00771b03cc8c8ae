// SPDX-License-Identifier: MIT
#ifndef PROCFD_DEVICE_HPP
#define PROCFD_DEVICE_HPP

#include <cstdint>

#include <sys/types.h>

#include <procfd/export.hpp>
#include <procfd/flags.hpp>
#include <procfd/path_arg.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>

namespace procfd {

/// What the loaded module offers, as bits of the types in flags.hpp.
struct features {
	unsigned abi; ///< raised when meaning is added
	procfd::fork_flags fork_flags; ///< what announce_fork() takes
	procfd::open_flags open_flags; ///< what open_process() takes
	procfd::link_flags link_flags; ///< what link() takes
	bool autoreap; ///< a quiet child leaves no zombie on this kernel
};

/// The device of the module, opened.
///
/// The functions of this library that need it come twice: with a device, and
/// without, opening and closing it around the call. The members here are the
/// bare ioctls; the rest of the library is made of them. Any number of threads
/// may use one device at a time.
class device {
public:
	/// \return  the device, or errc::module_missing, or what open(2) said
	PROCFD_API static result<device> open() noexcept;

	/// \param path  device node; for systems that keep it elsewhere
	PROCFD_API static result<device> open(path_arg path) noexcept;

	/// PROCFD_IOC_QUERY.
	PROCFD_API result<features> query() const noexcept;

	/// PROCFD_IOC_FORK: announce that the next child of the calling thread
	/// gets a descriptor. procfd::fork() and procfd::spawn() are the safe way.
	/// \return  the descriptor; or EBUSY if the thread has announced one
	///	already, EINVAL, EMFILE, ENFILE, ENOMEM
	PROCFD_API result<unique_fd>
	announce_fork(fork_flags flags) const noexcept;

	/// PROCFD_IOC_CANCEL: take back what this thread announced.
	/// \return  ENOENT if nothing was announced, or a child has taken it
	PROCFD_API result<void> cancel_fork() const noexcept;

	/// PROCFD_IOC_OPEN.
	/// \param pid  process id as the caller sees it; 0 for the caller itself
	/// \return  the descriptor; or EINVAL, EMFILE, ENFILE, ENOMEM, EPERM,
	///	ESRCH
	PROCFD_API result<unique_fd>
	open_process(pid_t pid,
		     open_flags flags = open_flags::none) const noexcept;

	/// PROCFD_IOC_FLINK: give what a descriptor refers to a name.
	/// \param fd  descriptor, O_PATH will do
	/// \param dirfd  directory that `path` starts from, or AT_FDCWD
	/// \param path  the new name; everything up to its last component is
	///	resolved here, as rename(2) does it
	/// \return  the errors of linkat(2), or of rename(2) when replacing
	PROCFD_API result<void> link(int fd, int dirfd, path_arg path,
				     link_flags flags) const noexcept;

	/// \return  the descriptor of the device, still owned here
	[[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

private:
	explicit device(unique_fd fd) noexcept : fd_(std::move(fd)) {}

	unique_fd fd_;
};

} // namespace procfd

#endif
