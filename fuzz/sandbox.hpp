/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One input, run where nothing of it can stay: a pid namespace whose end kills
 * all of its processes, and a mount namespace whose mounts go with it.
 */
#ifndef PROCFD_FUZZ_SANDBOX_HPP
#define PROCFD_FUZZ_SANDBOX_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fuzz {

using bytes = std::span<const std::uint8_t>;

/// References to the module, by descriptors, mounts and quiet children.
int module_references();

/// Run one input to its end and wait until nothing of it is left.
/// \param input  a header and calls, see calls.hpp
/// \param references  what module_references() was before the first input
/// \param verbose  print each call and what it answered to standard error
/// \param limit_ms  how long it may take, and its remains; emulators are slow
/// \return empty, or what is wrong: it did not end, or something stayed
std::string run_input(bytes input, int references, bool verbose = false,
		      int limit_ms = 30000);

} // namespace fuzz

#endif /* PROCFD_FUZZ_SANDBOX_HPP */
