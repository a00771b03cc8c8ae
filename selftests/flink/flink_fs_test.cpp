// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filesystems on a disk: those that take an unlinked file back, proven by their
 * own checkers, and those that do not and say so.
 */
#include <map>
#include <optional>
#include <random>

#include <sys/sysmacros.h>

#include "flink_common.h"
#include "half_way.h"

namespace {

const need a_disk(missing_disk);

struct filesystem {
	const char *name;
	const char *type;
	const char *make;
	const char *check;
	/* Does it take back what was unlinked? */
	bool unlinked;
};

const filesystem filesystems[] = {
	{"ext4", "ext4", "mkfs.ext4 -q -F", "e2fsck -fn", true},
	{"ext4_without_journal", "ext4", "mkfs.ext4 -q -F -O ^has_journal",
	 "e2fsck -fn", true},
	{"ext4_with_orphan_file", "ext4", "mkfs.ext4 -q -F -O orphan_file",
	 "e2fsck -fn", true},
	{"ext4_with_fast_commit", "ext4", "mkfs.ext4 -q -F -O fast_commit",
	 "e2fsck -fn", true},
	{"ext4_with_inline_data", "ext4", "mkfs.ext4 -q -F -O inline_data",
	 "e2fsck -fn", true},
	{"xfs", "xfs", "mkfs.xfs -q -f", "xfs_repair -n", true},
	{"btrfs", "btrfs", "mkfs.btrfs -q -f", "btrfs check", false},
};

/* What is to be found under each name in the end. */
using contents = std::map<std::string, std::string>;

/* Some bytes that belong to this text and no other, up to some hundred KiB. */
std::string long_text(unsigned int seed)
{
	std::mt19937 random(seed);
	std::string text(random() % 3 ? random() % 400 : random() % 300000,
			 ' ');

	for (char &c : text)
		c = char('a' + random() % 26);
	return text;
}

class on_disk : public testing::TestWithParam<filesystem> {
protected:
	on_disk() : device(flink_disk())
	{
		must(-run(GetParam().make + (" " + device)));
	}
	void SetUp() override { NEEDS_FILESYSTEM(GetParam().type); }

	void check_disk()
	{
		EXPECT_EQ(0, run(GetParam().check + (" " + device)));
	}

	/* Everything is as it should be, now and after a look at the disk. */
	void expect(mounted &fs, const contents &wanted)
	{
		compare(fs.dir, wanted);
		ASSERT_OK(fs.unmount());
		check_disk();
		mounted again(GetParam().type, device.c_str());
		ASSERT_OK(again.error);
		compare(again.dir, wanted);
		/* btrfs finds out when the name goes that it has no inode. */
		for (const auto &[name, text] : wanted)
			EXPECT_OK(
				or_errno(unlinkat(again.dir, name.c_str(), 0)));
		ASSERT_OK(or_errno(syncfs(again.dir)));
		ASSERT_OK(again.unmount());
		check_disk();
	}

	static void compare(int dir, const contents &wanted)
	{
		std::vector<std::string> names = list(dir), expected;

		std::erase(names, "lost+found");
		for (const auto &[name, text] : wanted) {
			expected.push_back(name);
			EXPECT_EQ(text, content_of(dir, name.c_str())) << name;
		}
		EXPECT_EQ(expected, names);
	}

