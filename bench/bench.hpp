/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a case is measured: several subjects, ours and what one would use instead,
 * take turns, round by round, until each round costs what the one before did;
 * then the rounds count, and their medians are printed.
 *
 * The clock is CLOCK_MONOTONIC of a guest whose nanoseconds are instructions;
 * calibrate() says whether they are.
 */
#ifndef PROCFD_BENCH_HPP
#define PROCFD_BENCH_HPP

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common.h"

namespace bench {

/* What scripts/bench/profile looks for; they do nothing but be there. */
extern "C" void bench_measure_begin();
extern "C" void bench_measure_end();

/* Time that body() takes, in nanoseconds. */
template <typename F>
inline std::uint64_t timed(F body)
{
	bench_measure_begin();

	const std::uint64_t begin = now_ns(CLOCK_MONOTONIC);

	body();

	const std::uint64_t end = now_ns(CLOCK_MONOTONIC);

	bench_measure_end();
	return end - begin;
}

/* Of one kernel and of the next two; no number: printed only. */
struct reach {
	double on_6_1 = 0;
	double later = 0;

	reach() = default;
	reach(double all) : on_6_1(all), later(all) {}
	reach(double on_6_1, double later) : on_6_1(on_6_1), later(later) {}
};

/*
 * One of those that take turns. run(count) does it that many times and returns
 * the nanoseconds of all of them, without what it prepares and clears away.
 */
struct subject {
	std::string name;
	std::function<std::uint64_t(unsigned count)> run;
	/* What the first subject's time should be, as a part of this one's. */
	reach wanted = {};
};

/* Measure and print. False if it was not, as only another case is wanted. */
bool measure(const std::string &name, unsigned count,
	     const std::vector<subject> &subjects);

/* And print what the first, ours, is as a part of each of the others. */
void compare(const std::string &name, unsigned count,
	     const std::vector<subject> &subjects);

/* A ratio of any two measured values, and what it should be at most. */
void print_ratio(const std::string &name, const std::string &ours,
		 const std::string &peer, double ratio, reach wanted);

/* Bytes or anything else that is no time, for one object. */
void print_value(const std::string &name, const std::string &what, double value,
		 const std::string &unit);

/* What was measured or printed before; ends the program if nothing was. */
double measured(const std::string &name, const std::string &subject_name);

/* Ends the program unless a nanosecond is an instruction. */
void calibrate();

/* Let what earlier work has left to others, as RCU, be done: no time to count. */
void settle();

/* The middle of them; ends the program if there are none. */
double median(std::vector<double> values);

/*
 * For what must be prepared anew each time: count times prepare(), then body()
 * timed, then clear(). The median, count times, so that a timer interrupt in
 * one of them does not matter.
 */
template <typename P, typename B, typename C>
inline std::uint64_t each(unsigned count, P prepare, B body, C clear)
{
	std::vector<double> times;

	for (unsigned i = 0; i < count; i++) {
		prepare();
		times.push_back(double(timed(body)));
		clear();
	}
	return std::uint64_t(median(times) * count);
}

/* One after the other, timed as a whole. */
template <typename F>
inline std::uint64_t repeat(unsigned count, F body)
{
	const std::uint64_t ns = timed([&] {
		for (unsigned i = 0; i < count; i++)
			body();
	});

	settle();
	return ns;
}

/* The groups of cases. */
void floor_cases();
void signal_cases();
void file_cases();
void child_cases();
void name_cases();
void exit_cases();
void epoll_cases();
void stranger_cases();
void memory_cases();
void scale_cases();

/* "" or the one case that --only names; others are not run. */
extern std::string only;

/* Profiling: "" or the subject of that case that is run for ever. */
extern std::string profiled;

} // namespace bench

#endif /* PROCFD_BENCH_HPP */
