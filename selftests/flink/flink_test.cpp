// SPDX-License-Identifier: GPL-2.0-only
/*
 * What flink and frename do where nothing is in the way: on tmpfs and ramfs.
 * The answers to what cannot be done are in flink_errno_test.
 */
#include <sys/inotify.h>
#include <sys/un.h>

#include "flink_common.h"
#include "half_way.h"

namespace {

class flink_on : public on_filesystem,
		 public testing::WithParamInterface<const char *> {
protected:
	flink_on() : on_filesystem(GetParam(), "") {}
};

INSTANTIATE_TEST_SUITE_P(, flink_on, testing::Values("tmpfs", "ramfs"),
			 [](const auto &info) { return info.param; });

TEST_P(flink_on, gives_a_file_a_second_name)
{
	unique_fd fd = make_file(dir, "a", "text");

	EXPECT_OK(flink(fd, dir, "b"));
	EXPECT_TRUE(names(dir, "a", fd));
	EXPECT_TRUE(names(dir, "b", fd));
	EXPECT_EQ(2u, stat_of(fd).st_nlink);
}

TEST_P(flink_on, gives_an_unlinked_file_its_name_back)
{
	unique_fd fd = make_unlinked(dir, "text");

	EXPECT_ERROR(ENOENT, linkat_fd(fd, dir, "a"));
	EXPECT_OK(flink(fd, dir, "a"));
	EXPECT_TRUE(names(dir, "a", fd));
	EXPECT_EQ("text", content_of(dir, "a"));
	EXPECT_EQ(1u, stat_of(fd).st_nlink);
}

TEST_P(flink_on, names_an_unlinked_file_whoever_has_it_open)
{
	unique_fd fd = make_unlinked(dir, "text");
	unique_fd reader(must(reopen(fd, O_RDONLY)));
	unique_fd path(must(reopen(fd, O_PATH)));

	EXPECT_OK(flink(reader, dir, "a"));
	EXPECT_OK(flink(path, dir, "b"));
	EXPECT_EQ(2u, stat_of(fd).st_nlink);
}

TEST_P(flink_on, a_named_file_may_be_unlinked_and_named_for_ever)
{
	unique_fd fd = make_unlinked(dir, "text");

	for (int i = 0; i < 100; i++) {
		ASSERT_OK(flink(fd, dir, "a"));
		ASSERT_OK(or_errno(unlinkat(dir, "a", 0)));
	}
	EXPECT_EQ(0u, stat_of(fd).st_nlink);
	EXPECT_ERROR(ENOENT, linkat_fd(fd, dir, "a"));
}

TEST_P(flink_on, a_refused_name_leaves_an_unlinked_file_as_it_was)
{
	unique_fd fd = make_unlinked(dir, "text", 0666);

	make_file(dir, "a", "other");
	EXPECT_ERROR(EEXIST, flink(fd, dir, "a"));
	EXPECT_ERROR(ENOENT, linkat_fd(fd, dir, "b"))
		<< "the file has become linkable for everybody";
	EXPECT_ERROR(EACCES,
		     as_user(alice, [&] { return flink(fd, dir, "b"); }));
	EXPECT_ERROR(ENOENT, linkat_fd(fd, dir, "b"));
	EXPECT_EQ("other", content_of(dir, "a"));
}

TEST_P(flink_on, names_a_tmpfile)
{
	unique_fd fd = make_tmpfile(dir, "text");

	EXPECT_OK(flink(fd, dir, "a"));
	EXPECT_EQ("text", content_of(dir, "a"));
}

TEST_P(flink_on, a_tmpfile_replaces)
{
	unique_fd fd = make_tmpfile(dir, "new");

	make_file(dir, "a", "old");
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ("new", content_of(dir, "a"));
}

TEST_P(flink_on, a_tmpfile_that_was_refused_can_still_be_linked)
{
	unique_fd fd = make_tmpfile(dir, "text");

	make_file(dir, "a", "other");
	EXPECT_ERROR(EEXIST, flink(fd, dir, "a"));
	EXPECT_OK(linkat_fd(fd, dir, "b"));
}

TEST_P(flink_on, an_exclusive_tmpfile_never_gets_a_name)
{
	unique_fd fd = make_tmpfile(dir, "text", O_EXCL);
	unique_fd again(must(reopen(fd, O_RDWR)));
	unique_fd path(must(reopen(fd, O_PATH)));

	make_file(dir, "a", "old");
	for (int f : {int(fd), int(again), int(path)}) {
		EXPECT_ERROR(EPERM, flink(f, dir, "b"));
		EXPECT_ERROR(EPERM, flink(f, dir, "b", PROCFD_LINK_REPLACE));
		EXPECT_ERROR(EPERM, flink(f, dir, "a", PROCFD_LINK_REPLACE));
	}
	EXPECT_FALSE(exists(dir, "b"));
	EXPECT_EQ("old", content_of(dir, "a"));
}

TEST_P(flink_on, names_whatever_is_no_directory)
{
	const mode_t types[] = {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

	for (mode_t type : types) {
		ASSERT_OK(or_errno(mknodat(dir, "a", type | 0644, 0x103)));
		unique_fd fd(
			must(or_errno(openat(dir, "a", O_PATH | O_CLOEXEC))));

		EXPECT_OK(flink(fd, dir, "b"));
		ASSERT_OK(or_errno(unlinkat(dir, "a", 0)));
		ASSERT_OK(or_errno(unlinkat(dir, "b", 0)));
		EXPECT_OK(flink(fd, dir, "c"));
		EXPECT_EQ(type, stat_at(dir, "c").st_mode & S_IFMT);
		ASSERT_OK(or_errno(unlinkat(dir, "c", 0)));
	}
}

TEST_P(flink_on, a_symbolic_link_is_named_itself)
{
	ASSERT_OK(or_errno(symlinkat("nowhere", dir, "a")));
	unique_fd fd(must(
		or_errno(openat(dir, "a", O_PATH | O_NOFOLLOW | O_CLOEXEC))));

	EXPECT_OK(flink(fd, dir, "b"));
	EXPECT_TRUE(S_ISLNK(stat_at(dir, "b").st_mode));
	ASSERT_OK(or_errno(unlinkat(dir, "a", 0)));
	ASSERT_OK(or_errno(unlinkat(dir, "b", 0)));
	EXPECT_OK(flink(fd, dir, "c"));
	EXPECT_TRUE(S_ISLNK(stat_at(dir, "c").st_mode));
}

TEST_P(flink_on, a_directory_gets_no_second_name)
{
	ASSERT_OK(or_errno(mkdirat(dir, "a", 0755)));
	unique_fd fd(must(or_errno(openat(dir, "a", O_RDONLY | O_CLOEXEC))));

	EXPECT_ERROR(EPERM, flink(fd, dir, "b"));
	EXPECT_ERROR(EPERM, flink(fd, dir, "b", PROCFD_LINK_REPLACE));
	ASSERT_OK(or_errno(unlinkat(dir, "a", AT_REMOVEDIR)));
	EXPECT_ERROR(EPERM, flink(fd, dir, "b"));
}

TEST_P(flink_on, the_directory_may_be_the_working_one_or_o_path)
{
	unique_fd fd = make_unlinked(dir, "text");
	unique_fd path(must(reopen(dir, O_PATH)));
	unique_fd back(must(or_errno(open(".", O_PATH | O_CLOEXEC))));

	ASSERT_OK(or_errno(fchdir(dir)));
	EXPECT_OK(flink(fd, AT_FDCWD, "a"));
	ASSERT_OK(or_errno(fchdir(back)));
	EXPECT_OK(flink(fd, path, "b"));
	EXPECT_TRUE(names(dir, "a", fd));
	EXPECT_TRUE(names(dir, "b", fd));
}

TEST_P(flink_on, a_name_may_have_255_bytes_of_any_kind)
{
	unique_fd fd = make_unlinked(dir);
	const std::string longest(255, '\xff');

	EXPECT_OK(flink(fd, dir, longest.c_str()));
	EXPECT_TRUE(names(dir, longest.c_str(), fd));
	EXPECT_OK(flink(fd, dir, " \n*"));
}

TEST_P(flink_on, never_overwrites)
{
	unique_fd fd = make_unlinked(dir, "new");

	make_file(dir, "file", "old");
	ASSERT_OK(or_errno(mkdirat(dir, "dir", 0755)));
	ASSERT_OK(or_errno(symlinkat("file", dir, "link")));
	ASSERT_OK(or_errno(symlinkat("nowhere", dir, "dangling")));
	for (const char *name : {"file", "dir", "link", "dangling", ".", ".."})
		EXPECT_ERROR(EEXIST, flink(fd, dir, name)) << name;
	EXPECT_EQ("old", content_of(dir, "file"));
	EXPECT_FALSE(exists(dir, "nowhere"));
}

TEST_P(flink_on, frename_takes_a_name_that_is_free)
{
	unique_fd a = make_unlinked(dir, "a");
	unique_fd b = make_file(dir, "b", "b");

	EXPECT_OK(flink(a, dir, "new a", PROCFD_LINK_REPLACE));
	EXPECT_OK(flink(b, dir, "new b", PROCFD_LINK_REPLACE));
	EXPECT_EQ("a", content_of(dir, "new a"));
	EXPECT_EQ("b", content_of(dir, "new b"));
	EXPECT_TRUE(exists(dir, "b"));
}

TEST_P(flink_on, frename_replaces_a_file)
{
	unique_fd old = make_file(dir, "a", "old");
	unique_fd fd = make_unlinked(dir, "new");

	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ("new", content_of(dir, "a"));
	EXPECT_EQ(1u, stat_of(fd).st_nlink);
	EXPECT_EQ(0u, stat_of(old).st_nlink);
	must(int(or_errno(lseek(old, 0, SEEK_SET))));
	EXPECT_EQ("old", read_all(old));
	EXPECT_EQ(std::vector<std::string>{"a"}, list(dir));
}

TEST_P(flink_on, frename_keeps_the_other_names)
{
	unique_fd fd = make_file(dir, "b", "new");

	make_file(dir, "a", "old");
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_TRUE(names(dir, "a", fd));
	EXPECT_TRUE(names(dir, "b", fd));
	EXPECT_EQ(2u, stat_of(fd).st_nlink);
}

TEST_P(flink_on, frename_may_be_repeated_with_what_was_replaced)
{
	unique_fd a = make_file(dir, "x", "a");
	unique_fd b = make_unlinked(dir, "b");

	for (int i = 0; i < 50; i++) {
		ASSERT_OK(flink(b, dir, "x", PROCFD_LINK_REPLACE));
		ASSERT_EQ("b", content_of(dir, "x"));
		ASSERT_OK(flink(a, dir, "x", PROCFD_LINK_REPLACE));
		ASSERT_EQ("a", content_of(dir, "x"));
	}
}

TEST_P(flink_on, frename_replaces_a_symbolic_link_and_not_its_target)
{
	make_file(dir, "file", "old");
	for (const char *target : {"file", "nowhere", "."}) {
		unique_fd fd = make_unlinked(dir, "new");

		ASSERT_OK(or_errno(symlinkat(target, dir, "link")));
		EXPECT_OK(flink(fd, dir, "link", PROCFD_LINK_REPLACE));
		EXPECT_TRUE(names(dir, "link", fd)) << target;
		EXPECT_EQ("old", content_of(dir, "file"));
		EXPECT_FALSE(exists(dir, "nowhere"));
		ASSERT_OK(or_errno(unlinkat(dir, "link", 0)));
	}
}

TEST_P(flink_on, frename_replaces_a_fifo)
{
	unique_fd fd = make_unlinked(dir, "new");

	ASSERT_OK(or_errno(mknodat(dir, "a", S_IFIFO | 0644, 0)));
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ("new", content_of(dir, "a"));
}

TEST_P(flink_on, frename_onto_the_same_file_does_nothing)
{
	unique_fd fd = make_file(dir, "a", "text");

	ASSERT_OK(flink(fd, dir, "b"));
	const struct stat before = stat_of(fd);
	EXPECT_OK(flink(fd, dir, "b", PROCFD_LINK_REPLACE));
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_OK(
		flink(fd, dir, "a", PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE));
	const struct stat after = stat_of(fd);

	EXPECT_EQ(2u, after.st_nlink);
	EXPECT_EQ(before.st_ctim.tv_sec, after.st_ctim.tv_sec);
	EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	EXPECT_EQ((std::vector<std::string>{"a", "b"}), list(dir));
}

TEST_P(flink_on, frename_that_fails_half_way_leaves_no_trace)
{
	unique_fd d = make_directory(dir, "d", 0777);
	unique_fd unlinked = make_unlinked(dir, "unlinked", 0666);
	unique_fd tmpfile = make_tmpfile(dir, "tmpfile");

	make_file(d, "a", "old");
	ASSERT_OK(or_errno(fchmod(tmpfile, 0666)));
	for (int fd : {int(unlinked), int(tmpfile)}) {
		const half_way fails(d, "a");

		ASSERT_OK(or_errno(fchown(fd, bob, bob)));
		EXPECT_ERROR(EBUSY, as_user(alice, [&] {
				     return flink(fd, d, "a",
						  PROCFD_LINK_REPLACE);
			     }));
		EXPECT_EQ(std::vector<std::string>{"a"}, list(d));
		EXPECT_EQ(0u, stat_of(fd).st_nlink);
	}
	EXPECT_EQ("old", content_of(d, "a"));
	/* Each can be linked exactly by whom it could be linked before. */
	EXPECT_ERROR(ENOENT, linkat_fd(unlinked, dir, "b"));
	EXPECT_OK(flink(unlinked, dir, "b"));
	EXPECT_OK(linkat_fd(tmpfile, dir, "c"));
}

TEST_P(flink_on, a_watcher_sees_a_name_created_and_moved_over_the_old_one)
{
	unique_fd fd = make_unlinked(dir, "new");
	unique_fd watch(
		must(or_errno(inotify_init1(IN_CLOEXEC | IN_NONBLOCK))));
	alignas(inotify_event) char buffer[4096];
	std::vector<std::uint32_t> masks;
	std::string last;

	make_file(dir, "a", "old");
	must(or_errno(inotify_add_watch(watch, fs_.path.c_str(),
					IN_CREATE | IN_DELETE | IN_MOVED_FROM |
						IN_MOVED_TO)));
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));

