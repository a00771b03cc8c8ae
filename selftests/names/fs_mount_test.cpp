// SPDX-License-Identifier: GPL-2.0-only
// Mounting procfdfs: options and how strictly they are taken, what is shown of
// them, who may mount, what several mounts share, and what an unmount leaves.
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "fs.h"

namespace {

/*
 * Nobody here has the device open for longer than a moment, and then in a
 * process apart: an open device keeps the superblock.
 */
class fs_mount : public scratch_test {
protected:
	void SetUp() override
	{
		scratch_test::SetUp();
		a = directory("a");
		b = directory("b");
	}

	/* Give a name to a process that has exited with @code. */
	static int leave_a_name(const std::string &where, const char *name,
				int code = 0)
	{
		return apart([&] {
			unique_fd to(must(open_path(where, O_PATH)));
			child c = start_zombie(code);

			return flink(c.fd, to, name) ?: std::min(c.wait(), 0);
		});
	}

	std::string a, b;
};

/* The line of /proc/self/mounts for a directory, or nothing. */
std::string line_of(const std::string &path)
{
	const std::string mounts = slurp("/proc/self/mounts");
	const std::size_t at = mounts.find("procfd " + path + " procfdfs ");

	if (at == std::string::npos)
		return "";
	return mounts.substr(at, mounts.find('\n', at) - at);
}

/* Its field of options. */
std::string options_of(const std::string &path)
{
	std::string line = line_of(path);
	const std::string before = "procfd " + path + " procfdfs ";

	if (line.empty())
		return line;
	line.erase(0, before.size());
	return line.substr(0, line.find(' '));
}

/* What is in there besides what any mount has. */
std::string own_options_of(const std::string &path)
{
	const std::string options = options_of(path), common = "rw,relatime";

	if (!options.starts_with(common))
		return "not " + common + ": " + options;
	return options.size() > common.size() ?
		       options.substr(common.size() + 1) :
		       "";
}

struct statfs statfs_of(const std::string &path)
{
	struct statfs st;

	must(or_errno(statfs(path.c_str(), &st)));
	return st;
}

/* Options. */

TEST_F(fs_mount, without_options_is_roots_and_0755)
{
	ASSERT_EQ(0, mount_names(a));

	const struct stat st = stat_of(a);

	EXPECT_EQ(mode_t(S_IFDIR | 0755), st.st_mode);
	EXPECT_EQ(0u, st.st_uid);
	EXPECT_EQ(0u, st.st_gid);
	EXPECT_EQ(2u, st.st_nlink);
	EXPECT_EQ("", own_options_of(a));
	EXPECT_EQ(65536u, statfs_of(a).f_files);
}

TEST_F(fs_mount, takes_owner_group_mode_and_maximum)
{
	ASSERT_EQ(0, mount_names(a, "uid=1000,gid=2000,mode=2770,max=10"));

	const struct stat st = stat_of(a);

	EXPECT_EQ(mode_t(S_IFDIR | 02770), st.st_mode);
	EXPECT_EQ(1000u, st.st_uid);
	EXPECT_EQ(2000u, st.st_gid);
	EXPECT_EQ(10u, statfs_of(a).f_files);
}

TEST_F(fs_mount, shows_options_that_make_the_same_mount_again)
{
	ASSERT_EQ(0, mount_names(a, "uid=1000,gid=2000,mode=1777,max=77"));

	const std::string shown = own_options_of(a);

	EXPECT_EQ("uid=1000,gid=2000,mode=1777,max=77", shown);
	ASSERT_EQ(0, umount(a.c_str()));
	ASSERT_EQ(0, mount_names(b));
	ASSERT_EQ("", own_options_of(b));
	ASSERT_EQ(0, umount(b.c_str()));
	ASSERT_EQ(0, mount_names(b, shown));
	EXPECT_EQ(shown, own_options_of(b));
	EXPECT_EQ(mode_t(S_IFDIR | 01777), stat_of(b).st_mode);
	EXPECT_EQ(1000u, stat_of(b).st_uid);
	EXPECT_EQ(77u, statfs_of(b).f_files);
}

TEST_F(fs_mount, shows_that_there_is_no_maximum)
{
	ASSERT_EQ(0, mount_names(a, "max=0"));
	EXPECT_EQ("max=0", own_options_of(a));
	EXPECT_EQ(0u, statfs_of(a).f_files);
}

/* One option in a new mount: the -errno and what the mount's log says. */
struct attempt {
	int error;
	std::string log;
};

attempt configure(const char *key, const char *value)
{
	unique_fd fs(must(or_errno(fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC))));
	attempt result{};
	char line[256];
	ssize_t n;

