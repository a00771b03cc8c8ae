// SPDX-License-Identifier: MIT
#ifndef PROCFD_FILE_HPP
#define PROCFD_FILE_HPP

#include <optional>
#include <string_view>

#include <sys/types.h>

#include <procfd/export.hpp>
#include <procfd/flags.hpp>
#include <procfd/path_arg.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>

/// \file
/// Names for files that are open. Each function has a form ending in _at, whose
/// relative paths start from a directory's descriptor (or AT_FDCWD).

namespace procfd {

/// @{
/// Give an open file a name. Nothing is overwritten.
///
/// The file may have other names or, on ext4, xfs and tmpfs, none left; a nameless
/// file from O_TMPFILE can also be named on btrfs.
/// \param fd  the file: anything but a directory, O_PATH will do
/// \param path  the name, on the same mount as the file
/// \return  the errors of linkat(2), among them EEXIST and EXDEV; EOPNOTSUPP
///	where the filesystem cannot bring an unlinked file back; EPERM for a file
///	opened with O_TMPFILE|O_EXCL; errc::module_missing
PROCFD_API result<void> flink(int fd, path_arg path) noexcept;
PROCFD_API result<void> flink_at(int fd, int dirfd, path_arg path) noexcept;
/// @}

/// @{
/// As flink(), but replace what has the name, in one step, as rename(2) would.
/// Other names that the file has stay.
/// \param keep  whether to wait until it is safe on disk
/// \return  the errors of flink() and of rename(2), among them EISDIR and EBUSY
PROCFD_API result<void> frename(int fd, path_arg path,
				durability keep = durability::relaxed) noexcept;
PROCFD_API result<void>
frename_at(int fd, int dirfd, path_arg path,
	   durability keep = durability::relaxed) noexcept;
/// @}

/// @{
/// Open a new file that has no name, for reading and writing.
///
/// By O_TMPFILE; where the filesystem has none, by making a file of a random
/// name and removing that at once.
/// \param dir  directory on whose filesystem the file is to be
/// \param mode  permission bits, less the umask
/// \return  the file, close-on-exec; or the errors of open(2)
PROCFD_API result<unique_fd> open_anonymous(path_arg dir,
					    mode_t mode = 0600) noexcept;
PROCFD_API result<unique_fd> open_anonymous_at(int dirfd, path_arg dir,
					       mode_t mode = 0600) noexcept;
/// @}

/// How replace_file() makes the file.
struct replace_options {
	/// permission bits, set as they are, without an access control list.
	/// Absent: owner, group, mode and, where there is /proc, access control
	/// list of the regular file that is replaced (where the caller may not give
	/// the group away, the group gets no permission, and others what both it
	/// and they had, or nothing if there is a list), or those of any new file:
	/// 0666 less the umask, or by the directory's default list.
	std::optional<mode_t> mode = std::nullopt;
	durability keep = durability::relaxed; ///< whether to wait for the disk
};

/// @{
/// Make a file of this name and content, in one step: whoever opens the name
/// finds the old file or the whole new one. A symlink is replaced, not followed.
/// \param path  the name
/// \param contents  all that the file is to hold
/// \return  the errors of open_anonymous(), write(2) and frename(); after an error
///	the old file is as it was and nothing is left behind
PROCFD_API result<void>
replace_file(path_arg path, std::string_view contents,
	     const replace_options &options = {}) noexcept;
PROCFD_API result<void>
replace_file_at(int dirfd, path_arg path, std::string_view contents,
		const replace_options &options = {}) noexcept;
/// @}

/// @{
/// The same with all that can be read from a descriptor, up to its end.
/// \param source  descriptor to read from, from where it stands
/// \return  the errors of replace_file() and of read(2); EBADF if it is not open
PROCFD_API result<void>
replace_file_from(path_arg path, int source,
		  const replace_options &options = {}) noexcept;
PROCFD_API result<void>
replace_file_from_at(int dirfd, path_arg path, int source,
		     const replace_options &options = {}) noexcept;
/// @}

} // namespace procfd

#endif