	const ssize_t size = read(watch, buffer, sizeof(buffer));
	for (ssize_t at = 0; at < size;) {
		const auto *event =
			reinterpret_cast<const inotify_event *>(buffer + at);

		masks.push_back(event->mask);
		last = event->name;
		at += ssize_t(sizeof(*event) + event->len);
	}
	EXPECT_EQ((std::vector<std::uint32_t>{IN_CREATE, IN_MOVED_FROM,
					      IN_MOVED_TO}),
		  masks);
	EXPECT_EQ("a", last);
}

TEST_P(flink_on, a_mapping_and_a_lock_stay_with_the_file)
{
	unique_fd fd = make_unlinked(dir, "text");
	struct flock lock {};

	lock.l_type = F_WRLCK;
	ASSERT_OK(or_errno(fcntl(fd, F_OFD_SETLK, &lock)));
	EXPECT_OK(flink(fd, dir, "a"));
	unique_fd other(must(or_errno(openat(dir, "a", O_RDWR | O_CLOEXEC))));
	lock.l_type = F_WRLCK;
	EXPECT_ERROR(EAGAIN, or_errno(fcntl(other, F_OFD_SETLK, &lock)));
}

TEST_P(flink_on, durable_makes_no_difference_in_memory)
{
	unique_fd fd = make_unlinked(dir, "new");

	make_file(dir, "a", "old");
	EXPECT_OK(flink(fd, dir, "b", PROCFD_LINK_DURABLE));
	EXPECT_OK(
		flink(fd, dir, "a", PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE));
	EXPECT_EQ("new", content_of(dir, "a"));
}