	result.error = or_errno(
		value ? fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0) :
			fsconfig(fs, FSCONFIG_SET_FLAG, key, nullptr, 0));
	while ((n = read(fs, line, sizeof(line))) > 0)
		result.log.append(line, std::size_t(n)) += '\n';
	return result;
}

struct bad_option {
	const char *claim;
	const char *key;
	const char *value;
	const char *message;
};

class fs_mount_refuses : public fs_mount,
			 public testing::WithParamInterface<bad_option> {};

TEST_P(fs_mount_refuses, it)
{
	const bad_option &o = GetParam();
	const attempt tried = configure(o.key, o.value);

	EXPECT_EQ(-EINVAL, tried.error);
	/* "e" for error, the filesystem's name, and what is wrong. */
	EXPECT_EQ(0u, tried.log.find("e ")) << tried.log;
	EXPECT_NE(std::string::npos, tried.log.find(PROCFD_FS_TYPE))
		<< tried.log;
	EXPECT_NE(std::string::npos, tried.log.find(o.message)) << tried.log;

	const std::string option =
		o.value ? std::string(o.key) + "=" + o.value : o.key;

	EXPECT_EQ(-EINVAL, mount_names(a, option)) << option;
	EXPECT_EQ("", line_of(a));
	/* A bad one spoils the good ones before it. */
	EXPECT_EQ(-EINVAL, mount_names(a, "mode=700," + option));
	EXPECT_EQ("", line_of(a));
}

INSTANTIATE_TEST_SUITE_P(
	fs_mount, fs_mount_refuses,
	testing::Values(
		bad_option{"an_unknown_option", "colour", "red", "colour"},
		bad_option{"an_unknown_flag", "quiet", nullptr, "quiet"},
		bad_option{"an_option_of_others", "size", "1M", "size"},
		bad_option{"a_uid_without_value", "uid", nullptr, "uid"},
		bad_option{"an_empty_uid", "uid", "", "uid"},
		bad_option{"a_uid_by_name", "uid", "root", "uid"},
		bad_option{"a_negative_uid", "uid", "-1", "uid"},
		bad_option{"the_uid_that_is_none", "uid", "4294967295", "uid"},
		bad_option{"a_uid_beyond_32_bits", "uid", "4294967296", "uid"},
		bad_option{"a_uid_with_a_tail", "uid", "1000x", "uid"},
		bad_option{"a_gid_by_name", "gid", "ops", "gid"},
		bad_option{"the_gid_that_is_none", "gid", "4294967295", "gid"},
		bad_option{"a_mode_that_is_not_octal", "mode", "0789", "mode"},
		bad_option{"a_symbolic_mode", "mode", "u=rwx", "mode"},
		bad_option{"a_mode_beyond_07777", "mode", "10000", "mode"},
		bad_option{"a_negative_maximum", "max", "-1", "max"},
		bad_option{"a_maximum_with_a_unit", "max", "10k", "max"},
		bad_option{"a_maximum_beyond_2147483647", "max", "2147483648",
			   "max"}),
	[](const testing::TestParamInfo<bad_option> &info) {
		return std::string(info.param.claim);
	});

TEST_F(fs_mount, takes_the_greatest_values_there_are)
{
	ASSERT_EQ(0, mount_names(a, "uid=4294967294,gid=4294967294,mode=7777,"
				    "max=2147483647"));
	EXPECT_EQ("uid=4294967294,gid=4294967294,mode=7777,max=2147483647",
		  own_options_of(a));
}

TEST_F(fs_mount, through_the_new_calls_is_the_same)
{
	unique_fd fs(must(or_errno(fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC))));

	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_SET_STRING, "source", "procfd", 0));
	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_SET_STRING, "mode", "2770", 0));
	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));

	unique_fd mnt(must(or_errno(fsmount(fs, FSMOUNT_CLOEXEC, 0))));

	ASSERT_EQ(0, move_mount(mnt, "", AT_FDCWD, a.c_str(),
				MOVE_MOUNT_F_EMPTY_PATH));
	EXPECT_EQ("mode=2770", own_options_of(a));
}

