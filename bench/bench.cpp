// SPDX-License-Identifier: GPL-2.0-only
// Rounds, medians, and how they are printed: lines of tab-separated fields, the
// first of which says what they are. scripts/bench/report reads them.
#include "bench.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace bench {

std::string only, profiled;

namespace {

unsigned measurements;

constexpr unsigned rounds = 11;
constexpr unsigned warm_up_max = 40;
constexpr double agreement = 0.005;

std::map<std::string, double> results;

/* One that is slower for a round may be so for the next, without being warm. */
bool agree(const std::vector<double> &before, const std::vector<double> &now)
{
	for (std::size_t i = 0; i < now.size(); i++) {
		if (std::abs(now[i] - before[i]) > agreement * before[i])
			return false;
	}
	return true;
}

std::vector<double> round(unsigned count, const std::vector<subject> &subjects)
{
	std::vector<double> times;

	for (const subject &s : subjects)
		times.push_back(double(s.run(count)) / count);
	return times;
}

std::string wanted_here(reach wanted)
{
	const char *kernel = getenv("PROCFD_KERNEL");
	const bool old = kernel && std::string(kernel) == "6.1";
	const double most = old ? wanted.on_6_1 : wanted.later;
	char text[32] = "-";

	if (most > 0)
		snprintf(text, sizeof(text), "%g", most);
	return text;
}

/* Warm up, tell the host how many operations a measurement has, go on. */
[[noreturn]] void profile(unsigned count, const std::vector<subject> &subjects)
{
	auto found = std::find_if(
		subjects.begin(), subjects.end(), [](const subject &s) {
			return profiled == "first" || s.name == profiled;
		});

	if (found == subjects.end()) {
		for (const subject &s : subjects)
			printf("subject\t%s\n", s.name.c_str());
		_exit(1);
	}
	for (int i = 0; i < 5; i++)
		found->run(count);
	measurements = 0;
	found->run(count);
	printf("profile\t%s\t%u\n", found->name.c_str(), count / measurements);
	fflush(stdout);
	for (;;)
		found->run(count);
}

} // namespace

extern "C" void bench_measure_begin()
{
	measurements++;
}

extern "C" void bench_measure_end()
{
	asm volatile("");
}

double median(std::vector<double> values)
{
	const std::size_t middle = values.size() / 2;

	must(values.empty() ? -ENODATA : 0);
	std::sort(values.begin(), values.end());
	return values.size() % 2 ? values[middle] :
				   (values[middle - 1] + values[middle]) / 2;
}

void print_ratio(const std::string &name, const std::string &ours,
		 const std::string &peer, double ratio, reach wanted)
{
	printf("ratio\t%s\t%s\t%s\t%.4f\t%s\n", name.c_str(), ours.c_str(),
	       peer.c_str(), ratio, wanted_here(wanted).c_str());
	fflush(stdout);
}

void print_value(const std::string &name, const std::string &what, double value,
		 const std::string &unit)
{
	printf("value\t%s\t%s\t%.0f\t%s\n", name.c_str(), what.c_str(), value,
	       unit.c_str());
	fflush(stdout);
	results[name + "\t" + what] = value;
}

double measured(const std::string &name, const std::string &subject_name)
{
	auto found = results.find(name + "\t" + subject_name);

	must(found == results.end() ? -ENODATA : 0);
	return found->second;
}

bool measure(const std::string &name, unsigned count,
	     const std::vector<subject> &subjects)
{
	if (!only.empty() && name != only)
		return false;
	if (!profiled.empty())
		profile(count, subjects);

	std::vector<double> before = round(count, subjects), now;
	unsigned warm_up = 1;

	for (; warm_up < warm_up_max; warm_up++) {
		now = round(count, subjects);
		if (agree(before, now))
			break;
		before = now;
	}

	std::vector<std::vector<double>> all(subjects.size());

	for (unsigned i = 0; i < rounds; i++) {
		now = round(count, subjects);
		for (std::size_t s = 0; s < subjects.size(); s++)
			all[s].push_back(now[s]);
	}

	for (std::size_t s = 0; s < subjects.size(); s++) {
		const auto [low, high] =
			std::minmax_element(all[s].begin(), all[s].end());
		const double middle = median(all[s]);

		printf("time\t%s\t%s\t%.0f\t%.0f\t%.0f\t%u\n", name.c_str(),
		       subjects[s].name.c_str(), middle, *low, *high,
		       warm_up + 1);
		results[name + "\t" + subjects[s].name] = middle;
	}
	fflush(stdout);
	return true;
}

void compare(const std::string &name, unsigned count,
	     const std::vector<subject> &subjects)
{
	if (!measure(name, count, subjects))
		return;
	for (std::size_t s = 1; s < subjects.size(); s++)
		print_ratio(name, subjects[0].name, subjects[s].name,
			    measured(name, subjects[0].name) /
				    measured(name, subjects[s].name),
			    subjects[s].wanted);
}

void settle()
{
	const timespec while_idle = {0, 60000000};

	// Twice: what the first one's grace period frees may free more.
	for (int i = 0; i < 2; i++)
		nanosleep(&while_idle, nullptr);
}

void calibrate()
{
	// Two instructions each time round.
	constexpr std::uint64_t instructions = 20000000;
	std::vector<double> times;

	for (int i = 0; i < 5; i++) {
		times.push_back(double(timed([] {
			std::uint64_t n = instructions / 2;

			asm volatile("1:	dec %0\n"
				     "	jnz 1b"
				     : "+r"(n)
				     :
				     : "cc");
		})));
	}

	const double ratio = median(times) / double(instructions);

	print_value("calibration", "20,000,000 instructions", median(times),
		    "ns");
	if (ratio < 0.995 || ratio > 1.005) {
		fprintf(stderr,
			"a nanosecond is %.4f instructions, not one: is this "
			"guest run with -icount shift=0?\n",
			1 / ratio);
		_exit(1);
	}
}

} // namespace bench
