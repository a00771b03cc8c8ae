// SPDX-License-Identifier: MIT
#ifndef PROCFD_MAKE_CHILD_HPP
#define PROCFD_MAKE_CHILD_HPP

#include <procfd/process.hpp>

#include "signal_mask.hpp"

namespace procfd::internal {

/// procfd::fork(), with the signals blocked by the caller.
/// \param guard  in the child it restores what a child is to have, at its end
result<forked> fork(const device &dev, fork_flags flags,
		    signals_blocked &guard) noexcept;

/// Tell the parent, through a pipe, the errno for which there is no program.
void report(int pipe, int error) noexcept;

} // namespace procfd::internal

#endif