TEST_F(fs_mount, takes_options_from_their_creation_on_mounted_or_not)
{
	ASSERT_EQ(0, mount_names(a, "mode=700,max=10"));

	unique_fd fs(must(or_errno(fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC))));

	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_SET_STRING, "max", "20", 0));
	EXPECT_EQ("mode=700,max=10", own_options_of(a));
	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
	EXPECT_EQ("mode=700,max=20", own_options_of(a));
	fs.reset();
	EXPECT_EQ("mode=700,max=20", own_options_of(a));
	EXPECT_EQ(20u, statfs_of(a).f_files);
}

TEST_F(fs_mount, takes_no_options_that_are_set_and_given_up)
{
	ASSERT_EQ(0, mount_names(a, "mode=700,max=10"));

	unique_fd fs(must(or_errno(fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC))));

	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_SET_STRING, "max", "20", 0));
	fs.reset();
	EXPECT_EQ("mode=700,max=10", own_options_of(a));
	EXPECT_EQ(10u, statfs_of(a).f_files);
}

/* The context outlives the refusal, and what it was told before stands. */
TEST_F(fs_mount, goes_on_after_a_refused_option)
{
	unique_fd fs(must(or_errno(fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC))));
	auto set = [&](const char *key, const char *value) {
		return or_errno(
			fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0));
	};

	ASSERT_EQ(0, set("source", "procfd"));
	for (const char *key : {"uid", "gid"}) {
		ASSERT_EQ(0, set(key, "1000"));
		ASSERT_EQ(-EINVAL, set(key, "4294967295"));
	}
	ASSERT_EQ(0, set("mode", "711"));
	ASSERT_EQ(-EINVAL, set("mode", "10000"));
	ASSERT_EQ(0, set("max", "10"));
	ASSERT_EQ(-EINVAL, set("max", "2147483648"));
	ASSERT_EQ(0, fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));

	unique_fd mnt(must(or_errno(fsmount(fs, FSMOUNT_CLOEXEC, 0))));

	ASSERT_EQ(0, move_mount(mnt, "", AT_FDCWD, a.c_str(),
				MOVE_MOUNT_F_EMPTY_PATH));
	EXPECT_EQ("uid=1000,gid=1000,mode=711,max=10", own_options_of(a));
	EXPECT_EQ(1000u, stat_of(a).st_uid);
	EXPECT_EQ(1000u, stat_of(a).st_gid);
}

/* Remounting. */

TEST_F(fs_mount, remounted_changes_what_is_given_and_nothing_else)
{
	ASSERT_EQ(0, mount_names(a, "uid=1000,mode=700,max=10"));
	ASSERT_EQ(0, mount_names(a, "max=20,gid=2000", MS_REMOUNT));
	EXPECT_EQ("uid=1000,gid=2000,mode=700,max=20", own_options_of(a));
	EXPECT_EQ(1000u, stat_of(a).st_uid);
	EXPECT_EQ(2000u, stat_of(a).st_gid);
	EXPECT_EQ(mode_t(S_IFDIR | 0700), stat_of(a).st_mode);
	EXPECT_EQ(20u, statfs_of(a).f_files);
	ASSERT_EQ(0, mount_names(a, default_options, MS_REMOUNT));
	EXPECT_EQ("", own_options_of(a));
}

TEST_F(fs_mount, remounted_with_a_bad_option_changes_nothing)
{
	ASSERT_EQ(0, mount_names(a, "mode=700"));
	EXPECT_EQ(-EINVAL, mount_names(a, "mode=711,colour=red", MS_REMOUNT));
	EXPECT_EQ("mode=700", own_options_of(a));
	EXPECT_EQ(mode_t(S_IFDIR | 0700), stat_of(a).st_mode);
}

TEST_F(fs_mount, remounted_keeps_what_was_changed_by_chmod_and_was_not_given)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, chmod(a.c_str(), 0711));
	ASSERT_EQ(0, mount_names(a, "max=20", MS_REMOUNT));
	EXPECT_EQ(mode_t(S_IFDIR | 0711), stat_of(a).st_mode);
}

TEST_F(fs_mount, remounted_keeps_the_names)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, leave_a_name(a, "n", 3));
	ASSERT_EQ(0, mount_names(a, "mode=700,max=5", MS_REMOUNT));
	EXPECT_EQ("exited 3", outcome_of(a + "/n"));
}

