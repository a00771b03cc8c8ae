/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of flink share: directories of their own on a filesystem of
 * their own, and the system calls that flink is compared with.
 */
#ifndef PROCFD_SELFTESTS_FLINK_COMMON_H
#define PROCFD_SELFTESTS_FLINK_COMMON_H

#include <algorithm>
#include <string>
#include <vector>

#include <dirent.h>
#include <linux/fs.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <gtest/gtest.h>

#include "common.h"
#include "needs.h"

constexpr uid_t alice = 1000;
constexpr uid_t bob = 1001;

/* "EEXIST" says more than 17. Takes 0 or -errno. */
inline std::string name_of(int ret)
{
	const char *name = strerrorname_np(-ret);

	return name ? name : std::to_string(ret);
}

#define EXPECT_ERROR(error, ret) EXPECT_EQ(name_of(-(error)), name_of(int(ret)))
#define EXPECT_OK(ret) EXPECT_EQ("0", name_of(int(ret)))
#define ASSERT_ERROR(error, ret) ASSERT_EQ(name_of(-(error)), name_of(int(ret)))
#define ASSERT_OK(ret) ASSERT_EQ("0", name_of(int(ret)))

/* linkat(2) of what a descriptor refers to: what flink is compared with. */
inline int linkat_fd(int fd, int dirfd, const char *name)
{
	const std::string path = "/proc/self/fd/" + std::to_string(fd);

	return or_errno(
		linkat(AT_FDCWD, path.c_str(), dirfd, name, AT_SYMLINK_FOLLOW));
}

/* A second open file of what a descriptor refers to. */
inline int reopen(int fd, int flags)
{
	const std::string path = "/proc/self/fd/" + std::to_string(fd);

	return or_errno(open(path.c_str(), flags | O_CLOEXEC));
}

inline struct stat stat_of(int fd)
{
	struct stat st;

	must(or_errno(fstat(fd, &st)));
	return st;
}

inline struct stat stat_at(int dirfd, const char *name)
{
	struct stat st;

	must(or_errno(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)));
	return st;
}