#ifndef F_SETDELEG
#define F_SETDELEG (1024 + 16)

struct delegation {
	__u32 d_flags;
	__u16 d_type;
	__u16 __pad;
};
#endif

/*
 * A delegation on @fd, held by a child that gives it back when it is told to.
 * False if the kernel has no such thing for user space.
 */
class delegation_holder {
public:
	explicit delegation_holder(int fd)
		: child_(start_without_descriptor([&] { return hold(fd); }))
	{
		char byte = 0;

		held_.write.reset();
		must(int(or_errno(read(held_.read, &byte, 1))));
		held = byte == 'y';
	}
	bool broken() { return child_.wait() == 0; }

	bool held;

private:
	struct pipe_pair {
		pipe_pair()
		{
			int fds[2];

			must(or_errno(pipe2(fds, O_CLOEXEC)));
			read.reset(fds[0]);
			write.reset(fds[1]);
		}
		unique_fd read, write;
	};

	int hold(int fd)
	{
		delegation d{};
		sigset_t set;
		int sig;

		sigemptyset(&set);
		sigaddset(&set, SIGIO);
		sigprocmask(SIG_BLOCK, &set, nullptr);
		d.d_type = F_RDLCK;
		const bool ok = !fcntl(fd, F_SETDELEG, &d);
		must(int(write_to(held_.write, ok ? "y" : "n")));
		if (!ok)
			return 1;
		sigwait(&set, &sig);
		d.d_type = F_UNLCK;
		return fcntl(fd, F_SETDELEG, &d) ? 2 : 0;
	}

