// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_TEXT_HPP
#define PROCFD_TOOLS_TEXT_HPP

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/types.h>

#include <fmt/format.h>

#include <procfd/wait_status.hpp>

/// Text to values and back.
namespace command {

using clock = std::chrono::steady_clock;

/// The command line is wrong, in a way that the parser does not see.
struct misuse : std::runtime_error {
	using std::runtime_error::runtime_error;
};

/// Print to standard output.
/// \return  tool::success, or tool::failure if it cannot all be written; that is
///	said, unless the reader has gone
int print(std::string_view text);

/// Say something on standard error.
void complain(const std::string &message);

/// Say on standard error what is wrong with something.
void complain(const std::string &subject, const std::string &reason);

/// \return  the text with nothing in it that a terminal takes for a command:
///	control characters, backslashes and what is no UTF-8 become \\n, \\x1b ...
std::string printable(std::string_view text);

/// \param text  number with at most nine decimals, with or without ms, s, m, h or d
/// \return  nothing if it is no such thing, or above ten years
std::optional<std::chrono::nanoseconds> duration(std::string_view text);

/// The same for options.
/// \throw  misuse
std::chrono::nanoseconds duration_option(const std::string &text);

/// \param name  name of a signal, with or without SIG, in any case, or a number
/// \return  0 to 64, or nothing
std::optional<int> signal_number(std::string_view name);

/// \return  "TERM", "RTMIN+1", or "32" for those without a name
std::string signal_name(int signo);

/// \return  "exited 7", "killed TERM" or "dumped SEGV"
std::string ending(procfd::wait_status status);

/// \return  what a shell would make of it: the exit code, or 128 and the signal
int mirrored(procfd::wait_status status);

/// \return  names, or numbers where there are none
std::string user_name(uid_t uid);
std::string group_name(gid_t gid);

} // namespace command

#endif