	const std::string device;
};

INSTANTIATE_TEST_SUITE_P(, on_disk, testing::ValuesIn(filesystems),
			 [](const auto &info) { return info.param.name; });

TEST_P(on_disk, flink_names_what_was_unlinked_or_says_so)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);
	contents wanted;

	for (unsigned int i = 0; i < 40; i++) {
		const std::string name = "file" + std::to_string(i);
		const std::string text = long_text(i);
		unique_fd fd = make_file(fs.dir, "x", text);

		/* Some have reached the disk before, and been read again. */
		if (i % 4 == 0) {
			ASSERT_OK(or_errno(fsync(fd)));
		}
		if (i % 8 == 4) {
			fd.reset();
			ASSERT_OK(run("echo 3 >/proc/sys/vm/drop_caches"));
			fd.reset(must(or_errno(
				openat(fs.dir, "x", O_RDWR | O_CLOEXEC))));
		}
		/* Some have had several names. */
		if (i % 3 == 0) {
			ASSERT_OK(
				or_errno(linkat(fs.dir, "x", fs.dir, "y", 0)));
		}
		if (i % 3 == 0) {
			ASSERT_OK(or_errno(renameat(fs.dir, "y", fs.dir, "z")));
		}
		ASSERT_OK(or_errno(unlinkat(fs.dir, "x", 0)));
		if (i % 3 == 0) {
			ASSERT_OK(or_errno(unlinkat(fs.dir, "z", 0)));
		}
		if (i % 5 == 0) {
			ASSERT_OK(or_errno(syncfs(fs.dir)));
		}
		if (GetParam().unlinked) {
			ASSERT_OK(flink(fd, fs.dir, name.c_str()));
			wanted[name] = text;
		} else {
			ASSERT_ERROR(EOPNOTSUPP,
				     flink(fd, fs.dir, name.c_str()));
			ASSERT_ERROR(EOPNOTSUPP, flink(fd, fs.dir, name.c_str(),
						       PROCFD_LINK_REPLACE));
		}
	}
	expect(fs, wanted);
}

TEST_P(on_disk, the_unlinked_may_be_named_as_it_was_named)
{
	if (!GetParam().unlinked)
		return;
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);
	unique_fd fd = make_file(fs.dir, "a", "text");

	for (int i = 0; i < 200; i++) {
		ASSERT_OK(or_errno(unlinkat(fs.dir, "a", 0)));
		if (i % 50 == 0) {
			ASSERT_OK(or_errno(fsync(fd)));
		}
		ASSERT_OK(flink(fd, fs.dir, "a"));
	}
	fd.reset();
	expect(fs, {{"a", "text"}});
}

TEST_P(on_disk, what_is_written_later_is_there)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);
	unique_fd fd = GetParam().unlinked ? make_unlinked(fs.dir) :
					     make_tmpfile(fs.dir);
	const std::string text = long_text(2) + long_text(3);

	ASSERT_OK(flink(fd, fs.dir, "a"));
	ASSERT_EQ(ssize_t(text.size()), write_to(fd, text));
	ASSERT_OK(flink(fd, fs.dir, "b"));
	ASSERT_OK(or_errno(linkat(fs.dir, "a", fs.dir, "c", 0)));
	ASSERT_OK(or_errno(unlinkat(fs.dir, "a", 0)));
	EXPECT_EQ(2u, stat_of(fd).st_nlink);
	fd.reset();
	expect(fs, {{"b", text}, {"c", text}});
}

TEST_P(on_disk, frename_replaces_over_and_over)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);
	contents wanted;

	make_file(fs.dir, "a", "the first");
	make_file(fs.dir, "other", "other");
	ASSERT_OK(or_errno(symlinkat("other", fs.dir, "link")));
	for (unsigned int i = 0; i < 60; i++) {
		const std::string text = long_text(i);
		const char *name = i % 7 ? i % 5 ? "a" : "new" : "link";
		const bool unlinked = GetParam().unlinked && i % 2;
		unique_fd fd = unlinked ? make_unlinked(fs.dir, text) :
					  make_tmpfile(fs.dir, text);

		ASSERT_OK(flink(fd, fs.dir, name,
				PROCFD_LINK_REPLACE |
					(i % 4 ? 0 : PROCFD_LINK_DURABLE)));
		ASSERT_EQ(1u, stat_of(fd).st_nlink);
		wanted[name] = text;
	}
	wanted["other"] = "other";
	expect(fs, wanted);
}