TEST_F(fs_mount, remounted_read_only_takes_no_new_names_until_it_is_writable)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, leave_a_name(a, "n", 3));
	ASSERT_EQ(0, mount_names(a, "", MS_REMOUNT | MS_RDONLY));
	EXPECT_EQ(-EROFS, leave_a_name(a, "m"));
	EXPECT_EQ(-EROFS, or_errno(mkdir((a + "/d").c_str(), 0755)));
	EXPECT_EQ(-EROFS, or_errno(unlink((a + "/n").c_str())));
	EXPECT_EQ(-EROFS, try_open(a + "/n", O_WRONLY));
	EXPECT_EQ("exited 3", outcome_of(a + "/n"));
	ASSERT_EQ(0, mount_names(a, "", MS_REMOUNT));
	EXPECT_EQ(0, leave_a_name(a, "m"));
	EXPECT_EQ(0, try_open(a + "/n", O_WRONLY));
}

/* Several mounts. */

TEST_F(fs_mount, everywhere_shows_the_same_names)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, mount_names(b));
	EXPECT_EQ(stat_of(a).st_dev, stat_of(b).st_dev);
	EXPECT_EQ(stat_of(a).st_ino, stat_of(b).st_ino);
	ASSERT_EQ(0, leave_a_name(a, "n", 4));
	EXPECT_EQ("exited 4", outcome_of(b + "/n"));
	ASSERT_EQ(0, unlink((b + "/n").c_str()));
	EXPECT_EQ(std::set<std::string>{}, names_in(a));
}

TEST_F(fs_mount, a_second_time_applies_the_options_given_and_keeps_the_rest)
{
	ASSERT_EQ(0, mount_names(a, "uid=1000,max=10"));
	ASSERT_EQ(0, mount_names(b, "max=20,mode=700"));
	EXPECT_EQ("uid=1000,mode=700,max=20", own_options_of(a));
	EXPECT_EQ("uid=1000,mode=700,max=20", own_options_of(b));
	EXPECT_EQ(1000u, stat_of(b).st_uid);
	EXPECT_EQ(mode_t(S_IFDIR | 0700), stat_of(a).st_mode);
}

TEST_F(fs_mount, a_second_time_with_a_bad_option_changes_nothing)
{
	ASSERT_EQ(0, mount_names(a, "max=10"));
	EXPECT_EQ(-EINVAL, mount_names(b, "max=20,colour=red"));
	EXPECT_EQ("max=10", own_options_of(a));
	EXPECT_EQ("", line_of(b));
}

TEST_F(fs_mount, read_only_is_a_matter_of_that_one_mount)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, mount_names(b, "", MS_RDONLY));
	EXPECT_EQ(-EROFS, leave_a_name(b, "n"));
	EXPECT_EQ(0, leave_a_name(a, "n", 1));
	EXPECT_EQ(-EROFS, try_open(b + "/n", O_WRONLY));
	EXPECT_EQ(0, try_open(a + "/n", O_WRONLY));
	EXPECT_EQ("exited 1", outcome_of(b + "/n"));
	EXPECT_TRUE(options_of(b).starts_with("ro,")) << options_of(b);
	EXPECT_TRUE(options_of(a).starts_with("rw,")) << options_of(a);
}

TEST_F(fs_mount, read_only_as_the_first_does_not_bind_the_second)
{
	ASSERT_EQ(0, mount_names(a, "", MS_RDONLY));
	ASSERT_EQ(0, mount_names(b));
	EXPECT_EQ(-EROFS, leave_a_name(a, "n"));
	EXPECT_EQ(0, leave_a_name(b, "n"));
}

/* Who may. */

TEST_F(fs_mount, is_for_root_only)
{
	EXPECT_EQ(-EPERM, as(alice, [&] { return mount_names(a); }));
	EXPECT_EQ(-EPERM, as(alice, [&] {
		return or_errno(fsopen(PROCFD_FS_TYPE, 0));
	}));
	EXPECT_EQ("", line_of(a));
	ASSERT_EQ(0, mount_names(a));
	EXPECT_EQ(-EPERM, as(alice, [&] {
		return mount_names(a, "mode=777", MS_REMOUNT);
	}));
	EXPECT_EQ("", own_options_of(a));
}

TEST_F(fs_mount, is_not_for_root_of_a_user_namespace)
{
	EXPECT_EQ(-EPERM, as(alice, [&] {
		enter_user_namespace(CLONE_NEWNS);
		/* This one may mount: what any such root may. */
		must(or_errno(mount("t", "/tmp", "tmpfs", 0, "")));
		must(or_errno(mkdir("/tmp/names", 0755)));
		return mount_names("/tmp/names");
	}));
}

