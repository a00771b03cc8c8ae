// SPDX-License-Identifier: MIT
#ifndef PROCFD_PROCESS_SET_HPP
#define PROCFD_PROCESS_SET_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <unordered_map>
#include <utility>
#include <vector>

#include <procfd/export.hpp>
#include <procfd/process.hpp>
#include <procfd/result.hpp>
#include <procfd/unique_fd.hpp>
#include <procfd/wait_status.hpp>

namespace procfd {

/// One process of a process_set that has ended.
struct finished {
	std::uint64_t key; ///< what it was added under
	process child; ///< its descriptor, out of the set
	/// how it ended; or ECHILD (its announced fork was dropped), EBADF (opened
	/// to signal only), ENOTTY (adopted, and no process)
	result<wait_status> status;
};

/// Processes that are waited for together, by one epoll(7).
///
///     auto children = procfd::or_throw(procfd::process_set::create(), "set");
///     children.add(procfd::spawn({"one"}).value(), 1).value();
///     children.add(procfd::spawn({"two"}).value(), 2).value();
///     while (children.size() > 0) {
///             auto ended = children.wait();
///
///             for (auto &end : ended.value())
///                     restart(end.key, end.status);
///     }
///
/// It owns its processes until they end or are removed, so none can go while it is
/// waited for. Each has a key of the caller's choice, for instance a pointer. An exit
/// costs the same however many there are.
///
/// For one thread at a time, and not for both sides of a fork: they would share the
/// one epoll, so that what a child adds or removes is added or removed for both. Of a
/// moved-from set every call fails with EBADF.
class process_set {
public:
	/// \return  an empty set, or EMFILE, ENFILE, ENOMEM
	PROCFD_API static result<process_set> create() noexcept;

	/// Add a process; one that has ended is fine too.
	/// \param member  the process, owned by the set from now on; if it could not
	///	be added, it is as it was
	/// \param key  names it in this set
	/// \return  EBADF, EEXIST (there is one of this key), ENOMEM, ENOSPC (too
	///	many epoll watches of this user), EPERM (adopted, and nothing that
	///	can be polled, as a regular file)
	PROCFD_API result<void> add(process &&member,
				    std::uint64_t key) noexcept;

	/// \return  the process of a key, no longer in the set; an empty one if there
	///	is none
	PROCFD_API process remove(std::uint64_t key) noexcept;

	/// \return  the process of a key, still owned here, until it is taken out;
	///	null if there is none
	[[nodiscard]] PROCFD_API const process *
	find(std::uint64_t key) const noexcept;

	/// Wait until one or more have ended, and take these out of the set.
	/// Children of the caller are also reaped, as by process::wait(). Signals do
	/// not change the wait.
	/// \return  those that have ended, at least one; further ones, if many end at
	///	once, come with the next call. ECHILD if the set is empty; ENOMEM.
	PROCFD_API result<std::vector<finished>> wait() noexcept;

	/// As wait(), but give up at a point in time.
	/// \param deadline  on the monotonic clock; one that has passed only looks
	/// \return  also ETIMEDOUT
	PROCFD_API result<std::vector<finished>>
	wait_until(std::chrono::steady_clock::time_point deadline) noexcept;

	/// As wait(), but only look.
	/// \return  those that have ended; none is no error
	PROCFD_API result<std::vector<finished>> try_wait() noexcept;

	/// \return  how many are in it
	[[nodiscard]] std::size_t size() const noexcept
	{
		return members_.size();
	}

	/// \return  the descriptor, still owned here, for poll(2) and the like:
	///	readable while there are ended ones to take out
	[[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

private:
	explicit process_set(unique_fd fd) noexcept : fd_(std::move(fd)) {}

	result<std::vector<finished>> take(const timespec *timeout) noexcept;

	unique_fd fd_;
	std::unordered_map<std::uint64_t, process> members_;
};

} // namespace procfd

#endif