TEST_P(on_disk, frename_of_a_named_file_keeps_its_names)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);
	unique_fd fd = make_file(fs.dir, "source", "new");

	make_file(fs.dir, "a", "old");
	make_file(fs.dir, "b", "old");
	ASSERT_OK(flink(fd, fs.dir, "a", PROCFD_LINK_REPLACE));
	ASSERT_OK(flink(fd, fs.dir, "b",
			PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE));
	ASSERT_OK(flink(fd, fs.dir, "c", PROCFD_LINK_REPLACE));
	EXPECT_EQ(4u, stat_of(fd).st_nlink);
	fd.reset();
	expect(fs,
	       {{"source", "new"}, {"a", "new"}, {"b", "new"}, {"c", "new"}});
}

/*
 * The file is then what it was: a name for it can be tried again, also on btrfs,
 * for which the hidden name was one that it had and lost.
 */
TEST_P(on_disk, frename_that_fails_half_way_can_be_tried_again)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);
	ASSERT_OK(or_errno(mkdirat(fs.dir, "d", 0755)));
	unique_fd d = mounted::open_dir(fs.path + "/d");
	contents wanted;

	make_file(d, "a", "old");
	for (unsigned int i = 0; i < 20; i++) {
		const half_way fails(d, "a");
		const std::string name = "file" + std::to_string(i);
		const std::string text = long_text(i);
		const bool unlinked = GetParam().unlinked && i % 2;
		unique_fd fd = unlinked ? make_unlinked(fs.dir, text) :
					  make_tmpfile(fs.dir, text);

		for (unsigned int tries = 0; tries <= i % 3; tries++) {
			ASSERT_ERROR(EBUSY,
				     flink(fd, d, "a", PROCFD_LINK_REPLACE));
			ASSERT_EQ(0u, stat_of(fd).st_nlink);
		}
		ASSERT_OK(flink(fd, fs.dir, name.c_str()));
		wanted[name] = text;
	}
	EXPECT_EQ(std::vector<std::string>{"a"}, list(d));
	EXPECT_EQ("old", content_of(d, "a"));
	ASSERT_OK(or_errno(unlinkat(d, "a", 0)));
	d.reset();
	ASSERT_OK(or_errno(unlinkat(fs.dir, "d", AT_REMOVEDIR)));
	expect(fs, wanted);
}

TEST_P(on_disk, a_tmpfile_that_had_a_name_and_lost_it_stays_without)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);

	{
		unique_fd fd = make_tmpfile(fs.dir, "text");

		ASSERT_OK(flink(fd, fs.dir, "a"));
		ASSERT_OK(or_errno(unlinkat(fs.dir, "a", 0)));
		EXPECT_ERROR(EPERM, flink(fd, fs.dir, "a"));
		EXPECT_ERROR(ENOENT, linkat_fd(fd, fs.dir, "a"));
	}
	{
		unique_fd fd = make_tmpfile(fs.dir, "text", O_EXCL);

		EXPECT_ERROR(EPERM, flink(fd, fs.dir, "a"));
		EXPECT_ERROR(EPERM,
			     flink(fd, fs.dir, "a", PROCFD_LINK_REPLACE));
	}
	expect(fs, {});
}

TEST_P(on_disk, special_files_and_symbolic_links_too)
{
	mounted fs(GetParam().type, device.c_str());
	ASSERT_OK(fs.error);

	ASSERT_OK(or_errno(mknodat(fs.dir, "a", S_IFIFO | 0644, 0)));
	ASSERT_OK(or_errno(symlinkat("nowhere", fs.dir, "b")));
	ASSERT_OK(
		or_errno(mknodat(fs.dir, "c", S_IFCHR | 0644, makedev(1, 3))));
	for (const char *name : {"a", "b", "c"}) {
		unique_fd fd(must(or_errno(openat(
			fs.dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC))));

		if (GetParam().unlinked) {
			ASSERT_OK(or_errno(unlinkat(fs.dir, name, 0)));
		}
		ASSERT_OK(flink(fd, fs.dir, "x", PROCFD_LINK_REPLACE));
	}
	EXPECT_TRUE(S_ISCHR(stat_at(fs.dir, "x").st_mode));
	remove_all(fs.dir);
	expect(fs, {});
}

