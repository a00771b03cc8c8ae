// SPDX-License-Identifier: GPL-2.0-only
/*
 * A descriptor seen from outside: /proc/PID/fdinfo, readlink of /proc/PID/fd,
 * and as a file without a name.
 */
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "common.h"

namespace {

constexpr uid_t nobody = 65534;

using lines = std::map<std::string, std::string>;

/* The lines of fdinfo that are ours, and how the rest of the file begins. */
lines fdinfo(int fd)
{
	std::istringstream text(
		slurp("/proc/self/fdinfo/" + std::to_string(fd)));
	std::string line;
	lines all;

	while (std::getline(text, line)) {
		std::size_t tab = line.find(":\t");

		if (line.starts_with("procfd_") && tab != std::string::npos)
			all.emplace(line.substr(0, tab), line.substr(tab + 2));
	}
	return all;
}

std::string read_link(int fd)
{
	const std::string path = "/proc/self/fd/" + std::to_string(fd);
	char target[256];
	ssize_t n = must(
		int(or_errno(readlink(path.c_str(), target, sizeof(target)))));

	return std::string(target, std::size_t(n));
}

struct stat stat_of(int fd)
{
	struct stat st;

	must(or_errno(fstat(fd, &st)));
	return st;
}

std::uint64_t ns(const timespec &t)
{
	return std::uint64_t(t.tv_sec) * 1000000000 + std::uint64_t(t.tv_nsec);
}

TEST(fdinfo, of_an_unbound_one)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ((lines{{"procfd_offset", "0"},
			 {"procfd_state", "unbound"},
			 {"procfd_kill_on_close", "0"}}),
		  fdinfo(fd));
	EXPECT_EQ(0, cancel());
}

TEST(fdinfo, of_a_dropped_one)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(0, cancel());
	EXPECT_EQ((lines{{"procfd_offset", "0"},
			 {"procfd_state", "dropped"},
			 {"procfd_kill_on_close", "0"}}),
		  fdinfo(fd));
}

TEST(fdinfo, of_a_running_one)
{
	child c = start_sleeper();

	EXPECT_EQ((lines{{"procfd_offset", "0"},
			 {"procfd_state", "running"},
			 {"procfd_id", std::to_string(info_of(c.fd).id)},
			 {"procfd_pid", std::to_string(c.pid)},
			 {"procfd_reaped", "0"},
			 {"procfd_kill_on_close", "0"},
			 {"procfd_quiet", "0"}}),
		  fdinfo(c.fd));
}

TEST(fdinfo, of_a_quiet_one_that_is_killed_on_close)
{
	child c = start_sleeper(PROCFD_QUIET | PROCFD_KILL_ON_CLOSE);
	lines all = fdinfo(c.fd);

	EXPECT_EQ("1", all["procfd_quiet"]);
	EXPECT_EQ("1", all["procfd_kill_on_close"]);
	EXPECT_EQ(0, set_kill_on_close(c.fd, 0));
	EXPECT_EQ("0", fdinfo(c.fd)["procfd_kill_on_close"]);
}

TEST(fdinfo, of_an_exited_one)
{
	child c = start_zombie(7);
	lines want = {{"procfd_offset", "0"},
		      {"procfd_state", "exited"},
		      {"procfd_id", std::to_string(info_of(c.fd).id)},
		      {"procfd_pid", std::to_string(c.pid)},
		      {"procfd_reaped", "0"},
		      {"procfd_status", std::to_string(7 << 8)},
		      {"procfd_kill_on_close", "0"},
		      {"procfd_quiet", "0"}};

	EXPECT_EQ(want, fdinfo(c.fd));
	c.wait();
	/* Which may be another's. */
	want["procfd_pid"] = "0";
	want["procfd_reaped"] = "1";
	EXPECT_EQ(want, fdinfo(c.fd));
}

TEST(fdinfo, of_a_killed_one_has_the_wait_status)
{
	child c = start_sleeper();

	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(std::to_string(SIGTERM), fdinfo(c.fd)["procfd_status"]);
}