/* What it is like. */

TEST_F(fs_mount, counts_names_and_directories)
{
	ASSERT_EQ(0, mount_names(a, "max=100"));

	const struct statfs empty = statfs_of(a);

	EXPECT_EQ(PROCFD_FS_MAGIC, empty.f_type);
	EXPECT_EQ(255, empty.f_namelen);
	EXPECT_EQ(100u, empty.f_files);
	EXPECT_EQ(100u, empty.f_ffree);
	ASSERT_EQ(0, leave_a_name(a, "n"));
	EXPECT_EQ(99u, statfs_of(a).f_ffree);
	ASSERT_EQ(0, link((a + "/n").c_str(), (a + "/m").c_str()));
	EXPECT_EQ(98u, statfs_of(a).f_ffree);
	ASSERT_EQ(0, mkdir((a + "/d").c_str(), 0755));
	EXPECT_EQ(97u, statfs_of(a).f_ffree);
	ASSERT_EQ(0, rename((a + "/m").c_str(), (a + "/d/m").c_str()));
	EXPECT_EQ(97u, statfs_of(a).f_ffree);
	/* Replaced by a rename. */
	ASSERT_EQ(0, leave_a_name(a, "o"));
	ASSERT_EQ(0, rename((a + "/o").c_str(), (a + "/d/m").c_str()));
	EXPECT_EQ(97u, statfs_of(a).f_ffree);
	ASSERT_EQ(0, unlink((a + "/d/m").c_str()));
	ASSERT_EQ(0, rmdir((a + "/d").c_str()));
	ASSERT_EQ(0, unlink((a + "/n").c_str()));
	EXPECT_EQ(100u, statfs_of(a).f_ffree);
	/* Less room than there is in use is no room. */
	ASSERT_EQ(0, leave_a_name(a, "n"));
	ASSERT_EQ(0, leave_a_name(a, "m"));
	ASSERT_EQ(0, mount_names(a, "max=1", MS_REMOUNT));
	EXPECT_EQ(0u, statfs_of(a).f_ffree);
}

TEST_F(fs_mount, holds_neither_programs_nor_devices)
{
	ASSERT_EQ(0, mount_names(a));
	EXPECT_EQ(-EPERM, or_errno(mknod((a + "/null").c_str(), S_IFCHR | 0666,
					 makedev(1, 3))));
	EXPECT_EQ(-EPERM, try_open(a + "/program", O_CREAT | O_WRONLY, 0755));
	EXPECT_EQ(std::set<std::string>{}, names_in(a));
}

TEST_F(fs_mount, gives_out_no_file_handles)
{
	struct {
		file_handle h;
		char room[128];
	} handle{};
	int mount_id;

	ASSERT_EQ(0, mount_names(a));
	handle.h.handle_bytes = sizeof(handle.room);
	EXPECT_EQ(-EOPNOTSUPP,
		  or_errno(name_to_handle_at(AT_FDCWD, a.c_str(), &handle.h,
					     &mount_id, 0)));
}

TEST_F(fs_mount, is_no_layer_of_an_overlay)
{
	if (slurp("/proc/filesystems").find("overlay") == std::string::npos &&
	    system("modprobe overlay >/dev/null 2>&1"))
		GTEST_SKIP() << "no overlayfs here";
	ASSERT_EQ(0, mount_names(a));

	const std::string upper = directory("upper"), work = directory("work"),
			  lower = directory("lower"), merged = directory("m");
	const std::string tail = ",upperdir=" + upper + ",workdir=" + work;

	/* Nothing else is wrong with the attempt. */
	ASSERT_EQ(0, mount("o", merged.c_str(), "overlay", 0,
			   ("lowerdir=" + lower + tail).c_str()));
	ASSERT_EQ(0, umount(merged.c_str()));
	EXPECT_EQ(-EINVAL, or_errno(mount("o", merged.c_str(), "overlay", 0,
					  ("lowerdir=" + a + tail).c_str())));
}

/* Unmounting. */

