// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user who lists a directory of names into memory that does not come
 * holds that directory's lock. It is nobody's but who wants that directory.
 */
#include <optional>
#include <thread>

#include <sys/syscall.h>

#include "absent_memory.h"
#include "fs.h"

namespace {

class hostile_listing : public scratch_test {
protected:
	void SetUp() override
	{
		scratch_test::SetUp();
		memory_.emplace(1);
		if (!*memory_)
			GTEST_SKIP() << "no userfaultfd in this kernel";
		names_ = directory("names");
		must(mount_names(names_));
		dir_.reset(must(open_path(names_, O_RDONLY | O_DIRECTORY)));
		lister_ = std::thread([this] {
			listed_ = syscall(SYS_getdents64, int(dir_),
					  memory_->of(0), 4096);
		});
		memory_->wait();
	}

	void TearDown() override
	{
		if (lister_.joinable()) {
			memory_->fill();
			lister_.join();
			EXPECT_LT(0, listed_);
		}
		dir_.reset();
		scratch_test::TearDown();
	}

	std::string names_;
	std::optional<absent_memory> memory_;
	unique_fd dir_;
	std::thread lister_;
	long listed_ = 0;
};

TEST_F(hostile_listing, makes_no_remount_wait)
{
	EXPECT_EQ(0, apart([this] {
			  return mount_names(names_, "mode=711,max=7",
					     MS_REMOUNT);
		  }));
	EXPECT_EQ(mode_t(S_IFDIR | 0711), stat_of(names_).st_mode);
}

TEST_F(hostile_listing, makes_no_other_mount_wait)
{
	const std::string other = directory("other");

	EXPECT_EQ(0, apart([&] { return mount_names(other, "max=7"); }));
}

/* Which takes every superblock's s_umount. */
TEST_F(hostile_listing, makes_no_sync_wait_while_somebody_remounts)
{
	child remount = start_without_descriptor(
		[this] { return mount_names(names_, "max=7", MS_REMOUNT); });

	EXPECT_EQ(0, apart([] {
			  sync();
			  return 0;
		  }));
	EXPECT_EQ(0, remount.wait());
}

} // namespace