/* By whoever may look at the holder, and for it the holder's numbers. */
TEST(fdinfo, can_be_read_from_another_process)
{
	child c = start_sleeper();
	const std::string path = "/proc/" + std::to_string(getpid()) +
				 "/fdinfo/" + std::to_string(c.fd);
	const std::string want = "procfd_pid:\t" + std::to_string(c.pid) + "\n";
	child reader = start_without_descriptor([&] {
		return slurp(path).find(want) != std::string::npos ? 0 : 1;
	});

	EXPECT_EQ(0, reader.wait());
}

TEST(fdinfo, has_the_offset)
{
	child c = start_zombie(7);
	char bytes[2];

	ASSERT_EQ(3, lseek(c.fd, 3, SEEK_SET));
	EXPECT_EQ("3", fdinfo(c.fd)["procfd_offset"]);
	ASSERT_EQ(2, read(c.fd, bytes, 2));
	EXPECT_EQ("5", fdinfo(c.fd)["procfd_offset"]);
}

TEST(fdinfo, of_the_usual_kind_is_there_too)
{
	child c = start_zombie(7);

	const std::string text =
		slurp("/proc/self/fdinfo/" + std::to_string(c.fd));

	EXPECT_TRUE(text.starts_with("pos:\t")) << text;
	EXPECT_NE(std::string::npos, text.find("\nflags:\t")) << text;
}

TEST(readlink, says_procfd_and_the_id)
{
	child c = start_sleeper();
	unique_fd fd(must(open_process(c.pid)));
	const std::string want =
		"procfd:[" + std::to_string(info_of(c.fd).id) + "]";

	EXPECT_EQ(want, read_link(c.fd));
	EXPECT_EQ(want, read_link(fd));
	kill(c.pid, SIGKILL);
	c.wait();
	EXPECT_EQ(want, read_link(c.fd)) << "after the end";
}

TEST(readlink, of_a_reopened_one_says_the_same)
{
	child c = start_sleeper();
	std::string path = "/proc/self/fd/" + std::to_string(c.fd);
	unique_fd again(
		must(or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC))));

	EXPECT_EQ(read_link(c.fd), read_link(again));
}

TEST(readlink, of_one_without_a_process_says_procfd)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ("procfd:[0]", read_link(fd));
	EXPECT_EQ(0, cancel());
	EXPECT_EQ("procfd:[0]", read_link(fd));
}

TEST(stat, says_a_fifo_of_the_maker_that_nobody_else_may_use)
{
	const mode_t mask = umask(0);
	child c = start_sleeper();
	struct stat st = stat_of(c.fd);

	umask(mask);
	EXPECT_TRUE(S_ISFIFO(st.st_mode));
	EXPECT_EQ(0600u, st.st_mode & 07777);
	EXPECT_EQ(geteuid(), st.st_uid);
	EXPECT_EQ(getegid(), st.st_gid);
	EXPECT_EQ(0u, st.st_nlink);
	EXPECT_NE(0u, st.st_ino);
}

TEST(stat, of_another_user_s_says_so)
{
	device();

	child c = start_without_descriptor([] {
		become(nobody);

		unique_fd fd(must(open_process(0)));
		struct stat st = stat_of(fd);

		return st.st_uid == nobody && st.st_gid == nobody &&
				       st.st_mode == (S_IFIFO | 0600) ?
			       0 :
			       1;
	});

	EXPECT_EQ(0, c.wait());
}

/* As any new file: servers of files act for their clients in this way. */
TEST(stat, of_who_makes_files_as_another_says_that_other)
{
	device();

	child c = start_without_descriptor([] {
		setfsgid(2000);
		setfsuid(1000);

		unique_fd opened(must(open_process(0)));
		unique_fd announced(must(announce()));

		for (int fd : {int(opened), int(announced)}) {
			struct stat st = stat_of(fd);

			if (st.st_uid != 1000 || st.st_gid != 2000)
				return 1;
		}
		return 0;
	});

	EXPECT_EQ(0, c.wait());
}

