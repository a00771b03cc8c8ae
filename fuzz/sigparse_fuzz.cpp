// SPDX-License-Identifier: GPL-2.0-only
/*
 * module/sigparse.c, the very file, in user space: against a second reading of
 * procfd(4), written from the page and not from the file. Both must send the same
 * signals and consume the same bytes, and neither may touch another byte.
 */
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

extern "C" {
#include "sigparse.h"
}

/* A scope, and signals, each with how much is consumed once it is sent. */
struct sent {
	unsigned int scope = 0;
	std::vector<std::pair<int, std::size_t>> signals;

	bool operator==(const sent &) const = default;
};

namespace page {

/* "ASCII letter or digit"; "white space" of the C locale. */
bool in(const char *set, char c)
{
	return c && strchr(set, c);
}
const char *const digits = "0123456789";
const char *const letters =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const char *const white = " \t\n\v\f\r";

/* What kill -l of bash prints, by the C library, and its second names. */
std::map<std::string, int> all_names()
{
	std::map<std::string, int> names = {
		{"CLD", SIGCHLD}, {"IOT", SIGABRT}, {"IO", SIGPOLL}};

	for (int i = 1; i < 32; i++)
		names[sigabbrev_np(i)] = i;
	/* The kernel's own two are the library's: real-time begins at 34. */
	names["RTMIN"] = 34;
	names["RTMAX"] = 64;
	for (int i = 0; i <= 30; i++) {
		/* Zeros in front are a number's, too. */
		names["RTMIN+" + std::to_string(i)] = 34 + i;
		names["RTMAX-" + std::to_string(i)] = 64 - i;
	}
	return names;
}

/* A word; nothing if it is no signal. */
std::optional<int> signal(std::string word)
{
	static const auto names = all_names();
	std::size_t zeros;

	if (word.find_first_not_of(digits) == std::string::npos) {
		zeros = word.find_first_not_of('0');
		if (zeros == std::string::npos)
			return 0;
		word.erase(0, zeros);
		if (word.size() > 2 || std::stoi(word) > 64)
			return {};
		return std::stoi(word);
	}
	for (char &c : word) {
		if (c >= 'a' && c <= 'z')
			c = char(c - 'a' + 'A');
	}
	if (word.starts_with("SIG"))
		word.erase(0, 3);
	if (word.starts_with("RTMIN+") || word.starts_with("RTMAX-")) {
		while (word.size() > 7 && word[6] == '0')
			word.erase(6, 1);
	}
	const auto found = names.find(word);

	if (found == names.end())
		return {};
	return found->second;
}

/* A scope, if the word is one. */
std::optional<unsigned int> scope(std::string word)
{
	static const char *const names[] = {"process", "main", "group", "tree"};

	for (char &c : word) {
		if (c >= 'A' && c <= 'Z')
			c = char(c - 'A' + 'a');
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (word == names[i])
			return i;
	}
	return {};
}

/* Everything that a write sends; nothing for EINVAL. */
std::optional<sent> meaning(const std::string &bytes)
{
	bool text = false, blank = true;
	sent all;

	for (char c : bytes) {
		text |= in(digits, c) || in(letters, c);
		blank &= in(white, c);
	}
	/* "white space alone" */
	if (blank)
		return {};

	if (!text) {
		for (std::size_t i = 0; i < bytes.size(); i++) {
			const auto byte = static_cast<unsigned char>(bytes[i]);

			if (byte > 31)
				return {};
			all.signals.emplace_back(byte, i + 1);
		}
		return all;
	}
	bool first = true;

	for (std::size_t at = 0; at < bytes.size();) {
		std::string word;

		while (at < bytes.size() && in(white, bytes[at]))
			at++;
		while (at < bytes.size() && !in(white, bytes[at]))
			word += bytes[at++];
		while (at < bytes.size() && in(white, bytes[at]))
			at++;
		if (std::exchange(first, false)) {
			if (const auto number = scope(word)) {
				all.scope = *number;
				continue;
			}
		}
		const std::optional<int> number = signal(word);

		if (!number)
			return {};
		all.signals.emplace_back(*number, at);
	}
	if (all.signals.empty())
		return {};
	return all;
}

} // namespace page

namespace module {

std::optional<sent> meaning(const char *bytes, std::size_t size)
{
	procfd_sigparse parse;
	sent all;

	switch (procfd_sigparse_begin(&parse, bytes, size)) {
	case 0:
		all.scope = parse.scope;
		break;
	case -EINVAL:
		return {};
	default:
		abort(); /* it has no other answer */
	}
	for (;;) {
		const int signal = procfd_sigparse_next(&parse);

		if (signal == PROCFD_SIGPARSE_END)
			return all;
		if (signal < 0)
			abort(); /* begin has ruled it out */
		all.signals.emplace_back(signal, parse.offset);
	}
}

} // namespace module

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data,
				      std::size_t size)
{
	/* write(2) of nothing never comes to the parser. */
	if (!size)
		return 0;

	/* Exactly as long as it is, so that a byte behind it is an error. */
	const auto bytes = std::make_unique<char[]>(size);

	memcpy(bytes.get(), data, size);
	const auto ours = module::meaning(bytes.get(), size);
	const auto theirs = page::meaning(std::string(bytes.get(), size));

	if (ours == theirs)
		return 0;
	for (const auto &[who, what] :
	     {std::pair("sigparse.c", ours), std::pair("procfd(4)", theirs)}) {
		fprintf(stderr, "%s:", who);
		if (!what)
			fprintf(stderr, " EINVAL");
		else
			fprintf(stderr, " %u:", what->scope);
		for (const auto &[signal, end] :
		     what ? what->signals : decltype(what->signals){})
			fprintf(stderr, " %d<%zu", signal, end);
		fprintf(stderr, "\n");
	}
	abort();
}
