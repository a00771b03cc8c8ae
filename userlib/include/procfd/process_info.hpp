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

/// What process::info() tells. What is not known yet is zero or absent.
struct process_info {
	process_state state; ///< where it stands
	/// names the process as long as the system is up: never used again, and
	/// equal in two descriptors exactly if they mean the same process
	std::uint64_t id;
	/// in the caller's pid namespace; 0 if it has none there. For display:
	/// once `reaped` is set the number may mean another process.
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
};

} // namespace procfd

#endif