TEST(stat, is_not_changed_by_a_umask)
{
	const mode_t mask = umask(0777);
	child c = start_sleeper();

	umask(mask);
	EXPECT_EQ(0600u, stat_of(c.fd).st_mode & 07777);
}

TEST(stat, says_the_filesystem_of_the_names)
{
	child c = start_sleeper();
	struct statfs st;

	ASSERT_EQ(0, fstatfs(c.fd, &st));
	EXPECT_EQ(PROCFD_FS_MAGIC, st.f_type);
}

/* Also of one process, since each carries an authority of its own. */
TEST(stat, gives_each_descriptor_an_inode_of_its_own)
{
	std::set<ino_t> inodes;
	std::set<dev_t> devices;

	for (int i = 0; i < 100; i++) {
		unique_fd fd(must(open_process(0)));
		struct stat st = stat_of(fd);

		inodes.insert(st.st_ino);
		devices.insert(st.st_dev);
	}
	EXPECT_EQ(100u, inodes.size()) << "used again";
	EXPECT_EQ(1u, devices.size());
}

TEST(stat, of_a_copy_and_of_a_reopened_one_is_the_same_inode)
{
	child c = start_sleeper();
	unique_fd copy(must(or_errno(fcntl(c.fd, F_DUPFD_CLOEXEC, 0))));
	std::string path = "/proc/self/fd/" + std::to_string(c.fd);
	unique_fd again(
		must(or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC))));

	EXPECT_EQ(stat_of(c.fd).st_ino, stat_of(copy).st_ino);
	EXPECT_EQ(stat_of(c.fd).st_ino, stat_of(again).st_ino);
}

TEST(stat_size, is_nothing_and_then_that_of_the_record)
{
	child c = start_sleeper();

	EXPECT_EQ(0, stat_of(c.fd).st_size);
	kill(c.pid, SIGKILL);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(off_t(read_all(c.fd).size()), stat_of(c.fd).st_size);
	c.wait();
	EXPECT_EQ(off_t(read_all(c.fd).size() + lseek(c.fd, 0, SEEK_CUR)),
		  stat_of(c.fd).st_size)
		<< "after it was reaped";
}

TEST(stat_size, of_one_without_a_process_is_nothing)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(0, stat_of(fd).st_size);
	EXPECT_EQ(0, cancel());
	EXPECT_EQ(0, stat_of(fd).st_size);
}

TEST(stat_size, cannot_be_changed)
{
	child c = start_zombie();
	const off_t size = stat_of(c.fd).st_size;

	EXPECT_EQ(-EINVAL, or_errno(ftruncate(c.fd, 0)));
	EXPECT_EQ(size, stat_of(c.fd).st_size);
}

TEST(stat_times, of_the_last_change_are_that_of_the_exit)
{
	gate may_exit;
	child c = start([&may_exit] { return may_exit.pass() ? 0 : 1; });
	unique_fd opened_before(must(open_process(c.pid)));
	const std::uint64_t before = now_ns(CLOCK_REALTIME);

	EXPECT_LE(ns(stat_of(c.fd).st_mtim), before) << "while it runs";

	may_exit.open();
	ASSERT_EQ(POLLHUP, poll_over(c.fd));

	const std::uint64_t after = now_ns(CLOCK_REALTIME);
	unique_fd opened_after(must(open_process(c.pid)));

	for (int fd : {int(c.fd), int(opened_before), int(opened_after)}) {
		struct stat st = stat_of(fd);

		EXPECT_LE(before, ns(st.st_mtim));
		EXPECT_LE(ns(st.st_mtim), after);
		EXPECT_EQ(ns(stat_of(c.fd).st_mtim), ns(st.st_mtim));
	}
	for (int fd : {int(c.fd), int(opened_before)})
		EXPECT_EQ(ns(stat_of(fd).st_mtim), ns(stat_of(fd).st_ctim));
}

