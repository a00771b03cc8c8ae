// SPDX-License-Identifier: MIT
#include <procfd/process_set.hpp>

#include <algorithm>
#include <array>
#include <new>

#include <sys/epoll.h>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::last_error;
using internal::system_error;

result<process_set> process_set::create() noexcept
{
	unique_fd fd(::epoll_create1(EPOLL_CLOEXEC));

	if (!fd)
		return last_error();
	return process_set(std::move(fd));
}

result<void> process_set::add(process &&member, std::uint64_t key) noexcept
try {
	// The place first: nothing is left to fail once epoll knows of it
	auto [place, fresh] = members_.try_emplace(key);

	if (!fresh)
		return system_error(EEXIST);

	epoll_event event{};

	event.events = EPOLLIN;
	event.data.u64 = key;
	if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, member.native_handle(),
			&event) < 0) {
		auto error = last_error();

		members_.erase(place);
		return error;
	}
	place->second = std::move(member);
	return {};
} catch (const std::bad_alloc &) {
	return system_error(ENOMEM);
}

process process_set::remove(std::uint64_t key) noexcept
{
	auto found = members_.find(key);

	if (found == members_.end())
		return {};

	auto member = std::move(found->second);

	members_.erase(found);
	// Not left to close(2): there may be copies of the descriptor
	::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, member.native_handle(), nullptr);
	return member;
}

const process *process_set::find(std::uint64_t key) const noexcept
{
	auto found = members_.find(key);

	return found == members_.end() ? nullptr : &found->second;
}

/// \param timeout  null: for ever
/// \return  EINTR as well
result<std::vector<finished>>
process_set::take(const timespec *timeout) noexcept
try {
	std::array<epoll_event, 64> events;
	std::vector<finished> out;

	// Before anything is taken out, so that nothing can be lost
	out.reserve(std::min(events.size(), members_.size()));

	int count = calls::epoll_wait(fd_.get(), events.data(),
				      static_cast<int>(events.size()), timeout);

	if (count < 0)
		return last_error();
	for (int i = 0; i < count; i++) {
		auto key = events[static_cast<std::size_t>(i)].data.u64;
		auto status = find(key)->try_wait();

		if (!status)
			out.push_back(
				{key, remove(key), unexpected(status.error())});
		else if (*status)
			out.push_back({key, remove(key), **status});
	}
	return out;
} catch (const std::bad_alloc &) {
	return system_error(ENOMEM);
}

result<std::vector<finished>> process_set::wait() noexcept
{
	if (fd_ && members_.empty())
		return system_error(ECHILD);
	for (;;) {
		auto ended = take(nullptr);

		if (ended || ended.error() != std::errc::interrupted)
			return ended;
	}
}

result<std::vector<finished>>
process_set::wait_until(std::chrono::steady_clock::time_point deadline) noexcept
{
	if (fd_ && members_.empty())
		return system_error(ECHILD);
	for (;;) {
		auto left = internal::time_left(deadline);
		auto ended = take(&left);

		if (ended && ended->empty())
			return system_error(ETIMEDOUT);
		if (ended || ended.error() != std::errc::interrupted)
			return ended;
	}
}

result<std::vector<finished>> process_set::try_wait() noexcept
{
	timespec none{};

	return take(&none);
}

} // namespace procfd
