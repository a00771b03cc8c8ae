// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races with the end of the filesystem. No test here opens the device in this
 * very process, which would keep the filesystem for good.
 */
#include <string>

#include "fs.h"
#include "threads.h"

namespace {

class race_of_unmount : public scratch_test {
protected:
	void SetUp() override
	{
		scratch_test::SetUp();
		names = directory("names");
	}

	unique_fd directory_of_names() const
	{
		return unique_fd(open_path(names, O_PATH | O_DIRECTORY));
	}

	std::string names;
};

/*
 * procfd_fs_pin_inode(): the exit work of a process whose names are all that is
 * left, as the superblock goes with them.
 */
TEST_F(race_of_unmount, with_the_exit_of_named_processes)
{
	for (int n = 0; n < rounds(); n++) {
		gate may_exit, holds_nothing;

		ASSERT_EQ(0, mount_names(names));
		/* Whoever makes the names is gone, and what it had open. */
		ASSERT_EQ(0, apart([&] {
				  unique_fd to = directory_of_names();

				  for (int each = 0; each < 3; each++) {
					  /*
					   * Mounted again at once, the filesystem
					   * may still be the one that the exit
					   * work holds.
					   */
					  const std::string name =
						  std::to_string(n) + "." +
						  std::to_string(each);
					  unique_fd fd(must(announce()));

					  if (!must(bare_fork())) {
						  to.reset();
						  fd.reset();
						  close(device());
						  holds_nothing.open();
						  _exit(may_exit.pass() ? 0 :
									  1);
					  }
					  must(flink(fd, to, name.c_str()));
				  }
				  return 0;
			  }));
		for (int each = 0; each < 3; each++)
			ASSERT_TRUE(holds_nothing.pass());
		ASSERT_EQ(0, in_threads(2, [&](int i) {
				  if (i)
					  return umount(names.c_str()) == 0;
				  for (int each = 0; each < 3; each++)
					  may_exit.open();
				  return true;
			  }));
	}
}

/* A directory that is held outlives its mount; a name in it is like any other. */
TEST_F(race_of_unmount, with_flink)
{
	EXPECT_EQ(
		0, apart([&] {
			unique_fd self(must(open_process(0)));
			std::atomic<bool> over = false;
			std::atomic<int> linked = 0;
			int failures = in_threads(4, [&](int i) {
				if (i == 3) {
					for (int n = 0; n < rounds() * 4; n++) {
						must(mount_names(names));
						must(or_errno(
							umount2(names.c_str(),
								MNT_DETACH)));
					}
					over = true;
					return true;
				}
				const std::string name = std::to_string(i);

				while (!over) {
					unique_fd to = directory_of_names();
					int ret = flink(self, to, name.c_str());

					/* Not mounted just now. */
					if (ret == -EXDEV)
						continue;
					if (ret ||
					    unlinkat(to, name.c_str(), 0))
						return false;
					linked++;
				}
				return true;
			});

			printf("# linked %d times\n", int(linked));
			return failures;
		}));
}

/* procfd_fs_pin(): the last of those who hold the superblock goes, one comes. */
TEST_F(race_of_unmount, with_those_who_open_the_device)
{
	ASSERT_EQ(
		0, in_threads(4, [&](int i) {
			for (int n = 0; n < rounds() * 4; n++) {
				if (i == 3) {
					must(mount_names(names));
					must(or_errno(umount(names.c_str())));
					continue;
				}

				unique_fd dev(
					must(open_path(PROCFD_DEVICE, O_RDWR)));
				procfd_open args{};
				unique_fd fd(ioc(dev, PROCFD_IOC_OPEN, &args));

				dev.reset();
				if (fd < 0 || info_of(fd).pid != getpid())
					return false;
			}
			return true;
		}));
}

} // namespace