	pipe_pair held_;
	child child_;
};

/* Which not every filesystem has. */
class flink_on_tmpfs : public on_filesystem {
protected:
	flink_on_tmpfs() : on_filesystem("tmpfs", "") {}
};

TEST_F(flink_on_tmpfs, a_delegation_is_broken_and_frename_goes_on)
{
	unique_fd victim = make_file(dir, "a", "old");
	unique_fd reader(must(reopen(victim, O_RDONLY)));
	unique_fd fd = make_tmpfile(dir, "new");

	victim.reset();
	delegation_holder holder(reader);
	if (!holder.held)
		GTEST_SKIP() << "no delegations for user space";
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_TRUE(holder.broken());
	EXPECT_EQ("new", content_of(dir, "a"));
}

TEST_F(flink_on_tmpfs, the_directorys_delegation_is_broken_too)
{
	unique_fd fd = make_unlinked(dir, "new");
	unique_fd reader(must(reopen(dir, O_RDONLY)));

	make_file(dir, "a", "old");
	delegation_holder holder(reader);
	if (!holder.held)
		GTEST_SKIP() << "no delegations for user space";
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_TRUE(holder.broken());
	EXPECT_EQ(std::vector<std::string>{"a"}, list(dir));
}

/* A link changes the file, and so its delegation goes, as with linkat(2). */
TEST_F(flink_on_tmpfs, the_files_own_delegation_is_broken_by_any_link)
{
	for (const bool named : {true, false}) {
		unique_fd fd = named ? make_file(dir, "named", "text") :
				       make_unlinked(dir, "text");
		unique_fd reader(must(reopen(fd, O_RDONLY)));

		fd.reset();
		delegation_holder holder(reader);
		if (!holder.held)
			GTEST_SKIP() << "no delegations for user space";
		const char *name = named ? "a" : "b";
		EXPECT_OK(flink(reader, dir, name));
		EXPECT_TRUE(holder.broken());
		EXPECT_TRUE(names(dir, name, reader));
	}
}

