// SPDX-License-Identifier: MIT
#ifndef PROCFD_UNIQUE_FD_HPP
#define PROCFD_UNIQUE_FD_HPP

#include <utility>

#include <procfd/export.hpp>
#include <procfd/result.hpp>

namespace procfd {

/// A file descriptor that is closed with its owner.
///
/// Moved from or empty it holds -1, and calls made with that fail with EBADF.
/// Not synchronised: two threads may use one object only to read it.
class unique_fd {
public:
	unique_fd() noexcept = default; ///< holds -1

	/// \param fd  descriptor to own from now on, or -1
	explicit unique_fd(int fd) noexcept : fd_(fd) {}

	/// The other holds -1 then.
	unique_fd(unique_fd &&other) noexcept : fd_(other.release()) {}
	/// What was held is closed.
	unique_fd &operator=(unique_fd &&other) noexcept
	{
		if (this != &other)
			reset(other.release());
		return *this;
	}
	unique_fd(const unique_fd &) = delete;
	unique_fd &operator=(const unique_fd &) = delete;
	~unique_fd() { reset(); }

	/// \return  the descriptor, still owned here; -1 if there is none
	[[nodiscard]] int get() const noexcept { return fd_; }
	/// \return  whether there is one
	explicit operator bool() const noexcept { return fd_ >= 0; }

	/// \return  the descriptor, which the caller must close now
	[[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

	/// Close what is held and own another one instead. errno is left alone.
	/// \param fd  descriptor to own, or -1
	PROCFD_API void reset(int fd = -1) noexcept;

	/// Make another descriptor of the same open file, close-on-exec.
	/// \return  the new descriptor, or EBADF, EMFILE
	PROCFD_API result<unique_fd> duplicate() const noexcept;

private:
	int fd_ = -1;
};

} // namespace procfd

#endif