/* Filesystems that are not known to take back what was unlinked. */

void refuses_the_unlinked(int dir)
{
	unique_fd fd = make_unlinked(dir, "text");

	make_file(dir, "old", "old");
	EXPECT_ERROR(EOPNOTSUPP, flink(fd, dir, "a"));
	EXPECT_ERROR(EOPNOTSUPP, flink(fd, dir, "old", PROCFD_LINK_REPLACE));
	EXPECT_FALSE(exists(dir, "a"));
	EXPECT_EQ("old", content_of(dir, "old"));
	must(int(or_errno(lseek(fd, 0, SEEK_SET))));
	EXPECT_EQ("text", read_all(fd));
}

void links_the_named(int dir)
{
	unique_fd fd = make_file(dir, "source", "new");

	make_file(dir, "target", "old");
	EXPECT_OK(flink(fd, dir, "a"));
	EXPECT_EQ("new", content_of(dir, "a"));
	EXPECT_ERROR(EEXIST, flink(fd, dir, "a"));
	EXPECT_OK(flink(fd, dir, "target", PROCFD_LINK_REPLACE));
	EXPECT_EQ("new", content_of(dir, "target"));
	EXPECT_OK(flink(fd, dir, "b", PROCFD_LINK_REPLACE));
	for (const std::string &name : list(dir))
		EXPECT_FALSE(name.starts_with(".flink")) << name;
}

class on_overlay : public testing::Test {
protected:
	on_overlay() : base_("tmpfs", "tmpfs")
	{
		modprobe("overlay");
		for (const char *name : {"lower", "upper", "work"})
			must(or_errno(mkdirat(base_.dir, name, 0755)));
		unique_fd lower = mounted::open_dir(base_.path + "/lower");
		make_file(lower, "below", "below");
		make_file(lower, "target below", "old");
		fs.emplace("overlay", "overlay",
			   ("lowerdir=" + base_.path +
			    "/lower,upperdir=" + base_.path +
			    "/upper,workdir=" + base_.path + "/work")
				   .c_str());
		must(fs->error);
	}

	mounted base_;
	std::optional<mounted> fs;
};

TEST_F(on_overlay, refuses_the_unlinked)
{
	refuses_the_unlinked(fs->dir);
}

TEST_F(on_overlay, refuses_the_unlinked_from_below)
{
	unique_fd fd(
		must(or_errno(openat(fs->dir, "below", O_RDWR | O_CLOEXEC))));

	ASSERT_OK(or_errno(unlinkat(fs->dir, "below", 0)));
	EXPECT_ERROR(EOPNOTSUPP, flink(fd, fs->dir, "a"));
	EXPECT_EQ("below", read_all(fd));
}

TEST_F(on_overlay, links_the_named)
{
	links_the_named(fs->dir);
}

TEST_F(on_overlay, links_and_replaces_what_is_below)
{
	unique_fd fd(
		must(or_errno(openat(fs->dir, "below", O_RDONLY | O_CLOEXEC))));

	EXPECT_OK(flink(fd, fs->dir, "a"));
	EXPECT_OK(flink(fd, fs->dir, "target below", PROCFD_LINK_REPLACE));
	EXPECT_EQ("below", content_of(fs->dir, "a"));
	EXPECT_EQ("below", content_of(fs->dir, "target below"));
	EXPECT_EQ((std::vector<std::string>{"a", "below", "target below"}),
		  list(fs->dir));
}

/* The kernel has them there from 6.12 on, for linkat(2) and so for us. */
TEST_F(on_overlay, links_a_tmpfile_if_there_is_one)
{
	unique_fd fd(
		openat(fs->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));

	if (fd < 0) {
		EXPECT_EQ(EOPNOTSUPP, errno);
		return;
	}
	must(int(write_to(fd, "new")));
	make_file(fs->dir, "old", "old");
	EXPECT_OK(flink(fd, fs->dir, "old", PROCFD_LINK_REPLACE));
	EXPECT_EQ("new", content_of(fs->dir, "old"));
}

