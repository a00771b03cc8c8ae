// SPDX-License-Identifier: MIT
#ifndef PROCFD_FLAGS_HPP
#define PROCFD_FLAGS_HPP

#include <concepts>

namespace procfd {

/// How a descriptor for a coming child is made. Close-on-exec is always set.
enum class fork_flags : unsigned {
	none = 0,
	/// O_NONBLOCK, for those who read(2) the descriptor themselves
	nonblock = 1U << 0,
	/// the child is killed when the last copy of the descriptor is closed
	kill_on_close = 1U << 1,
	/// no SIGCHLD when the child exits, and wildcard waits pass it over; in
	/// the middle of its exec they can see, but not take it. The kernel still
	/// sends SIGCHLD when it is stopped or continued. What it makes with
	/// CLONE_PARENT is passed over as well, until it execs.
	quiet = 1U << 2,
	/// the child and all that comes from it are a tree: see
	/// process::wait_empty() and scope. EINVAL from a module that has none.
	tree = 1U << 3,
};

/// Whom a signal is for.
enum class scope : unsigned {
	process, ///< the process; of a tree, the first
	/// of a tree the first while it lives, then the oldest member that does: of
	/// a daemon that forks itself away, the daemon. Else the process.
	main,
	group, ///< the process group that the process leads, or has led
	tree, ///< all members of the tree
};

/// How a descriptor for a running process is made.
enum class open_flags : unsigned {
	none = 0,
	nonblock = 1U << 0,
};

/// What device::link() does about a name that exists, and about power loss.
enum class link_flags : unsigned {
	none = 0,
	replace = 1U << 0,
	replace_dead = 1U << 1,
	durable = 1U << 2,
};

/// Whether a new name must outlive a loss of power.
enum class durability {
	relaxed, ///< the kernel writes back when it likes
	/// content first, then the name, both on disk when the call returns; at
	/// every instant there is the whole old file or the whole new one
	durable,
};

inline constexpr durability durable = durability::durable;

enum class lost : unsigned; // in file.hpp

template <typename T>
concept flag_set = std::same_as<T, fork_flags> || std::same_as<T, open_flags> ||
	std::same_as<T, link_flags> || std::same_as<T, lost>;

template <flag_set T>
constexpr T operator|(T left, T right) noexcept
{
	return static_cast<T>(static_cast<unsigned>(left) |
			      static_cast<unsigned>(right));
}

template <flag_set T>
constexpr T operator&(T left, T right) noexcept
{
	return static_cast<T>(static_cast<unsigned>(left) &
			      static_cast<unsigned>(right));
}

template <flag_set T>
constexpr T &operator|=(T &left, T right) noexcept
{
	return left = left | right;
}

} // namespace procfd

#endif
