// SPDX-License-Identifier: GPL-2.0-only
// As fault_test: each allocation and each copy fails once, here as procfdfs is
// mounted, given other options and unmounted.
#include "fault.h"

namespace {

TEST_F(faults_first, mount)
{
	char path[] = "/mnt/XXXXXX";

	must(mkdtemp(path) ? 0 : -errno);
	each(
		[&] {
			return or_errno(::mount("procfd", path, PROCFD_FS_TYPE,
						0, "mode=711,max=7"));
		},
		[&](int ret) {
			if (ret) {
				EXPECT_EQ("", options_of(path));
				EXPECT_EQ("0\n",
					  slurp("/sys/module/procfd/refcnt"));
				return;
			}
			EXPECT_NE(std::string::npos,
				  options_of(path).find("mode=711,max=7"));
			EXPECT_OK(or_errno(umount(path)));
		});
	EXPECT_LT(3u, count);
	must(or_errno(rmdir(path)));
}

/*
 * The last mount goes, and the superblock with it, or all stays. The name is of a
 * process that has exited, so that nothing holds them but the mount.
 */
TEST_F(faults_first, umount)
{
	char path[] = "/mnt/XXXXXX";
	const std::vector<std::string> entries = {"d", "name"};
	const auto mount_it = [&] {
		must(or_errno(::mount("procfd", path, PROCFD_FS_TYPE, 0,
				      "mode=711,max=7")));
		must(or_errno(mkdir((std::string(path) + "/d").c_str(), 0755)));
		ASSERT_EQ(0, start_without_descriptor([&] {
				     unique_fd dir = mounted::open_dir(path);

				     return -flink(start_zombie().fd, dir,
						   "name");
			     }).wait());
	};

	must(mkdtemp(path) ? 0 : -errno);
	for (int flags : {0, int(MNT_DETACH)}) {
		mount_it();
		each([&] { return or_errno(umount2(path, flags)); },
		     [&](int ret) {
			     if (ret) {
				     EXPECT_NE(std::string::npos,
					       options_of(path).find(
						       "mode=711,max=7"));
				     EXPECT_EQ(entries,
					       list(mounted::open_dir(path)));
				     EXPECT_OK(or_errno(::umount(path)));
			     }
			     EXPECT_EQ("", options_of(path));
			     EXPECT_EQ("0\n",
				       slurp("/sys/module/procfd/refcnt"));
			     mount_it();
		     });
		EXPECT_LE(1u, count);
		EXPECT_OK(or_errno(::umount(path)));
	}
	must(or_errno(rmdir(path)));
}

/* Mounting in steps: fsopen(2), fspick(2) and what follows. */

int configure(int fs, unsigned command)
{
	const char *const options[][2] = {{"uid", "1000"},
					  {"gid", "1001"},
					  {"mode", "700"},
					  {"max", "9"}};
	int ret = fs;

	for (const auto &[key, value] : options) {
		if (ret >= 0)
			ret = or_errno(fsconfig(fs, FSCONFIG_SET_STRING, key,
						value, 0));
	}
	return ret < 0 ? ret :
			 or_errno(fsconfig(fs, command, nullptr, nullptr, 0));
}

constexpr const char *configured = "uid=1000,gid=1001,mode=700,max=9";

TEST_F(faults_first, fsmount)
{
	each(
		[] {
			unique_fd fs(or_errno(
				fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC)));
			const int ret = configure(fs, FSCONFIG_CMD_CREATE);

			return ret < 0 ? ret :
					 or_errno(fsmount(fs, FSMOUNT_CLOEXEC,
							  0));
		},
		[](int ret) {
			if (ret >= 0) {
				unique_fd mnt(ret);
				struct statvfs st;

				must(or_errno(fstatvfs(mnt, &st)));
				EXPECT_EQ(9u, st.f_files);
				EXPECT_EQ(1000u, stat_of(mnt).st_uid);
				EXPECT_EQ(1001u, stat_of(mnt).st_gid);
				EXPECT_EQ(S_IFDIR | 0700u,
					  stat_of(mnt).st_mode);
			}
			EXPECT_EQ("0\n", slurp("/sys/module/procfd/refcnt"));
		});
	/* The context and its options, each option's copy, the superblock. */
	EXPECT_LE(8u, count);
}