/* A change of the inode is later than the exit, if it is. */
TEST(stat_times, of_the_inode_are_never_before_the_exit)
{
	child c = start_zombie();
	unique_fd opened_after(must(open_process(c.pid)));

	EXPECT_GE(ns(stat_of(opened_after).st_ctim),
		  ns(stat_of(opened_after).st_mtim));
	ASSERT_EQ(0, fchmod(c.fd, 0400));
	EXPECT_GE(ns(stat_of(c.fd).st_ctim), ns(stat_of(c.fd).st_mtim));
	EXPECT_EQ(ns(stat_of(opened_after).st_mtim), ns(stat_of(c.fd).st_mtim));
}

TEST(stat_times, are_not_changed_by_reading_writing_and_reaping)
{
	child c = start_zombie();
	const std::uint64_t exit = ns(stat_of(c.fd).st_mtim);

	read_all(c.fd);
	write_to(c.fd, "0");
	c.wait();
	EXPECT_EQ(exit, ns(stat_of(c.fd).st_mtim));
}

TEST(fchmod, changes_the_mode_of_what_has_no_name)
{
	child c = start_sleeper();

	EXPECT_EQ(0, fchmod(c.fd, 0640));
	EXPECT_EQ(mode_t(S_IFIFO | 0640), stat_of(c.fd).st_mode);
}

TEST(fchown, changes_the_owner_of_what_has_no_name)
{
	child c = start_sleeper();

	EXPECT_EQ(0, fchown(c.fd, nobody, 1234));
	EXPECT_EQ(nobody, stat_of(c.fd).st_uid);
	EXPECT_EQ(1234u, stat_of(c.fd).st_gid);
}

TEST(fchmod, changes_one_descriptor_only)
{
	child c = start_sleeper();
	unique_fd other(must(open_process(c.pid)));

	EXPECT_EQ(0, fchmod(c.fd, 0666));
	EXPECT_EQ(mode_t(S_IFIFO | 0600), stat_of(other).st_mode);
}

TEST(fchmod, is_for_the_owner)
{
	child c = start_sleeper();
	child other = start_without_descriptor([&c] {
		become(nobody);
		if (or_errno(fchmod(c.fd, 0666)) != -EPERM)
			return 1;
		return or_errno(fchown(c.fd, nobody, nobody)) == -EPERM ? 0 : 2;
	});

	EXPECT_EQ(0, other.wait());
	EXPECT_EQ(mode_t(S_IFIFO | 0600), stat_of(c.fd).st_mode);
	EXPECT_EQ(0u, stat_of(c.fd).st_uid);
}

TEST(fchmod, outlives_the_process)
{
	child c = start_sleeper();

	ASSERT_EQ(0, fchmod(c.fd, 0440));
	kill(c.pid, SIGKILL);
	c.wait();
	EXPECT_EQ(mode_t(S_IFIFO | 0440), stat_of(c.fd).st_mode);
}

/* Who may open it anew is for its mode to say. */
TEST(reopening, is_decided_by_the_mode)
{
	child c = start_sleeper();
	const std::string path = "/proc/self/fd/" + std::to_string(c.fd);

	ASSERT_EQ(0, fchmod(c.fd, 0444));

	child other = start_without_descriptor([&path] {
		become(nobody);
		if (unique_fd(open(path.c_str(), O_RDONLY | O_CLOEXEC)) < 0)
			return 1;
		return or_errno(open(path.c_str(), O_WRONLY)) == -EACCES ? 0 :
									   2;
	});

	EXPECT_EQ(0, other.wait());
}

TEST(lease, on_a_process_is_EINVAL)
{
	child c = start_sleeper();
	std::string path = "/proc/self/fd/" + std::to_string(c.fd);
	unique_fd reader(
		must(or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC))));

	EXPECT_EQ(-EINVAL, or_errno(fcntl(reader, F_SETLEASE, F_RDLCK)));
}

TEST(exec, of_a_process_is_EACCES)
{
	child c = start_sleeper();

	ASSERT_EQ(0, fchmod(c.fd, 0777));

	std::string path = "/proc/self/fd/" + std::to_string(c.fd);

	EXPECT_EQ(-1, execl(path.c_str(), "procfd", nullptr));
	EXPECT_EQ(EACCES, errno);
}

} // namespace
