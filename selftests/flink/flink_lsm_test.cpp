// SPDX-License-Identifier: GPL-2.0-only
/*
 * flink and frename by the confined: no way around what Landlock and AppArmor
 * forbid to linkat(2), rename(2) and mknod(2).
 */
#include <optional>

#include <linux/landlock.h>

#include "apparmor.h"
#include "flink_common.h"

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif

namespace {

constexpr std::uint64_t create = LANDLOCK_ACCESS_FS_MAKE_REG;
constexpr std::uint64_t create_fifo = LANDLOCK_ACCESS_FS_MAKE_FIFO;
constexpr std::uint64_t remove_file = LANDLOCK_ACCESS_FS_REMOVE_FILE;
constexpr std::uint64_t refer = LANDLOCK_ACCESS_FS_REFER;
constexpr std::uint64_t execute = LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t read_dir = LANDLOCK_ACCESS_FS_READ_DIR;

struct rule {
	int dir;
	std::uint64_t allowed;
};

/* Give up, for good, @handled everywhere but for what @rules allow. */
void confine(std::uint64_t handled, const std::vector<rule> &rules)
{
	landlock_ruleset_attr attr{};

	attr.handled_access_fs = handled;
	unique_fd set(must(int(or_errno(syscall(SYS_landlock_create_ruleset,
						&attr, sizeof(attr), 0)))));
	for (const rule &rule : rules) {
		landlock_path_beneath_attr beneath{};

		beneath.allowed_access = rule.allowed;
		beneath.parent_fd = rule.dir;
		must(int(or_errno(syscall(SYS_landlock_add_rule, int(set),
					  LANDLOCK_RULE_PATH_BENEATH, &beneath,
					  0))));
	}
	must(or_errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
	must(int(or_errno(syscall(SYS_landlock_restrict_self, int(set), 0))));
}

/* What @body returns where it is confined, 0 or -errno. */
template <typename F>
int confined(std::uint64_t handled, const std::vector<rule> &rules, F body)
{
	child c = start_without_descriptor([&] {
		device();
		confine(handled, rules);
		return -body();
	});
	const int status = c.wait();

	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* Two directories of one filesystem, and sources in the first. */
class flink_under_landlock : public testing::Test {
protected:
	flink_under_landlock() : fs_("tmpfs", "tmpfs")
	{
		must(fs_.error);
		must(or_errno(mkdirat(fs_.dir, "a", 0755)));
		must(or_errno(mkdirat(fs_.dir, "b", 0755)));
		a = mounted::open_dir(fs_.path + "/a");
		b = mounted::open_dir(fs_.path + "/b");
		named = make_file(a, "named", "new");
		tmpfile = make_tmpfile(a, "new");
		unlinked = make_unlinked(a, "new");
		make_file(a, "victim", "old");
		make_file(b, "victim", "old");
	}
	~flink_under_landlock() override
	{
		for (int dir : {int(a), int(b)})
			for (const std::string &name : list(dir))
				EXPECT_FALSE(name.starts_with(".flink"))
					<< name;
	}

	void SetUp() override
	{
		if (syscall(SYS_landlock_create_ruleset, nullptr, 0,
			    LANDLOCK_CREATE_RULESET_VERSION) < 0)
			GTEST_SKIP() << "no Landlock in this kernel";
	}

	mounted fs_;
	unique_fd a, b, named, tmpfile, unlinked;
};

TEST_F(flink_under_landlock, needs_the_right_to_create)
{
	for (int fd : {int(named), int(tmpfile), int(unlinked)}) {
		const int before = int(stat_of(fd).st_nlink);

		EXPECT_ERROR(EACCES, confined(create, {}, [&] {
				     return flink(fd, a, "x");
			     }));
		EXPECT_ERROR(EACCES, confined(create, {}, [&] {
				     return flink(fd, a, "x",
						  PROCFD_LINK_REPLACE);
			     }));
		EXPECT_ERROR(EACCES, confined(create, {}, [&] {
				     return flink(fd, a, "victim",
						  PROCFD_LINK_REPLACE);
			     }));
		/* A right elsewhere is none here. */
		EXPECT_ERROR(EACCES, confined(create, {{b, create}}, [&] {
				     return flink(fd, a, "x");
			     }));
		EXPECT_EQ(before, int(stat_of(fd).st_nlink));
	}
	EXPECT_ERROR(EACCES, confined(create, {}, [&] {
			     return linkat_fd(named, a, "x");
		     }));
	EXPECT_ERROR(EACCES, confined(create, {}, [&] {
			     return linkat_fd(tmpfile, a, "x");
		     }));
	EXPECT_FALSE(exists(a, "x"));
	EXPECT_EQ("old", content_of(a, "victim"));
}

TEST_F(flink_under_landlock, needs_nothing_else_in_the_same_directory)
{
	const std::vector<rule> rules = {{a, create}};

	EXPECT_OK(
		confined(create, rules, [&] { return flink(named, a, "x"); }));
	EXPECT_OK(confined(create, rules,
			   [&] { return flink(unlinked, a, "y"); }));
	EXPECT_OK(confined(create, rules,
			   [&] { return flink(tmpfile, a, "z"); }));
}

TEST_F(flink_under_landlock, needs_the_right_to_remove_what_it_replaces)
{
	const std::uint64_t handled = create | remove_file;

	for (int fd : {int(named), int(tmpfile), int(unlinked)}) {
		EXPECT_ERROR(EACCES, confined(handled, {{a, create}}, [&] {
				     return flink(fd, a, "victim",
						  PROCFD_LINK_REPLACE);
			     }));
		EXPECT_EQ("old", content_of(a, "victim"));
	}
	for (int fd : {int(named), int(tmpfile), int(unlinked)}) {
		EXPECT_OK(confined(handled, {{a, handled}}, [&] {
			return flink(fd, a, "victim", PROCFD_LINK_REPLACE);
		}));
		EXPECT_TRUE(names(a, "victim", fd));
	}
}

/*
 * The right to execute differs: a file of a, brought to b, could be executed.
 * That a file has no name is no way around that, nor is removing its name.
 */
TEST_F(flink_under_landlock, gives_no_file_more_rights_than_it_had)
{
	const std::uint64_t handled = create | remove_file | refer | execute;
	const std::uint64_t less = create | remove_file | refer;
	const std::vector<rule> rules = {{a, less}, {b, handled}};

	for (int fd : {int(named), int(tmpfile), int(unlinked)}) {
		EXPECT_ERROR(EXDEV, confined(handled, rules, [&] {
				     return flink(fd, b, "x");
			     }));
		EXPECT_ERROR(EXDEV, confined(handled, rules, [&] {
				     return flink(fd, b, "victim",
						  PROCFD_LINK_REPLACE);
			     }));
	}
	EXPECT_ERROR(EXDEV, confined(handled, rules, [&] {
			     unlinkat(a, "named", 0);
			     return flink(named, b, "x");
		     }));
	EXPECT_FALSE(exists(a, "named"));
	EXPECT_ERROR(EXDEV, confined(handled, rules, [&] {
			     return linkat_fd(tmpfile, b, "x");
		     }));
	EXPECT_FALSE(exists(b, "x"));
	EXPECT_EQ("old", content_of(b, "victim"));
}

TEST_F(flink_under_landlock, lets_a_file_go_where_it_has_fewer_rights)
{
	const std::uint64_t handled = create | remove_file | refer | execute;
	const std::uint64_t less = create | remove_file | refer;
	const std::vector<rule> rules = {{a, handled}, {b, less}};

	EXPECT_OK(
		confined(handled, rules, [&] { return flink(named, b, "x"); }));
	EXPECT_OK(confined(handled, rules,
			   [&] { return flink(unlinked, b, "y"); }));
	EXPECT_OK(confined(handled, rules, [&] {
		return flink(tmpfile, b, "victim", PROCFD_LINK_REPLACE);
	}));
}

TEST_F(flink_under_landlock, needs_refer_between_directories)
{
	const std::uint64_t handled = create | remove_file | refer;
	const std::uint64_t less = create | remove_file;
	const std::vector<rule> rules = {{a, less}, {b, less}};

	for (int fd : {int(named), int(tmpfile), int(unlinked)})
		EXPECT_ERROR(EXDEV, confined(handled, rules, [&] {
				     return flink(fd, b, "x");
			     }));
	EXPECT_ERROR(EXDEV, confined(handled, rules,
				     [&] { return linkat_fd(named, b, "x"); }));
}

/* Stricter than linkat(2), of which no module can be asked: documented. */
TEST_F(flink_under_landlock, wants_the_right_to_remove_the_name_it_has)
{
	const std::uint64_t handled = create | remove_file | refer;
	const std::vector<rule> rules = {{a, create | refer}, {b, handled}};

	EXPECT_ERROR(EACCES, confined(handled, rules,
				      [&] { return flink(named, b, "x"); }));
	EXPECT_OK(confined(handled, rules,
			   [&] { return linkat_fd(named, b, "y"); }));
}

TEST_F(flink_under_landlock, durable_fails_before_anything_is_done)
{
	EXPECT_ERROR(EACCES, confined(read_dir, {}, [&] {
			     return flink(unlinked, a, "x",
					  PROCFD_LINK_DURABLE);
		     }));
	EXPECT_FALSE(exists(a, "x"));
	EXPECT_OK(confined(read_dir, {},
			   [&] { return flink(unlinked, a, "x"); }));
}

TEST_F(flink_under_landlock, a_process_descriptor_is_created)
{
	mounted names_fs(PROCFD_FS_TYPE, "procfd");
	ASSERT_OK(names_fs.error);
	const int dir = names_fs.dir;
	const std::uint64_t handled = create_fifo | remove_file;
	child c = start_sleeper(), old = start_sleeper();

	EXPECT_ERROR(EACCES, confined(handled, {},
				      [&] { return flink(c.fd, dir, "x"); }));
	EXPECT_OK(confined(handled, {{dir, create_fifo}},
			   [&] { return flink(c.fd, dir, "x"); }));
	ASSERT_OK(flink(old.fd, dir, "y"));
	EXPECT_ERROR(EACCES, confined(handled, {{dir, create_fifo}}, [&] {
			     return flink(c.fd, dir, "y", PROCFD_LINK_REPLACE);
		     }));
	EXPECT_OK(confined(handled, {{dir, handled}}, [&] {
		return flink(c.fd, dir, "y", PROCFD_LINK_REPLACE);
	}));
	remove_all(dir);
}

/* Reopened by its name it is somewhere, and must not be brought elsewhere. */
TEST_F(flink_under_landlock, a_named_process_is_moved)
{
	mounted names_fs(PROCFD_FS_TYPE, "procfd");
	ASSERT_OK(names_fs.error);
	const int dir = names_fs.dir;
	child c = start_sleeper();

	must(or_errno(mkdirat(dir, "a", 0755)));
	must(or_errno(mkdirat(dir, "b", 0755)));
	{
		unique_fd in_a = mounted::open_dir(names_fs.path + "/a");
		unique_fd in_b = mounted::open_dir(names_fs.path + "/b");
		const std::uint64_t handled = create_fifo | remove_file | refer;
		const std::uint64_t less = create_fifo | remove_file;

		ASSERT_OK(flink(c.fd, in_a, "x"));
		unique_fd fd(must(
			or_errno(openat(in_a, "x", O_RDONLY | O_CLOEXEC))));
		EXPECT_ERROR(EXDEV,
			     confined(handled, {{in_a, less}, {in_b, less}},
				      [&] { return flink(fd, in_b, "x"); }));
		EXPECT_OK(confined(handled, {{in_a, handled}, {in_b, handled}},
				   [&] { return flink(fd, in_b, "x"); }));
	}
	remove_all(dir);
}

/*
 * Nor to a mount below what may be written: Landlock takes both to be below it, as
 * it is asked about one mount alone.
 */
TEST_F(flink_under_landlock, a_named_process_stays_on_its_mount)
{
	mounted names_fs(PROCFD_FS_TYPE, "procfd");
	ASSERT_OK(names_fs.error);
	child c = start_sleeper();

	must(or_errno(mkdirat(names_fs.dir, "theirs", 0755)));
	must(or_errno(mkdirat(fs_.dir, "box", 0755)));
	must(or_errno(mkdirat(fs_.dir, "box/m", 0755)));
	must(or_errno(mount((names_fs.path + "/theirs").c_str(),
			    (fs_.path + "/box/m").c_str(), nullptr, MS_BIND,
			    nullptr)));
	{
		unique_fd box = mounted::open_dir(fs_.path + "/box");
		unique_fd theirs = mounted::open_dir(fs_.path + "/box/m");
		const std::uint64_t handled = create_fifo | remove_file | refer;

		ASSERT_OK(flink(c.fd, names_fs.dir, "x"));
		unique_fd fd(must(or_errno(
			openat(names_fs.dir, "x", O_PATH | O_CLOEXEC))));
		EXPECT_ERROR(EXDEV, confined(handled, {{box, handled}}, [&] {
				     return flink(fd, theirs, "x");
			     }));
		/* Without a path it may be created there. */
		EXPECT_OK(confined(handled, {{box, handled}},
				   [&] { return flink(c.fd, theirs, "x"); }));
	}
	must(or_errno(umount2((fs_.path + "/box/m").c_str(), MNT_DETACH)));
	remove_all(names_fs.dir);
}

/* AppArmor, by a profile that may write below one directory. */
class flink_under_apparmor : public flink_under_landlock {
protected:
	void SetUp() override
	{
		if (const std::string why = missing_apparmor(); !why.empty())
			GTEST_SKIP() << why;
		profile_.emplace("procfd_flink_test", "  /** r,\n"
						      "  /dev/procfd rw,\n"
						      "  " + fs_.path +
							      "/a/** rwl,\n" +
							      "  " + fs_.path +
							      "/b/n* r,\n");
	}

	template <typename F>
	int confined(F body) const
	{
		return profile_->confined(body);
	}

private:
	std::optional<apparmor_profile> profile_;
};

TEST_F(flink_under_apparmor, needs_the_right_to_write_the_name)
{
	EXPECT_ERROR(EACCES, confined([&] { return flink(named, b, "x"); }));
	EXPECT_ERROR(EACCES,
		     confined([&] { return linkat_fd(named, b, "x"); }));
	EXPECT_ERROR(EACCES, confined([&] {
			     return flink(named, b, "victim",
					  PROCFD_LINK_REPLACE);
		     }));
	for (int fd : {int(tmpfile), int(unlinked)}) {
		EXPECT_ERROR(EACCES,
			     confined([&] { return flink(fd, b, "x"); }));
		EXPECT_ERROR(EACCES, confined([&] {
				     return flink(fd, b, "victim",
						  PROCFD_LINK_REPLACE);
			     }));
	}
	EXPECT_EQ(std::vector<std::string>{"victim"}, list(b));
	EXPECT_EQ("old", content_of(b, "victim"));
}

TEST_F(flink_under_apparmor, does_what_the_profile_allows)
{
	EXPECT_OK(confined([&] { return flink(named, a, "x"); }));
	EXPECT_OK(confined([&] { return flink(unlinked, a, "y"); }));
	EXPECT_OK(confined([&] {
		return flink(tmpfile, a, "victim", PROCFD_LINK_REPLACE);
	}));
}

/* By the name that it had, which AppArmor goes by unless a profile objects. */
TEST_F(flink_under_apparmor, a_nameless_file_is_judged_by_where_it_was)
{
	must(or_errno(mkdirat(a, "sub", 0755)));
	unique_fd sub = mounted::open_dir(fs_.path + "/a/sub");
	unique_fd unlinked_b = make_unlinked(b, "new");
	unique_fd tmpfile_b = make_tmpfile(b, "new");

	EXPECT_OK(confined([&] { return flink(unlinked, sub, "x"); }));
	EXPECT_OK(confined([&] { return flink(tmpfile, sub, "y"); }));
	EXPECT_ERROR(EACCES,
		     confined([&] { return flink(unlinked_b, a, "x"); }));
	EXPECT_ERROR(EACCES,
		     confined([&] { return flink(tmpfile_b, a, "x"); }));
	EXPECT_ERROR(EACCES,
		     confined([&] { return linkat_fd(tmpfile_b, a, "x"); }));
	EXPECT_FALSE(exists(a, "x"));
}

TEST_F(flink_under_apparmor,
       a_nameless_file_of_a_forbidden_directory_stays_there)
{
	unique_fd fd = make_unlinked(b, "new");

	EXPECT_ERROR(EACCES, confined([&] { return flink(fd, b, "x"); }));
	EXPECT_ERROR(EACCES, confined([&] {
			     return flink(fd, b, "victim", PROCFD_LINK_REPLACE);
		     }));
	EXPECT_FALSE(exists(b, "x"));
}

} // namespace
