// SPDX-License-Identifier: GPL-2.0-only
// Each allocation and each copy from the user fails once, one at a time, while the
// module is loaded, until it loads unharmed: it is there whole or not at all, and
// can be loaded and unloaded again. Needs a kernel with fault injection.
#include <chrono>
#include <fstream>

#include <sys/syscall.h>

#include <gtest/gtest.h>

#include "fault.h"

namespace {

class faults_at_load : public testing::Test {
protected:
	void SetUp() override
	{
		if (access(counter_path, W_OK))
			GTEST_SKIP() << "no fault injection in this kernel";
		if (!getenv("PROCFD_MODULE"))
			GTEST_SKIP() << "no file of a module in PROCFD_MODULE";
		allow_faults();
		file.reset(must(or_errno(
			open(getenv("PROCFD_MODULE"), O_RDONLY | O_CLOEXEC))));
		if (loaded())
			unload();
	}

	void TearDown() override
	{
		if (file >= 0 && !loaded())
			must(load());
	}

	static bool loaded() { return !access("/sys/module/procfd", F_OK); }

	int load() const
	{
		return or_errno(
			int(syscall(SYS_finit_module, int(file), "", 0)));
	}

	/* What follows from an exit may hold it for a moment longer. */
	static void unload()
	{
		const auto deadline = std::chrono::steady_clock::now() +
				      std::chrono::milliseconds(patience_ms());
		int ret;

		do
			ret = or_errno(int(syscall(SYS_delete_module, "procfd",
						   O_NONBLOCK)));
		while (ret == -EAGAIN &&
		       std::chrono::steady_clock::now() < deadline);
		ASSERT_EQ(0, ret);
	}

	static bool mentions(const char *path)
	{
		std::ifstream lines(path);

		for (std::string line; std::getline(lines, line);) {
			if (line.find("procfd") != line.npos)
				return true;
		}
		return false;
	}

	static void expect_nothing(unsigned nth)
	{
		EXPECT_FALSE(loaded()) << "fault " << nth;
		EXPECT_NE(0, access(PROCFD_DEVICE, F_OK)) << "fault " << nth;
		for (const char *list : {"/proc/modules", "/proc/filesystems",
					 "/proc/misc", "/proc/slabinfo"})
			EXPECT_FALSE(mentions(list))
				<< "fault " << nth << ": " << list;
	}

	unique_fd file;
};

TEST_F(faults_at_load, it_is_loaded_whole_or_not_at_all)
{
	const chance mine;
	unsigned refused = 0;

	for (unsigned nth = 1; nth < too_many; nth++) {
		mine.set(nth);
		const int ret = load();
		const bool taken = mine.taken();

		if (ret) {
			refused++;
			EXPECT_TRUE(taken && (ret == -ENOMEM || ret == -EFAULT))
				<< "fault " << nth << ": "
				<< strerrorname_np(-ret);
		} else {
			/* The kernel makes do without some of what it asks for. */
			EXPECT_TRUE(loaded());
			if (!taken) {
				/* Who has used the device keeps it open. */
				child user = start_without_descriptor([] {
					child c = start([] { return 7; });

					return WEXITSTATUS(c.wait());
				});

				EXPECT_EQ(7 << 8, user.wait());
			}
			unload();
		}
		expect_nothing(nth);
		if (HasFailure() || !taken) {
			printf("# %u faults, %u times not loaded\n", nth - 1,
			       refused);
			EXPECT_LT(0u, refused);
			return;
		}
	}
	FAIL() << "no end of faults";
}

} // namespace