/*
 * By the same driver and with the same magic number as ext4, but not by its
 * name: a filesystem that has O_TMPFILE and is not known to take a file back.
 */
class on_ext3 : public testing::Test {
protected:
	on_ext3()
	{
		if (!has_filesystem("ext3"))
			return;
		const std::string device = flink_disk();

		must(-run("mkfs.ext4 -t ext3 -q -F " + device));
		fs.emplace("ext3", device.c_str());
		must(fs->error);
	}
	void SetUp() override { NEEDS_FILESYSTEM("ext3"); }

	std::optional<mounted> fs;
};

TEST_F(on_ext3, refuses_the_unlinked)
{
	refuses_the_unlinked(fs->dir);
}

TEST_F(on_ext3, links_the_named)
{
	links_the_named(fs->dir);
}

TEST_F(on_ext3, links_a_tmpfile)
{
	unique_fd a = make_tmpfile(fs->dir, "a"),
		  b = make_tmpfile(fs->dir, "b");

	EXPECT_OK(flink(a, fs->dir, "a"));
	EXPECT_OK(flink(b, fs->dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ("b", content_of(fs->dir, "a"));
}

/* The hidden name was its first, and it is not given what it had before. */
TEST_F(on_ext3, a_tmpfile_that_failed_half_way_stays_without_a_name)
{
	ASSERT_OK(or_errno(mkdirat(fs->dir, "d", 0755)));
	unique_fd d = mounted::open_dir(fs->path + "/d");
	unique_fd fd = make_tmpfile(fs->dir, "new");

	make_file(d, "a", "old");
	{
		const half_way fails(d, "a");

		EXPECT_ERROR(EBUSY, flink(fd, d, "a", PROCFD_LINK_REPLACE));
	}
	EXPECT_EQ(std::vector<std::string>{"a"}, list(d));
	EXPECT_EQ("old", content_of(d, "a"));
	EXPECT_EQ(0u, stat_of(fd).st_nlink);
	EXPECT_ERROR(EPERM, flink(fd, fs->dir, "b"));
	EXPECT_ERROR(EPERM, flink(fd, d, "a", PROCFD_LINK_REPLACE));
	EXPECT_ERROR(ENOENT, linkat_fd(fd, fs->dir, "b"));
	must(int(or_errno(lseek(fd, 0, SEEK_SET))));
	EXPECT_EQ("new", read_all(fd));
}

class on_fuse : public testing::Test {
protected:
	on_fuse() : base_("tmpfs", "tmpfs"), path_(base_.path + "/mnt")
	{
		if (!has_filesystem("fuse"))
			return;
		for (const char *name : {"base", "mnt"})
			must(or_errno(mkdirat(base_.dir, name, 0755)));
		const std::string from = base_.path + "/base";
		const dev_t below = stat_of(base_.dir).st_dev;

		server_.emplace(start_without_descriptor([&] {
			execlp("bindfs", "bindfs", "-f", from.c_str(),
			       path_.c_str(), nullptr);
			return 127;
		}));
		if (!eventually([&] {
			    return stat_at(base_.dir, "mnt").st_dev != below;
		    }))
			must(-ETIMEDOUT);
		dir = mounted::open_dir(path_);
	}
	void SetUp() override { NEEDS_FILESYSTEM("fuse"); }
	~on_fuse() override
	{
		if (!server_)
			return;
		dir.reset();
		EXPECT_OK(or_errno(umount(path_.c_str())));
		// How it takes the unmount is its own affair: on 7.2 its last
		// read is at times ECONNABORTED, and then it exits with 1.
		server_->wait();
	}

	mounted base_;
	const std::string path_;
	std::optional<child> server_;
	unique_fd dir;
};

TEST_F(on_fuse, refuses_the_unlinked)
{
	refuses_the_unlinked(dir);
}

TEST_F(on_fuse, links_the_named)
{
	links_the_named(dir);
}

} // namespace
