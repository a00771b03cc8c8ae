// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user cannot keep names mounted but as on any filesystem: by a name
 * or a directory that he has open. Whatever he holds ends with his process, and
 * an exit waits for nobody. What keeps the module loaded is in unload_test.sh.
 */
#include <functional>
#include <thread>
#include <vector>

#include <sys/inotify.h>

#include "fs.h"

namespace {

/* What he holds, and what umount(2) says while he does. */
struct hold {
	const char *name;
	std::function<void(const std::string &names)> take;
	int unmounting;
};

std::vector<unique_fd> held;

void take(int fd)
{
	held.emplace_back(must(fd));
}

class hostile_hold : public scratch_test,
		     public testing::WithParamInterface<hold> {};

TEST_P(hostile_hold, keeps_the_mount_as_on_any_filesystem)
{
	const std::string names = directory("names");
	gate taken, may_exit;

	ASSERT_EQ(0, mount_names(names, default_options));
	/* What has the device open keeps it, with what was in it. */
	remove_below(names);
	ASSERT_EQ(0, mkdir((names + "/d").c_str(), 0777));
	ASSERT_EQ(0, chmod((names + "/d").c_str(), 0777));

	child hostile = start_without_descriptor([&] {
		become(nobody);
		GetParam().take(names + "/d");
		taken.open();
		return may_exit.pass() ? 0 : 1;
	});

	ASSERT_TRUE(taken.pass());
	EXPECT_EQ(GetParam().unmounting, or_errno(umount(names.c_str())));
	may_exit.open();
	EXPECT_EQ(0, hostile.wait());
	if (GetParam().unmounting) {
		EXPECT_TRUE(
			eventually([&] { return umount(names.c_str()) == 0; }));
	}
}

/* A name, of a process that is he himself. */
std::string make_name(const std::string &in)
{
	unique_fd fd(must(open_process(0))), to(must(open_path(in, O_PATH)));

	must(flink(fd, to, "n"));
	return in + "/n";
}

INSTANTIATE_TEST_SUITE_P(
	by, hostile_hold,
	testing::Values(
		hold{"the_device", [](const auto &) { device(); }, 0},
		hold{"a_descriptor",
		     [](const auto &) { take(open_process(0)); }, 0},
		hold{"an_announcement", [](const auto &) { take(announce()); },
		     0},
		hold{"a_reader",
		     [](const auto &) {
			     take(open_process(0));
			     std::thread([] {
				     record_of(held.back());
			     }).detach();
		     },
		     0},
		hold{"a_name", [](const auto &in) { make_name(in); }, 0},
		hold{"the_descriptor_of_a_name",
		     [](const auto &in) {
			     unique_fd to(must(open_path(in, O_PATH)));

			     take(open_process(0));
			     must(flink(held.back(), to, "n"));
		     },
		     0},
		hold{"a_watch_of_a_name",
		     [](const auto &in) {
			     take(or_errno(inotify_init1(IN_CLOEXEC)));
			     must(or_errno(inotify_add_watch(
				     held.back(), make_name(in).c_str(),
				     IN_ALL_EVENTS)));
		     },
		     0},
		hold{"a_directory_full_of_names",
		     [](const auto &in) {
			     unique_fd fd(must(open_process(0)));
			     unique_fd to(must(open_path(in, O_PATH)));

			     for (int i = 0; i < 5000; i++)
				     must(flink(fd, to,
						std::to_string(i).c_str()));
		     },
		     0},
		hold{"an_open_name",
		     [](const auto &in) {
			     take(open_path(make_name(in), O_RDONLY));
		     },
		     -EBUSY},
		hold{"a_path",
		     [](const auto &in) {
			     take(open_path(make_name(in), O_PATH));
		     },
		     -EBUSY},
		hold{"a_working_directory",
		     [](const auto &in) { must(or_errno(chdir(in.c_str()))); },
		     -EBUSY}),
	[](const auto &info) { return info.param.name; });

/* A hundred readers and watchers in each other's way are all told, once. */
TEST(hostile_waiters, are_told_of_the_exit_and_hold_nobody_back)
{
	gate may_exit;
	child c = start([&may_exit] { return may_exit.pass() ? 7 : 1; });
	std::vector<child> waiters;

	for (int i = 0; i < 100; i++)
		waiters.push_back(start_without_descriptor([&] {
			become(nobody);
			return first_line(record_of(c.fd)) == "exited 7" ? 0 :
									   1;
		}));
	/* Stopped, they cannot answer; the exit does not wait for them. */
	for (child &waiter : waiters)
		kill(waiter.pid, SIGSTOP);
	may_exit.open();
	EXPECT_EQ(7 << 8, c.wait());
	for (child &waiter : waiters) {
		kill(waiter.pid, SIGCONT);
		EXPECT_EQ(0, waiter.wait());
	}
}

} // namespace
