// SPDX-License-Identifier: MIT
// Keep a program running under a name: supervisor NAME COMMAND [ARGUMENT...]
//
// It is started again when it dies, and left alone when it ends well. SIGTERM
// stops both; SIGHUP is passed on. The supervisor may itself be killed, or handed
// over by SIGUSR1, which ends it alone: the program runs on, and the next
// supervisor finds it by its name, with all that happened to it in between.
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <poll.h>

#include <procfd/procfd.hpp>

namespace {

/// What has become of a program.
struct end {
	std::string how;
	bool well;
};

std::optional<end> end_of(const procfd::process &program)
{
	auto status = program.try_wait();

	// It had the name before it was started, and its parent gave up
	if (status.error() == std::errc::no_child_process)
		return end{"never started", false};
	if (!status.value())
		return std::nullopt;
	return end{(*status)->str(), (*status)->success()};
}

/// The program that runs under the name, or a new one.
procfd::process find_or_start(const std::string &name,
			      const procfd::command &command)
{
	for (;;) {
		auto old = procfd::process::from_name(name);

		if (old && !end_of(*old)) {
			std::printf("%s: taken over\n", name.c_str());
			return *std::move(old);
		}

		auto fresh = procfd::or_throw(command.spawn(), "start").child;
		auto linked = fresh.link(name, procfd::existing::replace_dead);

		if (linked) {
			std::printf("%s: started\n", name.c_str());
			return fresh;
		}
		// Another supervisor was faster, or there can be no such name
		(void)fresh.signal(SIGKILL);
		(void)fresh.wait();
		if (linked.error() != std::errc::file_exists)
			linked.value();
	}
}

enum class outcome { died, ended, handed_over };

/// Stay with a program until it ends, or until this is to end.
outcome supervise(const procfd::process &program,
		  const procfd::signal_stream &signals)
{
	std::array<pollfd, 2> either{{{program.native_handle(), POLLIN, 0},
				      {signals.native_handle(), POLLIN, 0}}};
	bool stopping = false;

	for (;;) {
		::poll(either.data(), either.size(), -1);
		while (auto signal = signals.try_read().value()) {
			if (signal->signo == SIGUSR1)
				return outcome::handed_over;
			stopping |= signal->signo == SIGTERM;
			(void)program.signal(signal->signo);
		}
		if (auto end = end_of(program)) {
			std::printf("%s\n", end->how.c_str());
			return stopping || end->well ? outcome::ended :
						       outcome::died;
		}
	}
}

} // namespace

int main(int argc, char **argv)
try {
	if (argc < 3)
		throw std::invalid_argument("give me NAME COMMAND...");
	std::setvbuf(stdout, nullptr, _IOLBF, 0);
	auto signals = procfd::signal_stream::open({SIGTERM, SIGHUP, SIGUSR1});
	const procfd::command command({argv + 2, argv + argc});

	for (;;) {
		// At most one start a second, and no signal is slept through
		auto next = std::chrono::steady_clock::now() +
			    std::chrono::seconds(1);
		if (supervise(find_or_start(argv[1], command),
			      signals.value()) != outcome::died)
			return 0;
		while (auto signal = signals->read_until(next))
			if (signal->signo != SIGHUP)
				return 0;
	}
} catch (const std::exception &error) {
	std::fprintf(stderr, "supervisor: %s\n", error.what());
	return 1;
}
