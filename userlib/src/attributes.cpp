// SPDX-License-Identifier: MIT
//
// What a file has besides its content, and what becomes of it when the file is replaced:
//
//	owner				kept, else the caller's		lost::owner
//	group				kept, else no permission	lost::group
//	permissions of owner, group,
//	  others			kept
//	set-user-ID, set-group-ID,
//	  sticky bits			dropped				lost::set_id
//	system.posix_acl_access		kept or refused; dropped
//	  				with the group			lost::access_list
//	other system.*			refused
//	security.capability		dropped				lost::capability
//	security.ima, security.evm	dropped				lost::integrity
//	other security.* (labels)	kept or refused
//	trusted.*, user.overlay.*	dropped				lost::trusted_attributes
//	other user.*			kept, else dropped		lost::user_attributes
//	flags of chattr(1), project,
//	  times				as those of any new file
//
// The directory's default list is the directory's: the new file gets nothing by it.

#include "attributes.hpp"

#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd::internal {

namespace {

constexpr const char *access_list_name = "system.posix_acl_access";

/// A name list or value of extended attributes. They may be as long as 64 KiB, which
/// is more than the whole stack of some threads.
struct bytes {
	std::unique_ptr<char[]> data;
	std::size_t size = 0;

	bool operator==(const bytes &other) const noexcept
	{
		return size == other.size &&
		       (size == 0 ||
			std::memcmp(data.get(), other.data.get(), size) == 0);
	}
};

/// \param read  called with a place and its size, as listxattr(2) and getxattr(2)
template <typename F>
result<bytes> read_bytes(F read) noexcept
{
	for (;;) {
		ssize_t n = read(nullptr, 0U);

		if (n < 0)
			return last_error();
		if (n == 0)
			return bytes{};

		auto size = static_cast<std::size_t>(n);
		bytes out{
			std::unique_ptr<char[]>(new (std::nothrow) char[size]),
			size};

		if (!out.data)
			return system_error(ENOMEM);
		n = read(out.data.get(), size);
		if (n >= 0) {
			out.size = static_cast<std::size_t>(n);
			return out;
		}
		// ERANGE: it has grown
		if (errno != ERANGE)
			return last_error();
	}
}

/// \return  whether it means that there is no such attribute
bool is_absence(std::error_code error) noexcept
{
	return error.value() == ENODATA || error.value() == EOPNOTSUPP;
}

/// Reads the extended attributes of a file that was opened by O_PATH, which
/// fgetxattr(2) does not take.
class attribute_reader {
public:
	/// \return  the errors of listxattr(2) and open(2) if there is no way
	static result<attribute_reader> open(int fd, int dirfd,
					     const char *name) noexcept;