/* As with rename(2), the victim's content is not touched. */
TEST_F(flink_on_tmpfs, a_lease_on_the_victim_is_kept)
{
	unique_fd fd = make_unlinked(dir, "new");
	unique_fd victim = make_file(dir, "a", "old");
	const timespec at_once{};
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, &old);
	ASSERT_OK(or_errno(fcntl(victim, F_SETLEASE, F_WRLCK)));
	EXPECT_OK(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ(F_WRLCK, fcntl(victim, F_GETLEASE));
	EXPECT_ERROR(EAGAIN, or_errno(sigtimedwait(&set, nullptr, &at_once)));
	victim.reset();
	sigprocmask(SIG_SETMASK, &old, nullptr);
}

/* Process descriptors, which have a filesystem of their own. */
class flink_of_a_process : public testing::Test {
protected:
	flink_of_a_process() : fs_(PROCFD_FS_TYPE, "procfd"), dir(fs_.dir)
	{
		must(fs_.error);
	}
	~flink_of_a_process() override
	{
		EXPECT_EQ(std::vector<std::string>{}, hidden());
		remove_all(dir);
		must(or_errno(mount("procfd", fs_.path.c_str(), nullptr,
				    MS_REMOUNT, "max=65536")));
	}

	std::vector<std::string> hidden() const
	{
		std::vector<std::string> names = list(dir);

		std::erase_if(names, [](const std::string &name) {
			return !name.starts_with(".flink");
		});
		return names;
	}

