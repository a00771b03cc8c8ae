// SPDX-License-Identifier: MIT
#ifndef PROCFD_ATTRIBUTES_HPP
#define PROCFD_ATTRIBUTES_HPP

#include <sys/types.h>

#include <procfd/file.hpp>

namespace procfd::internal {

/// Give a file this mode alone: what the directory's default access control list gave
/// is taken away before the mode would bring it to bear.
result<void> set_mode(int fd, mode_t mode) noexcept;

/// Give a new file what a regular file has, as far as the caller may, and never to
/// more people than could reach the other. After an error the new one is of no use.
/// \param to  the caller's own, with the default list of its directory at most
/// \param from  may be opened by O_PATH
/// \param dirfd  directory where `from` has been found
/// \param name  name of it there, or what was its name
/// \return  what it has not
result<lost> copy_attributes(int to, int from, int dirfd,
			     const char *name) noexcept;

} // namespace procfd::internal

#endif
