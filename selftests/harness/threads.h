/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests with many threads share. They are bounded by rounds, not by time. */
#ifndef PROCFD_SELFTESTS_THREADS_H
#define PROCFD_SELFTESTS_THREADS_H

#include <atomic>
#include <thread>
#include <vector>

#include "common.h"

/* More in a long run. */
inline int rounds()
{
	const char *set = getenv("PROCFD_ROUNDS");

	return set ? atoi(set) : 50;
}

/* A fork that does not go through the C library's locks and handlers. */
inline pid_t bare_fork(unsigned long flags = 0)
{
	return pid_t(syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr,
			     nullptr, nullptr));
}

/* All of them have come, or none goes on. */
class starting_line {
public:
	explicit starting_line(int count) : missing_(count) {}
	void wait()
	{
		missing_--;
		while (missing_ > 0)
			sched_yield();
	}

private:
	std::atomic<int> missing_;
};

/* Run body(0) ... body(@count - 1) side by side: how many said false. */
template <typename F>
int in_threads(int count, F body)
{
	std::atomic<int> failures = 0;
	std::vector<std::thread> threads;
	starting_line line(count);

	for (int i = 0; i < count; i++)
		threads.emplace_back([&, i] {
			line.wait();
			if (!body(i))
				failures++;
		});
	for (std::thread &thread : threads)
		thread.join();
	return failures;
}

#endif /* PROCFD_SELFTESTS_THREADS_H */
