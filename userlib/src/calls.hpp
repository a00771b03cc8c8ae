// SPDX-License-Identifier: MIT
#ifndef PROCFD_CALLS_HPP
#define PROCFD_CALLS_HPP

#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

/// The system calls that pthread_cancel(3) ends a thread in, as ones in which it does
/// not: a thread that is unwound through a noexcept function ends the program. What
/// the library calls of these it calls from here.
namespace procfd::internal::calls {

/// The thread is not cancelled as long as this lives, but afterwards.
class cancelled_later {
public:
	cancelled_later() noexcept
	{
		::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
	}
	~cancelled_later() { ::pthread_setcancelstate(before_, nullptr); }
	cancelled_later(const cancelled_later &) = delete;
	cancelled_later &operator=(const cancelled_later &) = delete;

private:
	int before_;
};

inline int openat(int dirfd, const char *path, int flags,
		  mode_t mode = 0) noexcept
{
	cancelled_later guard;

	return ::openat(dirfd, path, flags, mode);
}

inline int open(const char *path, int flags) noexcept
{
	return openat(AT_FDCWD, path, flags);
}

inline void close(int fd) noexcept
{
	cancelled_later guard;

	::close(fd);
}

inline ssize_t read(int fd, void *to, std::size_t size) noexcept
{
	cancelled_later guard;

	return ::read(fd, to, size);
}

inline ssize_t write(int fd, const void *from, std::size_t size) noexcept
{
	cancelled_later guard;

	return ::write(fd, from, size);
}

inline ssize_t getrandom(void *to, std::size_t size) noexcept
{
	cancelled_later guard;

	return ::getrandom(to, size, 0);
}

/// \param timeout  null: for ever
inline int ppoll(pollfd *fds, nfds_t count, const timespec *timeout) noexcept
{
	cancelled_later guard;

	return ::ppoll(fds, count, timeout, nullptr);
}

/// \param timeout  null: for ever
inline int epoll_wait(int fd, epoll_event *events, int count,
		      const timespec *timeout) noexcept
{
	cancelled_later guard;

	return ::epoll_pwait2(fd, events, count, timeout, nullptr);
}

inline int waitid(idtype_t type, id_t id, siginfo_t *info, int options) noexcept
{
	cancelled_later guard;

	return ::waitid(type, id, info, options);
}

} // namespace procfd::internal::calls

#endif
