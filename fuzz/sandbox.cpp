// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer starts the namespace's init, which starts the process that makes the
 * calls, and ends when that has ended; the kernel then kills what is left. Actors
 * are threads. Unless the header says otherwise one call is made at a time: the
 * next begins when the one before is over or asleep, so that an input means the
 * same each time.
 */
#include <cstdio>
#include <string>
#include <thread>

#include <linux/futex.h>
#include <sys/mount.h>

#include "../selftests/harness/common.h"
#include "calls.hpp"
#include "sandbox.hpp"

namespace fuzz {
namespace {

void futex_wait(const std::atomic<int> &word, int value, long timeout_ns)
{
	const timespec t{0, timeout_ns};

	syscall(SYS_futex, &word, FUTEX_WAIT, value, timeout_ns ? &t : nullptr);
}

void futex_wake(const std::atomic<int> &word)
{
	syscall(SYS_futex, &word, FUTEX_WAKE, 1 << 30);
}

class actor {
public:
	actor(world &w, std::span<const call> calls, std::size_t self)
		: w_(w), calls_(calls), self_(self)
	{
	}

	/* The one way out of a thread that may sleep in a call is _exit(). */
	void start(bool alone)
	{
		std::thread([this, alone] {
			tid_ = sys_gettid();
			if (alone)
				make_all();
			else
				make_ordered();
		}).detach();
	}
	/* False: it still sleeps in an earlier one. */
	bool order(std::size_t at)
	{
		if (ordered_ != done_)
			return false;
		at_ = at;
		ordered_++;
		futex_wake(ordered_);
		settle();
		return true;
	}
	std::size_t by() const { return by_; }

	/* Wait until the call is over, or will not be for now. */
	void settle()
	{
		const std::uint64_t end =
			now_ns(CLOCK_MONOTONIC) + 5000000000ULL;

		for (;;) {
			const int done = done_;

			if (done == ordered_)
				return;
			futex_wait(done_, done, 2000000);
			if (done_ == ordered_)
				return;
			if (asleep() || now_ns(CLOCK_MONOTONIC) > end)
				return;
		}
	}

	std::atomic<int> ordered_{0}, done_{0};

private:
	void make_ordered()
	{
		for (int n = 0;; n++) {
			while (ordered_ == n)
				futex_wait(ordered_, n, 0);
			by_ = make_call(w_, calls_, at_);
			done_ = n + 1;
			futex_wake(done_);
		}
	}

	void make_all()
	{
		for (std::size_t at = 0; at < calls_.size();) {
			if (calls_[at].actor() == self_)
				at += make_call(w_, calls_, at);
			else
				at++;
		}
		done_ = ordered_.load();
		futex_wake(done_);
		for (;;)
			pause();
	}

	bool asleep() const
	{
		const std::string path =
			"/proc/self/task/" + std::to_string(tid_) + "/stat";
		char room[256];
		unique_fd fd(
			or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC)));
		ssize_t n = fd < 0 ? -1 : read(fd, room, sizeof(room) - 1);
		const char *state;

		if (n <= 0)
			return true; /* no descriptor left, or no thread */
		room[n] = 0;
		state = strrchr(room, ')');
		return state && state[1] &&
		       (state[2] == 'S' || state[2] == 'T');
	}

	world &w_;
	std::span<const call> calls_;
	const std::size_t self_;
	std::atomic<pid_t> tid_{0};
	std::atomic<std::size_t> at_{0}, by_{1};
};

[[noreturn]] void make_calls(std::uint8_t header, std::span<const call> calls,
			     bool verbose)
{
	static world w;
	static actor actors[n_actors] = {
		{w, calls, 0}, {w, calls, 1}, {w, calls, 2}};
	const bool alone = header & concurrent;

	w.verbose = verbose;
	prepare(w, header);
	for (actor &a : actors) {
		if (alone)
			a.ordered_ = 1;
		a.start(alone);
	}
	if (alone) {
		for (actor &a : actors)
			a.settle();
		_exit(0);
	}
	for (std::size_t at = 0; at < calls.size();) {
		actor &a = actors[calls[at].actor()];

		at += a.order(at) ? a.by() : 1;
	}
	_exit(0);
}

[[noreturn]] void be_init(bytes input, bool verbose)
{
	const std::vector<call> calls = decode(input);
	const std::uint8_t header = input.empty() ? 0 : input[0];
	pid_t pid;

	die_with_parent();
	must(or_errno(
		mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)));
	must(or_errno(mount("proc", "/proc", "proc", 0, nullptr)));
	pid = must(or_errno(fork()));
	if (!pid)
		make_calls(header, calls, verbose);
	/* Orphans are reaped on the way. */
	for (;;) {
		int status;
		const pid_t gone = must(or_errno(waitpid(-1, &status, __WALL)));

		if (gone == pid)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 0);
	}
}

/* Not by poll on a pidfd: that is true before a namespace is empty. */
bool wait_until(auto condition, int ms)
{
	const std::uint64_t end =
		now_ns(CLOCK_MONOTONIC) + std::uint64_t(ms) * 1000000;

	while (!condition()) {
		if (now_ns(CLOCK_MONOTONIC) > end)
			return false;
		usleep(500);
	}
	return true;
}

} // namespace

int module_references()
{
	return atoi(slurp("/sys/module/procfd/refcnt").c_str());
}

std::string run_input(bytes input, int references, bool verbose, int limit_ms)
{
	int status = 0;
	const pid_t pid = must(pid_t(or_errno(syscall(
		SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0))));

	if (!pid)
		be_init(input, verbose);

	const auto gone = [&] { return waitpid(pid, &status, WNOHANG) == pid; };
	bool in_time = wait_until(gone, limit_ms);

	if (!in_time) {
		kill(pid, SIGKILL);
		if (!wait_until(gone, limit_ms))
			return "it cannot be killed";
		/* An actor may wait, but nothing waits for it. */
		return "it did not end";
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		return "the sandbox cannot be made";
	if (!wait_until([&] { return module_references() <= references; },
			limit_ms))
		return "it has left references to the module: " +
		       std::to_string(module_references() - references);
	return {};
}

} // namespace fuzz
