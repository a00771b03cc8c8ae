// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_BASICS_HPP
#define PROCFD_TOOLS_BASICS_HPP

#include <cerrno>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

/// What all commands have in common.
namespace tool {

enum exit_code { success = 0, failure = 1, usage = 2 };

/// \return  the number, 0 or more, that the whole of an argument is
template <typename Number = int>
std::optional<Number> number(const std::string &text, int base)
{
	Number value = 0;
	const char *end = text.data() + text.size();
	auto [stop, error] = std::from_chars(text.data(), end, value, base);

	if (error != std::errc() || stop != end || text.starts_with('-'))
		return std::nullopt;
	return value;
}

/// Write all of a text to standard output.
/// \return  0 or errno
inline int write_out(std::string_view text)
{
	while (!text.empty()) {
		auto done = ::write(STDOUT_FILENO, text.data(), text.size());

		if (done < 0 && errno != EINTR)
			return errno;
		if (done > 0)
			text.remove_prefix(static_cast<std::size_t>(done));
	}
	return 0;
}

} // namespace tool

#endif
