// SPDX-License-Identifier: MIT
#ifndef PROCFD_WAIT_STATUS_HPP
#define PROCFD_WAIT_STATUS_HPP

#include <compare>
#include <optional>
#include <string>

#include <procfd/export.hpp>

namespace procfd {

/// How a process ended: a value, as waitpid(2) stores it.
class wait_status {
public:
	/// exit code 0; for those who must have a value where there is none
	constexpr wait_status() noexcept : raw_(0) {}

	/// \param raw  status in the encoding of waitpid(2)
	explicit constexpr wait_status(int raw) noexcept : raw_(raw) {}

	/// \return  whether it ended by itself, by exit or by returning
	[[nodiscard]] constexpr bool exited() const noexcept
	{
		return signo() == 0;
	}
	/// \return  whether a signal ended it, with or without a core dump
	[[nodiscard]] constexpr bool killed() const noexcept
	{
		return signo() != 0;
	}
	/// \return  whether a signal ended it and the kernel counts it as dumped
	[[nodiscard]] constexpr bool dumped() const noexcept
	{
		return killed() && (raw_ & 0x80);
	}
	/// \return  whether it exited with code 0
	[[nodiscard]] constexpr bool success() const noexcept
	{
		return raw_ == 0;
	}

	/// \return  the exit code, 0 to 255, if it exited
	[[nodiscard]] constexpr std::optional<int> exit_code() const noexcept
	{
		if (!exited())
			return std::nullopt;
		return (raw_ >> 8) & 0xff;
	}
	/// \return  the number of the signal that ended it, if one did
	[[nodiscard]] constexpr std::optional<int> signal() const noexcept
	{
		if (!killed())
			return std::nullopt;
		return signo();
	}
	/// \return  the status in the encoding of waitpid(2)
	[[nodiscard]] constexpr int raw() const noexcept { return raw_; }

	/// \return  "exited CODE", "killed SIGNO" or "dumped SIGNO": the first
	///	line of the exit record that read(2) gives
	[[nodiscard]] PROCFD_API std::string str() const;

	/// The same end, to the last bit.
	friend constexpr bool operator==(wait_status,
					 wait_status) noexcept = default;

private:
	[[nodiscard]] constexpr int signo() const noexcept
	{
		return raw_ & 0x7f;
	}

	int raw_;
};

} // namespace procfd

#endif
