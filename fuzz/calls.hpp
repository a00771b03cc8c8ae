/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an input means. The first byte is a header, then each four bytes are a
 * call: the operation and who makes it, and three arguments of it. Every input
 * means something, and a change of one byte changes one thing.
 */
#ifndef PROCFD_FUZZ_CALLS_HPP
#define PROCFD_FUZZ_CALLS_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/types.h>

namespace fuzz {

/// Threads of the process that makes the calls.
constexpr std::size_t n_actors = 3;
/// Descriptors that calls know by number.
constexpr std::size_t n_slots = 16;
/// Children that wait to be told to exit.
constexpr std::size_t n_children = 8;
/// Forks that a process has behind it, with those before its own; the next answers
/// EAGAIN. Thirty-five with an exec each took longer than an input may.
constexpr unsigned max_forks = 16;
/// Bytes of a call.
constexpr std::size_t call_size = 4;

/// Bits of the header.
enum header : std::uint8_t {
	/// Actors do not wait for each other.
	concurrent = 1 << 0,
	/// As an ordinary user, from the first call on.
	unprivileged = 1 << 1,
	/// procfdfs is not mounted before the first call.
	unmounted = 1 << 2,
	/// In a user namespace of its own.
	user_namespace = 1 << 3,
};

struct call {
	std::uint8_t op, x, y, z;

	/// \return  the actor that makes it, below n_actors
	std::size_t actor() const { return (op >> 6) % n_actors; }
};

/// What calls share. All of it is of the sandbox's one process.
struct world {
	std::array<std::atomic<int>, n_slots> slots;
	std::array<std::atomic<pid_t>, n_children> children;
	std::atomic<unsigned> n_forked;
	std::array<int, n_children> release_read, release_write;
	bool verbose;
};

/// Read the calls behind the header.
std::vector<call> decode(std::span<const std::uint8_t> input);

/// Prepare directories, a mount, files and sockets, as the header asks.
void prepare(world &w, std::uint8_t header);

/// Make calls[at].
/// \return  how many calls to go on by: a child of fork may have made some
std::size_t make_call(world &w, std::span<const call> calls, std::size_t at);

} // namespace fuzz

#endif /* PROCFD_FUZZ_CALLS_HPP */
