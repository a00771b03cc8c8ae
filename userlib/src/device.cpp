// SPDX-License-Identifier: MIT
#include <procfd/device.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::last_error;

result<device> device::open() noexcept
{
	return open(PROCFD_DEVICE);
}

result<device> device::open(path_arg path) noexcept
{
	if (!path.c_str())
		return internal::system_error(EINVAL);

	unique_fd fd(calls::open(path.c_str(), O_RDWR | O_CLOEXEC));

	if (fd)
		return device(std::move(fd));
	if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
		return internal::device_error(errno);
	return last_error();
}

result<features> device::query() const noexcept
{
	procfd_query query{};

	if (::ioctl(fd_.get(), PROCFD_IOC_QUERY, &query) < 0)
		return last_error();
	return features{
		.abi = query.abi,
		.fork_flags = procfd::fork_flags{query.fork_flags},
		.open_flags = procfd::open_flags{query.open_flags},
		.link_flags = procfd::link_flags{query.flink_flags},
		.autoreap = (query.features & PROCFD_FEATURE_AUTOREAP) != 0,
	};
}

result<unique_fd> device::announce_fork(fork_flags flags) const noexcept
{
	procfd_fork arg{};

	arg.flags = static_cast<unsigned>(flags);

	unique_fd fd(::ioctl(fd_.get(), PROCFD_IOC_FORK, &arg));

	if (!fd)
		return last_error();
	return fd;
}

result<void> device::cancel_fork() const noexcept
{
	if (::ioctl(fd_.get(), PROCFD_IOC_CANCEL, 0) < 0)
		return last_error();
	return {};
}

result<unique_fd> device::open_process(pid_t pid,
				       open_flags flags) const noexcept
{
	procfd_open arg{};

	arg.pid = pid;
	arg.flags = static_cast<unsigned>(flags);

	unique_fd fd(::ioctl(fd_.get(), PROCFD_IOC_OPEN, &arg));

	if (!fd)
		return last_error();
	return fd;
}

result<void> device::link(int fd, int dirfd, path_arg path,
			  link_flags flags) const noexcept
{
	constexpr auto replacing =
		link_flags::replace | link_flags::replace_dead;
	auto target = internal::link_target::resolve(
		dirfd, path.c_str(), (flags & replacing) != link_flags::none);

	if (!target)
		return unexpected(target.error());
	// The directory got the number of what is not open
	if (target->dirfd() == fd && fd != dirfd)
		return internal::system_error(EBADF);

	procfd_flink arg{};

	arg.fd = fd;
	arg.dirfd = target->dirfd();
	arg.name = reinterpret_cast<std::uintptr_t>(target->name());
	arg.flags = static_cast<unsigned>(flags);
	if (::ioctl(fd_.get(), PROCFD_IOC_FLINK, &arg) < 0)
		return last_error();
	return {};
}

} // namespace procfd
