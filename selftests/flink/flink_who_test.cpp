// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may: what linkat(2) and rename(2) let a user do, flink and frename let
 * him do too. In sticky directories, and where a mount changes the ids.
 */
#include "flink_common.h"

namespace {

const need a_disk(missing_disk);

/* The same ext4 for all of them, since tmpfs maps no ids on 6.1. */
class flink_who : public testing::Test {
protected:
	flink_who() : fs_("ext4", ext4_disk().c_str()), dir(fs_.dir)
	{
		must(fs_.error);
		twins = directory("twins", 0777);
	}
	~flink_who() override
	{
		EXPECT_EQ(0, run("rm -rf " + fs_.path + "/*"));
	}

	unique_fd directory(const char *name, mode_t mode, uid_t owner = 0)
	{
		return make_directory(dir, name, mode, owner);
	}

	static unique_fd file_of(uid_t owner, int dirfd, const char *name,
				 mode_t mode = 0644)
	{
		unique_fd fd = make_file(dirfd, name, "", mode);

		must(or_errno(fchown(fd, owner, owner)));
		return fd;
	}

	mounted fs_;
	const int dir;
	unique_fd twins;
};

struct sticky {
	const char *name;
	uid_t directory, victim, source, caller;
	int ours, theirs;
};

/* The file is renamed within the directory, where rename(2) brings it there. */
const sticky stickies[] = {
	{"his_own_files", 0, alice, alice, alice, 0, 0},
	{"the_directory_is_his", alice, bob, bob, alice, 0, 0},
	{"root", alice, bob, bob, 0, 0, 0},
	{"the_victim_is_anothers", 0, bob, alice, alice, EPERM, EPERM},
	{"the_file_is_anothers", 0, alice, bob, alice, EPERM, 0},
};

class frename_in_a_sticky_directory
	: public flink_who,
	  public testing::WithParamInterface<sticky> {};

INSTANTIATE_TEST_SUITE_P(, frename_in_a_sticky_directory,
			 testing::ValuesIn(stickies),
			 [](const auto &info) { return info.param.name; });

TEST_P(frename_in_a_sticky_directory, goes_by_its_owner_and_the_files)
{
	const sticky &p = GetParam();
	unique_fd d = directory("d", 01777, p.directory);
	unique_fd source = file_of(p.source, twins, "twin", 0666);
	const auto answer = [&](auto call) {
		return p.caller ? as_user(p.caller, call) : call();
	};

	file_of(p.victim, d, "a");
	file_of(p.victim, d, "b");
	EXPECT_ERROR(p.ours, answer([&] {
			     return flink(source, d, "a", PROCFD_LINK_REPLACE);
		     }));
	EXPECT_EQ(!p.ours, names(d, "a", source));
	EXPECT_ERROR(p.theirs, answer([&] {
			     return or_errno(renameat(twins, "twin", d, "b"));
		     }));
	EXPECT_EQ((std::vector<std::string>{"a", "b"}), list(d));
}

/* A user namespace that has these ids of the initial one and no others. */
unique_fd user_namespace(const std::string &uids, const std::string &gids)
{
	gate made;
	child c = start_without_descriptor([&made] {
		must(or_errno(unshare(CLONE_NEWUSER)));
		made.open();
		return sleep_for_ever();
	});

	must(made.pass() ? 0 : -EPIPE);
	const std::string of = "/proc/" + std::to_string(c.pid);
	for (const auto &[file, ids] :
	     {std::pair("/uid_map", uids), std::pair("/gid_map", gids)}) {
		unique_fd map(must(or_errno(
			open((of + file).c_str(), O_WRONLY | O_CLOEXEC))));
		must(int(write_to(map, ids)));
	}
	return unique_fd(must(or_errno(
		open((of + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC))));
}

/* A copy of a mount, where ids are what this user namespace makes of them. */
unique_fd idmapped(const std::string &path, int user_namespace)
{
	unique_fd tree(must(or_errno(open_tree(
		AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))));
	mount_attr attributes{};

	attributes.attr_set = MOUNT_ATTR_IDMAP;
	attributes.userns_fd = std::uint64_t(user_namespace);
	must(or_errno(mount_setattr(tree, "", AT_EMPTY_PATH, &attributes,
				    sizeof(attributes))));
	return tree;
}

/* It could not be written back whose the file is. */
TEST_F(flink_who, EOVERFLOW_where_an_owner_has_no_id)
{
	for (const auto &[uids, gids] :
	     {std::pair("0 0 1", "0 0 2000"), std::pair("0 0 2000", "0 0 1")}) {
		file_of(alice, twins, "twin");
		unique_fd tree = idmapped(fs_.path, user_namespace(uids, gids));
		unique_fd source(must(or_errno(
			openat(tree, "twins/twin", O_RDONLY | O_CLOEXEC))));
		EXPECT_ERROR(EOVERFLOW, linkat_fd(source, tree, "a"));
		EXPECT_ERROR(EOVERFLOW, flink(source, tree, "a"));
		make_file(dir, "a", "old");
		EXPECT_ERROR(EOVERFLOW,
			     flink(source, tree, "a", PROCFD_LINK_REPLACE));
		EXPECT_EQ("old", content_of(dir, "a"));
		must(or_errno(unlinkat(dir, "a", 0)));
		must(or_errno(unlinkat(twins, "twin", 0)));
	}
}

/* Nor whose the file would be that goes. Nothing is begun. */
TEST_F(flink_who, EOVERFLOW_where_the_victims_owner_has_no_id)
{
	file_of(0, twins, "twin");
	file_of(alice, dir, "a");
	unique_fd tree =
		idmapped(fs_.path, user_namespace("0 0 1", "0 0 2000"));
	unique_fd source(must(
		or_errno(openat(tree, "twins/twin", O_RDONLY | O_CLOEXEC))));

	/* A time that nothing that is begun would leave. */
	const timespec times[2] = {{1, 0}, {1, 0}};
	must(or_errno(futimens(dir, times)));
	EXPECT_ERROR(EOVERFLOW, flink(source, tree, "a", PROCFD_LINK_REPLACE));
	EXPECT_ERROR(EOVERFLOW,
		     or_errno(renameat(tree, "twins/twin", tree, "a")));
	EXPECT_EQ(1, stat_of(dir).st_mtim.tv_sec);
	EXPECT_FALSE(names(dir, "a", source));
}

/* Nor whose a new name would be, which comes before who may make one. */
TEST_F(flink_who, EOVERFLOW_where_the_caller_has_no_id)
{
	file_of(0, twins, "twin", 0666);
	for (mode_t mode : {0777, 0711}) {
		unique_fd on_disk = directory("all", mode);
		unique_fd tree =
			idmapped(fs_.path, user_namespace("0 0 1", "0 0 2000"));
		unique_fd source(must(or_errno(
			openat(tree, "twins/twin", O_PATH | O_CLOEXEC))));
		unique_fd all(must(
			or_errno(openat(tree, "all", O_PATH | O_CLOEXEC))));
		const auto as_alice = [](auto call) {
			return as_user(alice, call);
		};

		EXPECT_ERROR(EOVERFLOW, as_alice([&] {
				     return linkat_fd(source, all, "a");
			     }));
		EXPECT_ERROR(EOVERFLOW,
			     as_alice([&] { return flink(source, all, "a"); }));
		make_file(on_disk, "a", "old", 0666);
		EXPECT_ERROR(EOVERFLOW, as_alice([&] {
				     return flink(source, all, "a",
						  PROCFD_LINK_REPLACE);
			     }));
		EXPECT_EQ("old", content_of(on_disk, "a"));
		EXPECT_EQ(0, run("rm -r " + fs_.path + "/all"));
	}
}

/* On this mount what is alice's on the disk is bob's, and the other way round. */
TEST_F(flink_who, an_idmapped_mount_says_whose_a_file_is)
{
	const char swapped[] = "0 0 1\n1000 1001 1\n1001 1000 1";
	unique_fd on_disk = directory("all", 0777);

	file_of(alice, twins, "twin", 0600);
	unique_fd tree = idmapped(fs_.path, user_namespace(swapped, swapped));
	unique_fd source(
		must(or_errno(openat(tree, "twins/twin", O_PATH | O_CLOEXEC))));
	unique_fd all(must(or_errno(openat(tree, "all", O_PATH | O_CLOEXEC))));

	EXPECT_ERROR(EPERM,
		     as_user(alice, [&] { return flink(source, all, "a"); }));
	EXPECT_ERROR(EPERM, as_user(alice, [&] {
			     return linkat_fd(source, all, "b");
		     }));
	EXPECT_EQ(std::vector<std::string>{}, list(on_disk));
	EXPECT_OK(as_user(bob, [&] { return flink(source, all, "a"); }));
	EXPECT_OK(as_user(bob, [&] { return linkat_fd(source, all, "b"); }));
}

TEST_F(flink_who, an_idmapped_mount_says_who_may_replace)
{
	const char swapped[] = "0 0 1\n1000 1001 1\n1001 1000 1";
	unique_fd sticky = directory("sticky", 01777);
	unique_fd own = directory("own", 0700, alice);

	file_of(alice, twins, "twin", 0666);
	for (int d : {int(sticky), int(own)})
		file_of(alice, d, "a");
	unique_fd tree = idmapped(fs_.path, user_namespace(swapped, swapped));
	unique_fd source(
		must(or_errno(openat(tree, "twins/twin", O_PATH | O_CLOEXEC))));
	for (const auto &[name, error] :
	     {std::pair("sticky", EPERM), std::pair("own", EACCES)}) {
		unique_fd d(
			must(or_errno(openat(tree, name, O_PATH | O_CLOEXEC))));

		EXPECT_ERROR(error, as_user(alice, [&] {
				     return flink(source, d, "a",
						  PROCFD_LINK_REPLACE);
			     }));
		EXPECT_ERROR(error, as_user(alice, [&] {
				     return or_errno(renameat(d, "a", d, "b"));
			     }));
		EXPECT_FALSE(names(d, "a", source));
		EXPECT_OK(as_user(bob, [&] {
			return flink(source, d, "a", PROCFD_LINK_REPLACE);
		}));
		EXPECT_TRUE(names(d, "a", source));
	}
}

} // namespace
