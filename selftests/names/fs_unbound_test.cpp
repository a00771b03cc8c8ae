// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of descriptors whose fork has not come: what keeps it announced is an
 * open file, and not the name.
 */
#include "fs.h"

namespace {

constexpr short dropped = POLLERR | POLLHUP;

class fs_unbound : public names_test {
protected:
	unique_fd announce_as(const char *name)
	{
		unique_fd fd(must(announce()));

		must(link(fd, name));
		return fd;
	}
};

TEST_F(fs_unbound, is_dropped_by_the_last_close)
{
	unique_fd fd = announce_as("n");
	unique_fd path(must(open_path(at("n"), O_PATH)));

	fd.reset();
	EXPECT_EQ(-ENOENT, cancel());

	unique_fd again(must(open_path(at("n"), O_RDWR)));

	EXPECT_EQ(dropped, poll_now(again));
	EXPECT_EQ(0, start_without_descriptor([] { return 0; }).wait());
	EXPECT_EQ(dropped, poll_now(again)) << "the fork was not awaited";
}

TEST_F(fs_unbound, may_be_replaced_as_dead_after_the_last_close)
{
	servant s;

	announce_as("n").reset();
	EXPECT_EQ(0, link(s.fd(), "n", PROCFD_LINK_REPLACE_DEAD));

	unique_fd again(must(open_path(at("n"), O_RDWR)));

	EXPECT_EQ(s.pid(), info_of(again).pid);
}

TEST_F(fs_unbound, is_announced_while_its_name_is_open)
{
	unique_fd fd = announce_as("n");
	unique_fd again(must(open_path(at("n"), O_RDONLY)));

	fd.reset();
	EXPECT_EQ(-EBUSY, announce());

	child c = start_without_descriptor([] { return 7; });

	EXPECT_EQ("exited 7", first_line(record_of(again)));
	EXPECT_EQ(7 << 8, c.wait());
}

TEST_F(fs_unbound, is_dropped_by_the_last_close_of_its_name)
{
	unique_fd fd = announce_as("n");
	unique_fd again(must(open_path(at("n"), O_RDONLY)));

	fd.reset();
	again.reset();
	EXPECT_EQ(-ENOENT, cancel());
}

/* On is refused, since a name is the hand-over; off is what it is already. */
TEST_F(fs_unbound, kill_on_close_may_be_switched_off)
{
	unique_fd fd = announce_as("n");

	EXPECT_EQ(-EINVAL, set_kill_on_close(fd, 1));
	EXPECT_EQ(0, set_kill_on_close(fd, 0));
	EXPECT_EQ(0u, info_of(fd).attributes);
}

} // namespace