	mounted fs_;
	const int dir;
};

TEST_F(flink_of_a_process, is_a_name_in_its_own_filesystem_only)
{
	child c = start_sleeper();
	mounted tmpfs("tmpfs", "tmpfs");

	EXPECT_OK(flink(c.fd, dir, "a"));
	EXPECT_TRUE(names(dir, "a", c.fd));
	EXPECT_OK(flink(c.fd, dir, "b"));
	EXPECT_EQ(2u, stat_of(c.fd).st_nlink);
	EXPECT_ERROR(EEXIST, flink(c.fd, dir, "a"));
	EXPECT_ERROR(EXDEV, flink(c.fd, tmpfs.dir, "a"));
	EXPECT_ERROR(EXDEV, flink(c.fd, tmpfs.dir, "a", PROCFD_LINK_REPLACE));
}

TEST_F(flink_of_a_process, no_file_gets_a_name_there)
{
	mounted tmpfs("tmpfs", "tmpfs");
	unique_fd fd = make_file(tmpfs.dir, "a");

	EXPECT_ERROR(EXDEV, flink(fd, dir, "a"));
}

TEST_F(flink_of_a_process, goes_to_any_mount_unless_opened_by_a_name)
{
	child c = start_sleeper();
	mounted second(PROCFD_FS_TYPE, "procfd");

	ASSERT_OK(flink(c.fd, dir, "a"));
	unique_fd name(must(or_errno(openat(dir, "a", O_RDONLY | O_CLOEXEC))));
	unique_fd path(must(or_errno(openat(dir, "a", O_PATH | O_CLOEXEC))));

	EXPECT_OK(flink(c.fd, second.dir, "b"));
	EXPECT_TRUE(names(dir, "b", c.fd));
	for (int fd : {int(name), int(path)}) {
		EXPECT_ERROR(EXDEV, flink(fd, second.dir, "c"));
		EXPECT_ERROR(EXDEV,
			     flink(fd, second.dir, "b", PROCFD_LINK_REPLACE));
		/* As linkat(2). */
		EXPECT_ERROR(EXDEV, linkat_fd(fd, second.dir, "c"));
		EXPECT_OK(flink(fd, dir, "c"));
		EXPECT_TRUE(names(second.dir, "c", c.fd));
		ASSERT_OK(or_errno(unlinkat(dir, "c", 0)));
	}
}

TEST_F(flink_of_a_process, a_removed_name_can_be_given_back)
{
	child c = start_sleeper();

	for (int i = 0; i < 100; i++) {
		ASSERT_OK(flink(c.fd, dir, "a"));
		unique_fd fd(
			must(or_errno(openat(dir, "a", O_RDONLY | O_CLOEXEC))));
		ASSERT_OK(or_errno(unlinkat(dir, "a", 0)));
		ASSERT_OK(flink(fd, dir, "b"));
		ASSERT_OK(or_errno(unlinkat(dir, "b", 0)));
	}
}

