// SPDX-License-Identifier: MIT
#ifndef PROCFD_SIGNAL_MASK_HPP
#define PROCFD_SIGNAL_MASK_HPP

#include <csignal>

namespace procfd::internal {

/// \return  a signal mask of this thread without what only its signal_streams
///	blocked: what its children are to start with
sigset_t without_streams(sigset_t mask) noexcept;

/// In a child of procfd::fork(): forget the streams of the parent.
void forget_streams() noexcept;

/// Every signal blocked as long as this lives.
class signals_blocked {
public:
	signals_blocked() noexcept
	{
		sigset_t all;

		sigfillset(&all);
		::pthread_sigmask(SIG_SETMASK, &all, &before_);
	}
	~signals_blocked()
	{
		::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
	}
	signals_blocked(const signals_blocked &) = delete;
	signals_blocked &operator=(const signals_blocked &) = delete;

	/// \return  the mask that a child of this thread starts with
	[[nodiscard]] sigset_t for_child() const noexcept
	{
		return without_streams(before_);
	}

	/// In the child: that is what the end restores.
	void restore_for_child() noexcept
	{
		before_ = for_child();
		forget_streams();
	}

private:
	sigset_t before_;
};

} // namespace procfd::internal

#endif
