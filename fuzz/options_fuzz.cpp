// SPDX-License-Identifier: GPL-2.0-only
/*
 * module/options.c, the very file, in user space: against a second reading of
 * procfd(5), written from the page and not from the file. Both must take the same
 * options and come to the same values; one that is refused changes nothing; and
 * what is shown makes the same mount again.
 */
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" {
#include "options.h"
}

/* Who mounts: in the first namespace, or in one that has few ids. */
static user_namespace container = {5, 100000, 1000};
static user_namespace *mounter;

extern "C" user_namespace *current_user_ns()
{
	return mounter;
}

/* "uid=5,quiet" is uid with the value 5, and quiet with none. */
struct option {
	std::string key;
	std::optional<std::string> value;
};

/* What a filesystem is like, or what a mount wants of it. */
using settings = std::map<std::string, std::uint64_t>;

static const settings usual = {
	{"uid", 0}, {"gid", 0}, {"mode", 0755}, {"max", 65536}};

namespace page {

/*
 * Decimal, octal after 0, hexadecimal after 0x; the kernel takes a sign, too, and
 * the newline that echo writes.
 */
std::optional<std::uint64_t> number(std::string_view text, int base)
{
	std::uint64_t value;

	if (text.starts_with('+'))
		text.remove_prefix(1);
	if (text.ends_with('\n'))
		text.remove_suffix(1);
	if (!base && (text.starts_with("0x") || text.starts_with("0X"))) {
		text.remove_prefix(2);
		base = 16;
	} else if (!base) {
		base = text.starts_with('0') ? 8 : 10;
	}

	const auto [end, error] =
		std::from_chars(text.begin(), text.end(), value, base);

	if (error != std::errc() || end != text.end() || value > UINT32_MAX)
		return {};
	return value;
}

/* What the option is worth; nothing if it is refused. */
std::optional<std::uint64_t> worth(const option &o)
{
	if (!usual.contains(o.key) || !o.value)
		return {};
	auto n = number(*o.value, o.key == "mode" ? 8 : 0);

	if (!n)
		return {};
	if (o.key == "mode")
		return *n <= 07777 ? n : std::nullopt;
	if (o.key == "max")
		return *n <= 2147483647 ? n : std::nullopt;
	/* An id of the namespace that mounts, as the first one has it. */
	if (mounter == &container)
		return *n >= 5 && *n < 1005 ? std::optional(*n - 5 + 100000) :
					      std::nullopt;
	return *n != 4294967295 ? n : std::nullopt;
}

} // namespace page

[[noreturn]] static void complain(const char *what, const option &o)
{
	fprintf(stderr, "%s: %s=%s\n", what, o.key.c_str(),
		o.value ? o.value->c_str() : "(no value)");
	abort();
}

static settings values_of(const procfd_options &options)
{
	settings all;

	if (options.given & PROCFD_OPT_UID)
		all["uid"] = options.uid.val;
	if (options.given & PROCFD_OPT_GID)
		all["gid"] = options.gid.val;
	if (options.given & PROCFD_OPT_MODE)
		all["mode"] = options.mode;
	if (options.given & PROCFD_OPT_MAX)
		all["max"] = options.max;
	return all;
}

/* One option: parsed by the module and by the page. */
static void give(fs_context &fc, settings &wanted, const option &o)
{
	const auto *options = static_cast<procfd_options *>(fc.fs_private);
	const fs_parameter parameter = {
		o.key.c_str(), o.value ? fs_value_is_string : fs_value_is_flag,
		o.value ? o.value->c_str() : nullptr};
	const unsigned messages = fc.messages;
	fs_parameter copy = parameter;
	const int ret = procfd_options_parse(&fc, &copy);

	if (const auto worth = page::worth(o)) {
		wanted[o.key] = *worth;
		if (ret)
			complain("refused", o);
	} else if (!usual.contains(o.key)) {
		if (ret != -ENOPARAM)
			complain("not passed on", o);
	} else if (ret != -EINVAL || fc.messages != messages + 1) {
		complain("not refused, or without a word", o);
	}
	if (values_of(*options) != wanted)
		complain("another value", o);
}

static std::vector<option> split(const std::string &text)
{
	std::vector<option> all;

	for (std::size_t at = 0; at <= text.size();) {
		const std::size_t end =
			std::min(text.find(',', at), text.size());
		const std::string one = text.substr(at, end - at);
		const std::size_t sign = one.find('=');

		at = end + 1;
		if (one.empty())
			continue;
		/* A value ends at a zero, as it does for the kernel. */
		if (sign == one.npos)
			all.push_back({one.c_str(), {}});
		else
			all.push_back({one.substr(0, sign).c_str(),
				       one.substr(sign + 1).c_str()});
	}
	return all;
}

/* The filesystem after a mount with these options. */
static settings mounted(const procfd_options &given)
{
	procfd_options filesystem = procfd_options_default;

	procfd_options_merge(&filesystem, &given);
	filesystem.given = ~0U;
	return values_of(filesystem);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data,
				      std::size_t size)
{
	procfd_options given = {}, again = {};
	procfd_options filesystem = procfd_options_default;
	fs_context fc = {&given, 0};
	settings wanted;
	seq_file shown = {};

	if (!size)
		return 0;
	mounter = *data & 1 ? &container : &init_user_ns;
	for (const option &o :
	     split({reinterpret_cast<const char *>(data) + 1, size - 1}))
		give(fc, wanted, o);

	settings after = usual;

	for (const auto &[key, value] : wanted)
		after[key] = value;
	if (mounted(given) != after)
		complain("not what was given", {"all", {}});

	procfd_options_merge(&filesystem, &given);
	procfd_options_show(&shown, &filesystem);
	mounter = &init_user_ns;
	fc = {&again, 0};
	wanted = {};
	for (const option &o : split(shown.text))
		give(fc, wanted, o);
	if (mounted(again) != after)
		complain("shown as another mount", {shown.text, {}});
	for (const auto &[key, value] : wanted) {
		if (usual.at(key) == value)
			complain("shown though it is usual", {key, {}});
	}
	return 0;
}