inline bool exists(int dirfd, const char *name)
{
	return !faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

inline bool names(int dirfd, const char *name, int fd)
{
	struct stat a, b = stat_of(fd);

	return !fstatat(dirfd, name, &a, AT_SYMLINK_NOFOLLOW) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

inline unique_fd make_file(int dirfd, const char *name,
			   const std::string &content = "", mode_t mode = 0644)
{
	unique_fd fd(must(or_errno(openat(
		dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode))));

	must(or_errno(fchmod(fd, mode)));
	must(int(write_to(fd, content)));
	return fd;
}

inline unique_fd make_unlinked(int dirfd, const std::string &content = "",
			       mode_t mode = 0644)
{
	unique_fd fd = make_file(dirfd, "to be unlinked", content, mode);

	must(or_errno(unlinkat(dirfd, "to be unlinked", 0)));
	return fd;
}

inline unique_fd make_tmpfile(int dirfd, const std::string &content = "",
			      int flags = 0)
{
	unique_fd fd(must(or_errno(openat(
		dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | flags, 0644))));

	must(int(write_to(fd, content)));
	return fd;
}

inline unique_fd make_directory(int dirfd, const char *name, mode_t mode,
				uid_t owner = 0)
{
	must(or_errno(mkdirat(dirfd, name, 0700)));
	unique_fd fd(must(or_errno(
		openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC))));

	must(or_errno(fchown(fd, owner, owner)));
	must(or_errno(fchmod(fd, mode)));
	return fd;
}

/* By name, symbolic links followed. */
inline std::string content_of(int dirfd, const char *name)
{
	unique_fd fd(must(or_errno(openat(dirfd, name, O_RDONLY | O_CLOEXEC))));

	return read_all(fd);
}

inline std::vector<std::string> list(int dirfd)
{
	std::vector<std::string> entries;
	DIR *dir = fdopendir(
		must(or_errno(openat(dirfd, ".", O_RDONLY | O_CLOEXEC))));

	while (const dirent *entry = readdir(dir)) {
		const std::string name = entry->d_name;

		if (name != "." && name != "..")
			entries.push_back(name);
	}
	closedir(dir);
	std::sort(entries.begin(), entries.end());
	return entries;
}

inline void remove_all(int dirfd)
{
	for (const std::string &name : list(dirfd)) {
		if (!unlinkat(dirfd, name.c_str(), 0))
			continue;
		{
			unique_fd sub(must(or_errno(
				openat(dirfd, name.c_str(),
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC))));

			remove_all(sub);
		}
		must(or_errno(unlinkat(dirfd, name.c_str(), AT_REMOVEDIR)));
	}
}

/*
 * Immutable and append-only as in @flags, all else as it is: without its extents flag
 * ext4 would move the blocks of a file.
 */
inline int change_flags(int fd, int flags)
{
	int all;

	if (ioctl(fd, FS_IOC_GETFLAGS, &all) < 0)
		return -errno;
	all &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
	all |= flags;
	return or_errno(ioctl(fd, FS_IOC_SETFLAGS, &all));
}

/* What @body returns in a child that is @uid, 0 or -errno. */
template <typename F>
inline int as_user(uid_t uid, F body)
{
	child c = start_without_descriptor([&] {
		become(uid);
		return -body();
	});
	const int status = c.wait();

	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/* The disk that has this line in selftests/disks, or nothing. */
inline std::string find_disk(const std::string &serial)
{
	for (char letter = 'a'; letter <= 'z'; letter++) {
		const std::string name = std::string("vd") + letter;
		const std::string file = "/sys/block/" + name + "/serial";

		if (!access(file.c_str(), R_OK) && slurp(file) == serial)
			return "/dev/" + name;
	}
	return "";
}

/* The one that these tests may do with as they like. */
inline std::string flink_disk()
{
	return find_disk("flink");
}

/* A program that says so uses it. */
inline std::string missing_disk()
{
	return flink_disk().empty() ? "no disk with the serial number flink" :
	       !has_program("mkfs.ext4") ? "no program mkfs.ext4" :
					   "";
}

/* Made an ext4 once for each program. */
inline std::string ext4_disk()
{
	static const std::string device = [] {
		const std::string disk = flink_disk();

		must(-run("mkfs.ext4 -q -F -b 1024 " + disk + " 64M"));
		return disk;
	}();

	return device;
}

/* One that is built in is there already. */
inline void modprobe(const std::string &module)
{
	const int ignored = system(("modprobe -q " + module).c_str());

	(void)ignored;
}

/* Debian's kernels have all that the tests use, a small one has not. */
inline bool has_filesystem(const std::string &type)
{
	modprobe(type);
	return slurp("/proc/filesystems").find("\t" + type + "\n") !=
	       std::string::npos;
}

/* Why there is no filesystem of this type, or nothing. */
inline std::string missing_filesystem(const std::string &type)
{
	if (!has_filesystem(type))
		return "no " + type + " in this kernel";
	if ((type == "ext4" || type == "xfs" || type == "btrfs") &&
	    !has_program("mkfs." + type))
		return "no program mkfs." + type;
	return "";
}

#define NEEDS_FILESYSTEM(type)                                              \
	if (const std::string why = missing_filesystem(type); !why.empty()) \
	GTEST_SKIP() << why

/* A mount of its own in a directory of its own; both go with the object. */
class mounted {
public:
	mounted(const char *type, const char *source, const char *options = "",
		unsigned long flags = 0)
	{
		char pattern[] = "/mnt/XXXXXX";

		path = mkdtemp(pattern) ?: "";
		error = or_errno(
			mount(source, path.c_str(), type, flags, options));
		if (error)
			return;
		dir = open_dir(path);
	}
	mounted(mounted &&) = delete;
	~mounted() { EXPECT_OK(unmount()); }

	/* By hand, where the filesystem is looked at afterwards. */
	int unmount()
	{
		int ret = 0;

		dir.reset();
		if (!error)
			ret = or_errno(umount(path.c_str()));
		error = -ENODEV;
		rmdir(path.c_str());
		return ret;
	}

	static unique_fd open_dir(const std::string &path)
	{
		return unique_fd(must(or_errno(open(
			path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	}

	std::string path;
	unique_fd dir;
	int error;
};

/*
 * Each test has an empty filesystem of this type, and must leave no name that
 * it did not make and no inode.
 */
class on_filesystem : public testing::Test {
protected:
	explicit on_filesystem(const char *type, const char *options)
		: fs_(type, type, options), dir(fs_.dir)
	{
		must(fs_.error);
		must(or_errno(fchmod(dir, 0755)));
		free_ = free_inodes();
	}
	~on_filesystem() override
	{
		for (const std::string &name : list(dir))
			EXPECT_FALSE(name.starts_with(".flink")) << name;
		remove_all(dir);
		EXPECT_EQ(free_, free_inodes());
	}

	fsfilcnt_t free_inodes() const
	{
		struct statvfs st;

		must(or_errno(fstatvfs(dir, &st)));
		return st.f_ffree;
	}

	mounted fs_;
	const int dir;

private:
	fsfilcnt_t free_;
};

#endif /* PROCFD_SELFTESTS_FLINK_COMMON_H */