TEST_F(flink_of_a_process, frename_hands_a_name_over)
{
	child first = start_sleeper();
	child second = start_sleeper();

	EXPECT_OK(flink(first.fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_OK(flink(second.fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_TRUE(names(dir, "a", second.fd));
	EXPECT_EQ(0u, stat_of(first.fd).st_nlink);
	EXPECT_OK(flink(second.fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ(1u, stat_of(second.fd).st_nlink);
}

TEST_F(flink_of_a_process, frename_needs_no_room_for_one_more_name)
{
	child first = start_sleeper();
	child second = start_sleeper();

	ASSERT_OK(or_errno(mount("procfd", fs_.path.c_str(), nullptr,
				 MS_REMOUNT, "max=1")));
	EXPECT_OK(flink(first.fd, dir, "a"));
	EXPECT_ERROR(ENOSPC, flink(second.fd, dir, "b"));
	EXPECT_ERROR(ENOSPC, flink(second.fd, dir, "b", PROCFD_LINK_REPLACE));
	EXPECT_OK(flink(second.fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_OK(flink(first.fd, dir, "a", PROCFD_LINK_REPLACE));
}

TEST_F(flink_of_a_process, replace_dead_replaces_the_dead_only)
{
	child old = start_sleeper();
	child next = start_sleeper();

	EXPECT_OK(flink(old.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_ERROR(EEXIST,
		     flink(next.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_ERROR(EEXIST, flink(old.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	::kill(old.pid, SIGKILL);
	poll_over(old.fd);
	EXPECT_OK(flink(old.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_OK(flink(next.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_TRUE(names(dir, "a", next.fd));
}

TEST_F(flink_of_a_process, a_dropped_descriptor_is_dead_and_a_pending_one_not)
{
	child c = start_sleeper();
	unique_fd pending(must(announce()));

	EXPECT_OK(flink(pending, dir, "a"));
	EXPECT_ERROR(EEXIST, flink(c.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_OK(cancel());
	EXPECT_OK(flink(c.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
}

TEST_F(flink_of_a_process, replace_dead_takes_no_directory_for_dead)
{
	child c = start_sleeper();

	ASSERT_OK(or_errno(mkdirat(dir, "a", 0755)));
	EXPECT_ERROR(EEXIST, flink(c.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_ERROR(EISDIR, flink(c.fd, dir, "a", PROCFD_LINK_REPLACE));
}

TEST_F(flink_of_a_process, replace_dead_takes_no_place_that_is_in_use)
{
	child c = start_sleeper();
	const std::string point = fs_.path + "/a";

	EXPECT_ERROR(EBUSY, flink(c.fd, dir, ".", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_ERROR(EBUSY, flink(c.fd, dir, "..", PROCFD_LINK_REPLACE_DEAD));
	child dead = start_zombie();
	ASSERT_OK(flink(dead.fd, dir, "a"));
	ASSERT_OK(or_errno(mount(point.c_str(), point.c_str(), nullptr, MS_BIND,
				 nullptr)));
	EXPECT_ERROR(EBUSY, flink(c.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
	ASSERT_OK(or_errno(umount(point.c_str())));
	EXPECT_OK(flink(c.fd, dir, "a", PROCFD_LINK_REPLACE_DEAD));
}

TEST_F(flink_of_a_process, what_kills_on_close_gets_no_name)
{
	child c = start_sleeper(PROCFD_KILL_ON_CLOSE);
	child old = start_sleeper();

	EXPECT_ERROR(EINVAL, flink(c.fd, dir, "a"));
	ASSERT_OK(flink(old.fd, dir, "a"));
	EXPECT_ERROR(EINVAL, flink(c.fd, dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_TRUE(names(dir, "a", old.fd));
	EXPECT_OK(set_kill_on_close(c.fd, 0));
	EXPECT_OK(flink(c.fd, dir, "a", PROCFD_LINK_REPLACE));
}

TEST_F(flink_of_a_process, nobody_else_can_name_it)
{
	child c = start_sleeper();

	ASSERT_OK(or_errno(fchmod(c.fd, 0666)));
	ASSERT_OK(or_errno(mkdirat(dir, "d", 0777)));
	ASSERT_OK(or_errno(fchmodat(dir, "d", 0777, 0)));
	unique_fd open_to_all(must(or_errno(
		openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	EXPECT_ERROR(EPERM, as_user(alice, [&] {
			     return flink(c.fd, open_to_all, "a");
		     }));
	EXPECT_OK(or_errno(fchown(c.fd, alice, alice)));
	EXPECT_OK(
		as_user(alice, [&] { return flink(c.fd, open_to_all, "a"); }));
}

} // namespace