TEST_F(fs_mount, unmounted_leaves_no_names)
{
	ASSERT_EQ(0, mount_names(a, "mode=700,max=10"));
	ASSERT_EQ(0, mkdir((a + "/d").c_str(), 0755));
	ASSERT_EQ(0, mkdir((a + "/d/e").c_str(), 0755));
	ASSERT_EQ(0, leave_a_name(a, "n"));
	ASSERT_EQ(0, leave_a_name(a + "/d/e", "n"));
	ASSERT_EQ(0, umount(a.c_str()));
	ASSERT_EQ(0, mount_names(a));
	EXPECT_EQ(std::set<std::string>{}, names_in(a));
	EXPECT_EQ("", own_options_of(a));
	EXPECT_EQ(statfs_of(a).f_files, statfs_of(a).f_ffree);
}

TEST_F(fs_mount, unmounted_in_one_place_leaves_the_names_in_the_other)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, mount_names(b));
	ASSERT_EQ(0, leave_a_name(a, "n", 5));
	ASSERT_EQ(0, umount(a.c_str()));
	EXPECT_EQ("exited 5", outcome_of(b + "/n"));
}

TEST_F(fs_mount, is_busy_while_a_name_is_open)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, leave_a_name(a, "n"));

	unique_fd name(must(open_path(a + "/n", O_RDONLY)));

	EXPECT_EQ(-EBUSY, or_errno(umount(a.c_str())));
	name.reset();
	EXPECT_EQ(0, umount(a.c_str()));
}

TEST_F(fs_mount, unmounted_lazily_keeps_its_names_while_one_is_open)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, leave_a_name(a, "n", 6));

	unique_fd name(must(open_path(a + "/n", O_RDONLY)));

	ASSERT_EQ(0, umount2(a.c_str(), MNT_DETACH));
	EXPECT_EQ("exited 6", first_line(record_of(name)));
	ASSERT_EQ(0, mount_names(b));
	EXPECT_EQ("exited 6", outcome_of(b + "/n"));
}

TEST_F(fs_mount, unmounted_keeps_its_names_while_a_descriptor_is_open)
{
	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, leave_a_name(a, "n", 6));

	/* Made by an open device, which is closed again. */
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	ASSERT_EQ(0, apart([&] {
			  send_fd(pair[0], unique_fd(must(open_process(0))));
			  return 0;
		  }));

	unique_fd descriptor(must(recv_fd(pair[1])));

	close(pair[0]);
	close(pair[1]);
	/* It is no open file of this mount, so the mount is not busy. */
	ASSERT_EQ(0, umount(a.c_str()));
	ASSERT_EQ(0, mount_names(a));
	EXPECT_EQ("exited 6", outcome_of(a + "/n"));
	ASSERT_EQ(0, umount(a.c_str()));
	descriptor.reset();
	ASSERT_EQ(0, mount_names(a));
	EXPECT_EQ(std::set<std::string>{}, names_in(a));
}

TEST_F(fs_mount, is_not_kept_by_who_only_watches_a_name)
{
	alignas(inotify_event) char buffer[4096];

	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, leave_a_name(a, "n"));

	unique_fd watch(must(or_errno(inotify_init1(IN_CLOEXEC))));

	must(or_errno(inotify_add_watch(watch, (a + "/n").c_str(), IN_ATTRIB)));
	EXPECT_EQ(0, umount(a.c_str()));
	/* The watch is over, and says so. */
	ASSERT_EQ(POLLIN, poll_for(watch, POLLIN, patience_ms()));
	ASSERT_LT(0, read(watch, buffer, sizeof(buffer)));
	EXPECT_EQ(std::uint32_t(IN_UNMOUNT),
		  reinterpret_cast<inotify_event *>(buffer)->mask);
	ASSERT_EQ(0, mount_names(a));
	EXPECT_EQ(std::set<std::string>{}, names_in(a));
}

TEST_F(fs_mount, unmounted_lets_processes_live_that_had_names)
{
	int fds[2];
	char byte;

	ASSERT_EQ(0, mount_names(a));
	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));

	unique_fd in(fds[0]), out(fds[1]);
	child c = start_without_descriptor([&] {
		out.reset();
		/* When the last writer has closed the pipe. */
		return int(read(in, &byte, 1));
	});

	ASSERT_EQ(0, apart([&] {
			  unique_fd fd(must(open_process(c.pid)));
			  unique_fd to(must(open_path(a, O_PATH)));

			  return flink(fd, to, "n");
		  }));
	ASSERT_EQ(0, umount(a.c_str()));
	out.reset();
	EXPECT_EQ(0, c.wait());
}

} // namespace
