// SPDX-License-Identifier: MIT
#ifndef PROCFD_PROCESS_INFO_HPP
#define PROCFD_PROCESS_INFO_HPP

#include <chrono>
#include <cstdint>
#include <optional>

#include <sys/types.h>

#include <procfd/wait_status.hpp>

namespace procfd {

/// Where a process stands; it only ever moves downwards.
enum class process_state {
	unbound = 1, ///< the descriptor waits for the fork that was announced
	running, ///< there is a process, and it has not exited
	exited, ///< the exit record exists
	dropped, ///< the announced fork never came, and never will
};

/// Of a tree, in process_info.
struct tree_info {
	std::uint64_t live; ///< members that have not exited
	std::uint64_t born; ///< members that there ever were
	/// of these, those that the kernel had no memory to record, and killed
	std::uint64_t born_dead;
	/// identity of the main process, see scope::main; 0 if none lives
	std::uint64_t main_id;
	pid_t main_pid; ///< in the caller's pid namespace; 0 if it has none there
	std::uint64_t ended_main_id; ///< the main process that ended last, or 0
	std::optional<wait_status> ended_main; ///< how it ended

	/// \name Use of resources: by the members that have exited
	/// @{
	std::chrono::microseconds user_time;
	std::chrono::microseconds system_time;
	std::uint64_t maxrss_kb; ///< the greatest of any, KiB
	std::uint64_t minor_faults; ///< page faults without I/O
	std::uint64_t major_faults; ///< page faults with I/O
	/// @}
};

/// A member of a tree, from process::members().
struct tree_member {
	std::uint64_t id; ///< as process_info::id
	std::uint64_t parent_id; ///< its parent's, who may be no member
	pid_t pid; ///< in the caller's pid namespace; 0 if it has none there
	std::chrono::nanoseconds started; ///< as process_info::started
};

/// What process::info() tells. What is not known yet is zero or absent.
struct process_info {
	process_state state; ///< where it stands
	/// names the process as long as the system is up: never used again, and
	/// equal in two descriptors exactly if they mean the same process
	std::uint64_t id;
	/// in the caller's pid namespace; 0 if it has none there, and once `reaped`
	/// is set
	pid_t pid;
	std::optional<wait_status> status; ///< once it has exited

	bool kill_on_close; ///< closing the last descriptor kills it
	bool quiet; ///< forked with fork_flags::quiet, and that took
	bool reaped; ///< no zombie is left of it

	/// by CLOCK_BOOTTIME of the host, in any time namespace
	std::chrono::nanoseconds started;
	std::chrono::nanoseconds ended; ///< by the same clock

	/// \name Use of resources: by all its threads, none of its children, once it has exited
	/// @{
	std::chrono::microseconds user_time;
	std::chrono::microseconds system_time;
	std::uint64_t maxrss_kb; ///< greatest resident set, KiB
	std::uint64_t minor_faults; ///< page faults without I/O
	std::uint64_t major_faults; ///< page faults with I/O
	/// @}

	std::optional<tree_info> tree; ///< if it is the first of one
};

} // namespace procfd

#endif
