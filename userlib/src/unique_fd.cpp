// SPDX-License-Identifier: MIT
#include <procfd/unique_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd {

namespace calls = internal::calls;

void unique_fd::reset(int fd) noexcept
{
	int old = std::exchange(fd_, fd);
	int saved = errno;

	// Once only, whatever it returns: Linux has freed the number even if it
	// says EINTR, and another thread may have it already.
	if (old >= 0)
		calls::close(old);
	errno = saved;
}

result<unique_fd> unique_fd::duplicate() const noexcept
{
	unique_fd copy(::fcntl(fd_, F_DUPFD_CLOEXEC, 0));

	if (!copy)
		return internal::last_error();
	return copy;
}

} // namespace procfd
