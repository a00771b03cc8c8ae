// SPDX-License-Identifier: GPL-2.0-only
// main() of every GoogleTest selftest: reports in KTAP instead of GoogleTest's
// own words. Exit status 0: all passed, 1: something failed, 4: all skipped, or what
// the program needs is not there.
#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <sstream>
#include <string>

#include "needs.h"

namespace {

class ktap_listener : public testing::EmptyTestEventListener {
public:
	int skipped() const { return skipped_; }

private:
	void OnTestProgramStart(const testing::UnitTest &unit) override
	{
		self_ = getpid();
		std::puts("KTAP version 1");
		std::printf("1..%d\n", unit.test_to_run_count());
		std::fflush(stdout);
	}

	void OnTestPartResult(const testing::TestPartResult &result) override
	{
		if (result.skipped()) {
			reason_ = result.message();
			return;
		}
		if (!result.failed())
			return;
		std::printf("# %s:%d:\n",
			    result.file_name() ? result.file_name() : "?",
			    result.line_number());
		diagnose(result.message());
	}

	void OnTestEnd(const testing::TestInfo &info) override
	{
		// A child that a test forgot to end must not run the rest again.
		if (getpid() != self_) {
			std::puts("# a child process returned from the test");
			std::fflush(stdout);
			_exit(99);
		}
		const testing::TestResult &result = *info.result();

		std::printf("%sok %d %s.%s", result.Failed() ? "not " : "",
			    ++number_, info.test_suite_name(), info.name());
		if (result.Skipped()) {
			++skipped_;
			std::printf(" # SKIP %s", one_line(reason_).c_str());
		}
		std::puts("");
		std::fflush(stdout);
		reason_.clear();
	}

	void OnEnvironmentsTearDownEnd(const testing::UnitTest &unit) override
	{
		if (unit.ad_hoc_test_result().Failed()) {
			std::puts("# a failure outside any test");
			std::fflush(stdout);
		}
	}

	static void diagnose(const std::string &text)
	{
		std::istringstream lines(text);

		for (std::string line; std::getline(lines, line);)
			std::printf("# %s\n", line.c_str());
		std::fflush(stdout);
	}

	static std::string one_line(std::string text)
	{
		for (char &c : text)
			if (c == '\n')
				c = ' ';
		return text;
	}

	pid_t self_ = 0;
	int number_ = 0;
	int skipped_ = 0;
	std::string reason_;
};

} // namespace

int main(int argc, char **argv)
{
	// Nothing outlives the test program when its time limit strikes.
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	testing::InitGoogleTest(&argc, argv);

	if (const std::string why = need::first_missing(); !why.empty()) {
		std::printf("KTAP version 1\n1..0 # SKIP %s\n", why.c_str());
		return 4;
	}

	auto &listeners = testing::UnitTest::GetInstance()->listeners();
	auto *ktap = new ktap_listener; // owned by the list from here on

	delete listeners.Release(listeners.default_result_printer());
	listeners.Append(ktap);

	const int status = RUN_ALL_TESTS();
	const int ran = testing::UnitTest::GetInstance()->test_to_run_count();

	if (status != 0)
		return 1;
	return ktap->skipped() == ran ? 4 : 0;
}
