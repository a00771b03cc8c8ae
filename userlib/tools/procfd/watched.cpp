// SPDX-License-Identifier: MIT
#include "watched.hpp"

#include <algorithm>
#include <csignal>

#include <poll.h>

namespace command {

std::optional<std::vector<watched>> open_all(const operands &names,
					     procfd::access wanted)
{
	std::vector<watched> all;
	bool complete = true;

	allow_many_descriptors();
	for (const auto &name : names) {
		std::string path = full_path(name);

		if (auto process = open_name(path, wanted))
			all.push_back({path, *std::move(process), {}});
		else
			complete = false;
	}
	if (!complete)
		return std::nullopt;
	return all;
}

void look(watched &one)
{
	auto status = one.process.try_wait();

	if (one.whole && status && *status) {
		one.first_ended = true;

		auto all = one.process.wait_empty_until({});

		if (!all && all.error() == std::errc::timed_out)
			return;
	}

	if (status) {
		one.status = *status;
		return;
	}
	one.failed = true;
	complain(one.path, status.error() == std::errc::no_child_process ?
				   "its process was never started" :
				   status.error().message());
}

bool await_one(std::vector<watched> &all,
	       std::optional<clock::time_point> deadline)
{
	std::vector<struct pollfd> entries;
	bool changed = false;
	auto look_at = [&](watched &one) {
		bool before = one.first_ended;

		look(one);
		changed =
			changed || !one.pending() || one.first_ended != before;
	};

	for (auto &one : all) {
		if (!one.pending())
			continue;
		look_at(one);
		// Of a tree POLLHUP comes, which need not be asked for
		entries.push_back({.fd = one.process.native_handle(),
				   .events = static_cast<short>(
					   one.first_ended ? 0 : POLLIN),
				   .revents = 0});
	}
	while (!changed) {
		timespec left{};

		if (deadline)
			left = time_left(*deadline);

		int ready = ::ppoll(entries.data(), entries.size(),
				    deadline ? &left : nullptr, nullptr);

		if (ready == 0)
			return false;
		if (ready < 0)
			continue; // a signal
		for (auto &one : all) {
			if (one.pending())
				look_at(one);
		}
	}
	return true;
}

bool any_pending(const std::vector<watched> &all)
{
	return std::any_of(all.begin(), all.end(),
			   [](const watched &one) { return one.pending(); });
}

schedule::item schedule::parse_item(std::string_view text)
{
	bool digit = !text.empty() && text[0] >= '0' && text[0] <= '9';

	if (digit || text.starts_with('.')) {
		if (auto found = duration(text))
			return {std::nullopt, *found};
	} else {
		std::string_view name = text;

		if (name.starts_with('-'))
			name.remove_prefix(1);
		if (auto signo = signal_number(name))
			return {*signo, {}};
	}
	throw misuse(fmt::format("neither a signal nor a time: {}",
				 printable(text)));
}

schedule schedule::parse(const std::string &text, int first)
{
	schedule made;
	std::string_view rest = text;

	if (text.find('/') == std::string::npos) {
		item only = parse_item(text);

		if (only.signo)
			throw misuse("a schedule of one item must be a time");
		made.items_ = {{first, {}}, only, {SIGKILL, {}}, only};
		return made;
	}
	for (bool last = false; !last;) {
		auto slash = rest.find('/');
		auto word = rest.substr(0, slash);

		last = slash == std::string_view::npos;
		rest.remove_prefix(last ? rest.size() : slash + 1);
		if (word != "forever")
			made.items_.push_back(parse_item(word));
		else if (made.repeat_)
			throw misuse("a schedule has one \"forever\"");
		else
			made.repeat_ = made.items_.size();
	}

	// What is repeated must wait, or it would fill the processor.
	if (made.repeat_ &&
	    std::none_of(made.items_.begin() +
				 static_cast<std::ptrdiff_t>(*made.repeat_),
			 made.items_.end(), [](const item &i) {
				 return !i.signo && i.patience.count() > 0;
			 }))
		throw misuse("after \"forever\" there must be a time");
	return made;
}

schedule::step schedule::next()
{
	step now;

	for (;;) {
		if (at_ == items_.size()) {
			if (!repeat_)
				return now;
			at_ = *repeat_;
		}

		const item &i = items_[at_++];

		if (!i.signo) {
			now.patience = i.patience;
			return now;
		}
		now.signals.push_back(*i.signo);
	}
}

void send(watched &one, int signo, procfd::scope whom)
{
	auto sent = one.process.signal(signo, whom);

	if (!sent && sent.error() == std::errc::no_such_process) {
		// Ended, or not there yet
		auto state =
			await_start(one.process, clock::now() + start_patience);

		if (state && *state == procfd::process_state::running)
			sent = one.process.signal(signo, whom);
	}
	if (sent)
		return;

	if (sent.error() == std::errc::no_such_process)
		look(one);
	if (!one.pending())
		return;
	one.failed = true;
	complain(one.path, signal_reason(sent.error()));
}

} // namespace command
