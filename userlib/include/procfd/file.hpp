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
	/// permission bits, set as they are, without an access control list and
	/// with nothing of what is replaced. Absent: what the regular file that is
	/// replaced has, see replace_file(); or if there is none what any new file
	/// has, 0666 less the umask, or by the directory's default list.
	std::optional<mode_t> mode = std::nullopt;
	durability keep = durability::relaxed; ///< whether to wait for the disk
};

/// What of the replaced file the new one does not have.
enum class lost : unsigned {
	nothing = 0,
	/// the caller may not give the file away, and owns it now
	owner = 1U << 0,
	/// nor to that group: the new file's own group has no permission, and
	/// others have what both they and the old group had, or none if there was
	/// an access control list
	group = 1U << 1,
	access_list = 1U << 2, ///< lost with the group
	/// set-user-ID, set-group-ID and sticky bits, which new content is not to
	/// come by
	set_id = 1U << 3,
	capability = 1U << 4, ///< file capabilities, for the same reason
	integrity = 1U << 5, ///< security.ima, .evm: digests of the old file
	/// trusted.* and user.overlay.*: what another filesystem noted on the old
	/// file. Seen, and so told, with CAP_SYS_ADMIN only.
	trusted_attributes = 1U << 6,
	/// user.*: one that the caller may not read, or there is no room for
	user_attributes = 1U << 7,
};

/// What replace_file() has done.
struct replaced {
	procfd::lost lost = procfd::lost::nothing; ///< all that is lost

	/// \return  whether one of these is
	[[nodiscard]] bool has_lost(procfd::lost what) const noexcept
	{
		return (lost & what) != procfd::lost::nothing;
	}
};

/// @{
/// Make a file of this name and content, in one step: whoever opens the name
/// finds the old file or the whole new one. A symlink is replaced, not followed.
/// What is neither a regular file nor a symlink is not replaced. That is looked at
/// before and after the content is read; what somebody makes in the short time after
/// that is replaced, as by rename(2).
///
/// Never can more people reach the new file than the old one. It has the old one's
/// owner, group, mode, access control list, security labels (security.*) and user.*,
/// but for what is lost; a label or list that cannot be read or set is an error.
/// So is system.* of other kinds. Flags of chattr(1) are not kept.
/// \param path  the name
/// \param contents  all that the file is to hold
/// \return  what is lost; or the errors of open_anonymous(), write(2) and frename(),
///	EISDIR, errc::not_a_file, ENOMEM, EACCES (the old file's list cannot be
///	read), EPERM (nor its label set), EOPNOTSUPP (a list of an unknown kind).
///	After an error the old file is as it was and nothing is left behind.
PROCFD_API result<replaced>
replace_file(path_arg path, std::string_view contents,
	     const replace_options &options = {}) noexcept;
PROCFD_API result<replaced>
replace_file_at(int dirfd, path_arg path, std::string_view contents,
		const replace_options &options = {}) noexcept;
/// @}

/// @{
/// The same with all that can be read from a descriptor, up to its end.
/// \param source  descriptor to read from, from where it stands
/// \return  as replace_file(), and the errors of read(2); EBADF if it is not open
PROCFD_API result<replaced>
replace_file_from(path_arg path, int source,
		  const replace_options &options = {}) noexcept;
PROCFD_API result<replaced>
replace_file_from_at(int dirfd, path_arg path, int source,
		     const replace_options &options = {}) noexcept;
/// @}

/// @{
/// Ask whether replace_file() would refuse what has a name now, for those who call
/// frename(), which replaces all that rename(2) does.
/// \return  EISDIR, errc::not_a_file, the errors of looking; success also if
///	nothing has the name
PROCFD_API result<void> check_replaceable(path_arg path) noexcept;
PROCFD_API result<void> check_replaceable_at(int dirfd, path_arg path) noexcept;
/// @}

} // namespace procfd

#endif