/* There is a superblock. */

TEST_F(faults_names, mount_once_more)
{
	const std::string before = options_of(fs->path);
	char path[] = "/mnt/XXXXXX";
	unsigned given = 0;

	must(mkdtemp(path) ? 0 : -errno);
	each(
		[&] {
			return or_errno(::mount("procfd", path, PROCFD_FS_TYPE,
						MS_RDONLY, "mode=700,max=9"));
		},
		[&](int ret) {
			EXPECT_EQ(ret == 0, !options_of(path).empty());
			if (ret == 0) {
				EXPECT_NE(std::string::npos,
					  options_of(path).find(
						  "mode=700,max=9"));
				EXPECT_OK(or_errno(umount(path)));
			}
			/*
			 * The one superblock has them before the VFS makes the
			 * mount, which may fail then.
			 */
			if (ret && options_of(fs->path) != before)
				given++;
			must(or_errno(::mount("", fs->path.c_str(), nullptr,
					      MS_REMOUNT,
					      "mode=755,max=65536")));
		});
	EXPECT_LT(3u, count);
	printf("# options given, and not mounted: %u\n", given);
	must(or_errno(rmdir(path)));
}

TEST_F(faults_names, remount)
{
	const std::string before = options_of(fs->path);

	each(
		[&] {
			return or_errno(::mount("", fs->path.c_str(), nullptr,
						MS_REMOUNT, "mode=700,max=9"));
		},
		[&](int ret) {
			if (ret) {
				EXPECT_EQ(before, options_of(fs->path));
				return;
			}
			EXPECT_NE(std::string::npos,
				  options_of(fs->path).find("mode=700,max=9"));
			must(or_errno(::mount("", fs->path.c_str(), nullptr,
					      MS_REMOUNT,
					      "mode=755,max=65536")));
		});
	EXPECT_LT(3u, count);
}

TEST_F(faults_names, fspick)
{
	const std::string before = options_of(fs->path);

	each(
		[&] {
			unique_fd context(or_errno(fspick(
				AT_FDCWD, fs->path.c_str(), FSPICK_CLOEXEC)));

			return configure(context, FSCONFIG_CMD_RECONFIGURE);
		},
		[&](int ret) {
			const struct stat st = stat_of(dir);

			EXPECT_EQ(ret ? 0u : 1000u, st.st_uid);
			EXPECT_EQ(ret ? 0u : 1001u, st.st_gid);
			EXPECT_EQ(S_IFDIR | (ret ? 0755u : 0700u), st.st_mode);
			if (ret) {
				EXPECT_EQ(before, options_of(fs->path));
				return;
			}
			EXPECT_NE(std::string::npos,
				  options_of(fs->path).find(configured));
			must(or_errno(::mount(
				"", fs->path.c_str(), nullptr, MS_REMOUNT,
				"uid=0,gid=0,mode=755,max=65536")));
		});
	EXPECT_LE(8u, count);
}

TEST_F(faults_names, show_options)
{
	must(or_errno(::mount("", fs->path.c_str(), nullptr, MS_REMOUNT,
			      configured)));
	for (const std::string path :
	     {"/proc/self/mounts", "/proc/self/mountinfo"}) {
		const std::string whole = slurp(path);
		char text[65536];

		ASSERT_NE(std::string::npos, whole.find(configured));
		keep_in_mind(path);
		each(
			[&] {
				unique_fd fd(or_errno(open(
					path.c_str(), O_RDONLY | O_CLOEXEC)));
				int ret = fd, size = 0;

				/* A line that fails ends a read before it. */
				while (ret >= 0) {
					ret = int(or_errno(::read(
						fd, text + size,
						sizeof(text) -
							std::size_t(size))));
					if (ret == 0)
						return size;
					size += std::max(ret, 0);
				}
				return ret;
			},
			[&](int size) {
				if (size < 0)
					return;
				EXPECT_EQ(whole,
					  std::string(text, std::size_t(size)));
			});
		EXPECT_LE(3u, count);
	}
}

} // namespace