	[[nodiscard]] result<bytes> list() const noexcept
	{
		return read_bytes([&](char *to, std::size_t size) {
			return fd_ ? ::flistxattr(fd_.get(), to, size) :
				     ::listxattr(path_, to, size);
		});
	}
	[[nodiscard]] result<bytes> get(const char *name) const noexcept
	{
		return read_bytes([&](char *to, std::size_t size) {
			return fd_ ? ::fgetxattr(fd_.get(), name, to, size) :
				     ::getxattr(path_, name, to, size);
		});
	}

private:
	unique_fd fd_; // empty: by the path
	char path_[sizeof("/proc/thread-self/fd/") + 10];
};

result<attribute_reader> attribute_reader::open(int fd, int dirfd,
						const char *name) noexcept
{
	attribute_reader reader;

	// This is the file itself, whether or not the caller may open it; but there may
	// be no /proc, or something that keeps the caller out of it
	std::snprintf(reader.path_, sizeof(reader.path_),
		      "/proc/thread-self/fd/%d", fd);
	if (::listxattr(reader.path_, nullptr, 0) >= 0 || errno == EOPNOTSUPP)
		return reader;

	int error = errno;
	struct stat st, opened;

	// O_NONBLOCK, lest a FIFO that took the name blocks the open
	reader.fd_.reset(calls::openat(dirfd, name,
				       O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
					       O_NOCTTY | O_CLOEXEC));
	if (!reader.fd_)
		return last_error();
	if (::fstat(fd, &st) < 0 || ::fstat(reader.fd_.get(), &opened) < 0)
		return last_error();
	// The name was given to another file meanwhile
	if (st.st_dev != opened.st_dev || st.st_ino != opened.st_ino)
		return system_error(error);
	return reader;
}

/// Copy one attribute.
/// \return  what is lost; or the error for which it may not be
result<lost> copy_attribute(int to, const attribute_reader &from,
			    const char *name) noexcept
{
	std::string_view all(name);

	if (all == access_list_name)
		return lost::nothing; // goes with the mode
	if (all.starts_with("system."))
		return system_error(EOPNOTSUPP);
	if (all.starts_with("trusted.") || all.starts_with("user.overlay."))
		return lost::trusted_attributes;
	if (all == "security.capability")
		return lost::capability;
	if (all == "security.ima" || all == "security.evm")
		return lost::integrity;

	auto value = from.get(name);

	if (!value && is_absence(value.error()))
		return lost::nothing; // somebody has just removed it
	if (value &&
	    ::fsetxattr(to, name, value->data.get(), value->size, 0) == 0)
		return lost::nothing;

	int error = value ? errno : value.error().value();

	if (all.starts_with("user."))
		return lost::user_attributes;

	// It cannot be set, but may be that of any new file
	auto own = read_bytes([&](char *at, std::size_t size) {
		return ::fgetxattr(to, name, at, size);
	});

	if (!value || !own || !(*own == *value))
		return system_error(error);
	return lost::nothing;
}

/// Copy what has a name.
result<lost> copy_named(int to, const attribute_reader &from) noexcept
{
	auto names = from.list();
	auto gone = lost::nothing;

	if (!names && is_absence(names.error()))
		return gone;
	if (!names)
		return unexpected(names.error());
	for (std::size_t at = 0; at < names->size;) {
		const char *name = names->data.get() + at;
		auto copied = copy_attribute(to, from, name);

		if (!copied)
			return copied;
		gone |= *copied;
		at += std::strlen(name) + 1;
	}
	return gone;
}

} // namespace

result<void> set_mode(int fd, mode_t mode) noexcept
{
	if (::fremovexattr(fd, access_list_name) < 0 && errno != ENODATA &&
	    errno != EOPNOTSUPP)
		return last_error();
	if (::fchmod(fd, mode) < 0)
		return last_error();
	return {};
}

result<lost> copy_attributes(int to, int from, int dirfd,
			     const char *name) noexcept
{
	struct stat st, own;

	if (::fstat(from, &st) < 0 || ::fstat(to, &own) < 0)
		return last_error();

	auto reader = attribute_reader::open(from, dirfd, name);

	if (!reader)
		return unexpected(reader.error());

	auto list = reader->get(access_list_name);

	if (!list && is_absence(list.error()))
		list = bytes{};
	if (!list)
		return unexpected(list.error());

	// First, while the file is the caller's own and can be written
	auto named = copy_named(to, *reader);

	if (!named)
		return named;

	auto gone = *named;
	mode_t mode = st.st_mode & 0777;

	if (st.st_mode & (S_ISUID | S_ISGID | S_ISVTX))
		gone |= lost::set_id;
	if (::fchown(to, st.st_uid, st.st_gid) < 0) {
		if (own.st_uid != st.st_uid)
			gone |= lost::owner;
		if (::fchown(to, static_cast<uid_t>(-1), st.st_gid) < 0) {
			// The group's members are among the others now, who with
			// a list may have had more than somebody that it names
			mode = list->size ?
				       mode & S_IRWXU :
				       (mode & S_IRWXU) |
					       (mode & (mode >> 3) & S_IRWXO);
			gone |= lost::group;
			if (list->size)
				gone |= lost::access_list;
			*list = {};
		}
	}
	if (!list->size) {
		auto set = set_mode(to, mode);

		if (!set)
			return unexpected(set.error());
		return gone;
	}
	// Sets the mode, too
	if (::fsetxattr(to, access_list_name, list->data.get(), list->size, 0) <
	    0)
		return last_error();
	return gone;
}

} // namespace procfd::internal
