// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <grp.h>
#include <pwd.h>

#include "command.hpp"

namespace command {

int print(std::string_view text)
{
	int error = tool::write_out(text);

	if (error && error != EPIPE)
		complain("standard output", std::strerror(error));
	return error ? tool::failure : tool::success;
}

void complain(const std::string &message)
{
	// Not fmt::print(), which throws if this fails
	std::fputs(("procfd: " + message + "\n").c_str(), stderr);
}

void complain(const std::string &subject, const std::string &reason)
{
	complain(fmt::format("{}: {}", printable(subject), reason));
}

namespace {

/// \return  length of the UTF-8 sequence at the start of the text, 0 if there is
///	none; overlong ones, surrogates and what is above U+10FFFF are none
std::size_t utf8_length(std::string_view text)
{
	auto at = [&](std::size_t i) {
		return i < text.size() ? static_cast<unsigned char>(text[i]) :
					 0U;
	};
	unsigned first = at(0);
	unsigned lowest = 0x80;
	unsigned highest = 0xbf;
	std::size_t length;

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		length = 2;
	else if (first >= 0xe0 && first <= 0xef)
		length = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		length = 4;
	else
		return 0;
	// The bounds that some first bytes set for the second one
	if (first == 0xe0)
		lowest = 0xa0;
	else if (first == 0xf0)
		lowest = 0x90;
	else if (first == 0xed)
		highest = 0x9f;
	else if (first == 0xf4)
		highest = 0x8f;
	for (std::size_t i = 1; i < length; i++) {
		if (at(i) < lowest || at(i) > highest)
			return 0;
		lowest = 0x80;
		highest = 0xbf;
	}
	return length;
}

} // namespace

std::string printable(std::string_view text)
{
	std::string out;

	while (!text.empty()) {
		auto byte = static_cast<unsigned char>(text.front());
		std::size_t length = utf8_length(text);
		// U+0080 to U+009F control a terminal as well
		bool control = byte < 0x20 || byte == 0x7f ||
			       (length == 2 && byte == 0xc2 &&
				static_cast<unsigned char>(text[1]) < 0xa0);

		if (byte == '\\')
			out += "\\\\";
		else if (byte == '\n')
			out += "\\n";
		else if (byte == '\t')
			out += "\\t";
		else if (length == 0 || control)
			for (std::size_t i = 0;
			     i < std::max<std::size_t>(length, 1); i++)
				out += fmt::format(
					"\\x{:02x}",
					static_cast<unsigned char>(text[i]));
		else
			out.append(text, 0, length);
		text.remove_prefix(std::max<std::size_t>(length, 1));
	}
	return out;
}

std::optional<std::chrono::nanoseconds> duration(std::string_view text)
{
	struct unit {
		std::string_view name;
		double seconds;
	};
	constexpr unit units[] = {
		{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400},
	};
	constexpr double ten_years = 10 * 366 * 86400.0;
	auto digits =
		std::min(text.find_first_not_of("0123456789."), text.size());
	double value = 0;
	double scale = 1;
	// <charconv> takes "inf" and exponents; the search above leaves none
	auto [end, error] =
		std::from_chars(text.data(), text.data() + digits, value);

	if (error != std::errc() || end != text.data() + digits)
		return std::nullopt;
	if (digits < text.size()) {
		const auto *found = std::find_if(
			std::begin(units), std::end(units), [&](const unit &u) {
				return u.name == text.substr(digits);
			});

		if (found == std::end(units))
			return std::nullopt;
		scale = found->seconds;
	}
	if (value * scale > ten_years)
		return std::nullopt;
	return std::chrono::nanoseconds(
		static_cast<std::int64_t>(std::llround(value * scale * 1e9)));
}

std::chrono::nanoseconds duration_option(const std::string &text)
{
	auto found = duration(text);

	if (!found)
		throw misuse(fmt::format("not a time: {} (5, 0.5, 300ms, 2m)",
					 printable(text)));
	return *found;
}

std::optional<int> signal_number(std::string_view name)
{
	std::string upper;
	int number = 0;

	for (char c : name)
		upper += static_cast<char>(
			std::toupper(static_cast<unsigned char>(c)));

	auto decimal = [&](std::string_view text) {
		auto [end, error] = std::from_chars(
			text.data(), text.data() + text.size(), number);

		return !text.empty() &&
		       std::isdigit(static_cast<unsigned char>(text.front())) &&
		       error == std::errc() && end == text.data() + text.size();
	};
	auto in_range = [&]() -> std::optional<int> {
		if (number < 0 || number > SIGRTMAX)
			return std::nullopt;
		return number;
	};

	if (decimal(upper))
		return in_range();
	if (upper.starts_with("SIG"))
		upper.erase(0, 3);
	for (int signo = 1; signo < SIGRTMIN; signo++)
		if (const char *known = ::sigabbrev_np(signo);
		    known && upper == known)
			return signo;
	if (upper == "IOT")
		return SIGABRT;
	if (upper == "CLD")
		return SIGCHLD;
	if (upper == "IO")
		return SIGIO;
	if (upper == "RTMIN")
		return SIGRTMIN;
	if (upper == "RTMAX")
		return SIGRTMAX;
	if (upper.starts_with("RTMIN+") && decimal(upper.substr(6))) {
		number = number > 64 ? -1 : number + SIGRTMIN;
		return in_range();
	}
	if (upper.starts_with("RTMAX-") && decimal(upper.substr(6))) {
		number = SIGRTMAX - number;
		if (number < SIGRTMIN)
			return std::nullopt;
		return number;
	}
	return std::nullopt;
}

std::string signal_name(int signo)
{
	if (signo >= SIGRTMIN && signo <= SIGRTMAX) {
		if (signo == SIGRTMIN)
			return "RTMIN";
		if (signo == SIGRTMAX)
			return "RTMAX";
		return fmt::format("RTMIN+{}", signo - SIGRTMIN);
	}

	const char *known = ::sigabbrev_np(signo);

	return known ? known : std::to_string(signo);
}

std::string ending(procfd::wait_status status)
{
	if (auto code = status.exit_code())
		return fmt::format("exited {}", *code);
	return fmt::format("{} {}", status.dumped() ? "dumped" : "killed",
			   signal_name(*status.signal()));
}

int mirrored(procfd::wait_status status)
{
	if (auto code = status.exit_code())
		return *code;
	return signal_base + *status.signal();
}

std::string user_name(uid_t uid)
{
	const auto *user = ::getpwuid(uid);

	return user ? user->pw_name : std::to_string(uid);
}

std::string group_name(gid_t gid)
{
	const auto *group = ::getgrgid(gid);

	return group ? group->gr_name : std::to_string(gid);
}

} // namespace command
