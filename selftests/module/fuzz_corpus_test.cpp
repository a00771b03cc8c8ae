// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's corpus, on each kernel. The kernel itself is the
 * judge of the answers; here, that nothing stays of any input.
 */
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "../../fuzz/sandbox.hpp"
#include "common.h"

namespace {

struct input {
	std::string name;
	std::vector<std::uint8_t> bytes;
};

/* Beside the test: "NAME HEX", a line each. */
std::vector<input> corpus()
{
	char self[256] = {};
	std::vector<input> all;
	std::string name, hex;

	must(int(or_errno(readlink("/proc/self/exe", self, sizeof(self) - 1))));
	const std::string path(self);
	std::ifstream file(path.substr(0, path.rfind('/')) +
			   "/helper_fuzz_corpus");

	while (file >> name >> hex) {
		input i{name, {}};

		for (std::size_t at = 0; at + 2 <= hex.size(); at += 2)
			i.bytes.push_back(std::uint8_t(
				std::stoi(hex.substr(at, 2), nullptr, 16)));
		all.push_back(i);
	}
	return all;
}

} // namespace

TEST(fuzz_corpus, nothing_is_left_of_any_input)
{
	const std::vector<input> inputs = corpus();
	const int references = fuzz::module_references();

	ASSERT_FALSE(inputs.empty());
	for (const input &i : inputs) {
		printf("# %s\n", i.name.c_str());
		fflush(stdout);
		ASSERT_EQ(fuzz::run_input(i.bytes, references), "") << i.name;
	}
}

/* The sandbox's judgement is alive. */
TEST(fuzz_corpus, what_is_left_is_seen)
{
	const int references = fuzz::module_references();
	const unique_fd held(must(or_errno(open(PROCFD_DEVICE, O_RDWR))));
	const int left = fuzz::module_references() - references;
	const std::uint8_t nothing[] = {0};

	ASSERT_GT(left, 0);
	EXPECT_EQ(fuzz::run_input(nothing, references, false, 3000),
		  "it has left references to the module: " +
			  std::to_string(left));
}
