/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of procfdfs share: a mount of their own, users, files. */
#ifndef PROCFD_SELFTESTS_FS_H
#define PROCFD_SELFTESTS_FS_H

#include <algorithm>
#include <set>
#include <string>

#include <dirent.h>
#include <ftw.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "servant.h"

/* What body() returns in a process of its own; -ETIMEDOUT if it hangs. */
template <typename F>
inline int apart(F body)
{
	int fds[2], result = -EPIPE;

	must(or_errno(pipe2(fds, O_CLOEXEC)));

	unique_fd in(fds[0]), out(fds[1]);
	child c = start_without_descriptor([&] {
		int ret = body();

		return write(out, &ret, sizeof(ret)) == sizeof(ret) ? 0 : 1;
	});

	out.reset();
	if (!poll_for(in, POLLIN, patience_ms()))
		return -ETIMEDOUT;
	must(int(or_errno(read(in, &result, sizeof(result)))));
	/* It exits by itself: its descriptors may be what the test is about. */
	c.wait();
	return result;
}

template <typename F>
inline int as(const user &who, F body)
{
	return apart([&] {
		become(who);
		return body();
	});
}

/* Files by path, with -errno. */

inline int open_path(const std::string &path, int flags, mode_t mode = 0)
{
	return or_errno(open(path.c_str(), flags | O_CLOEXEC, mode));
}

/* Could it be opened? 0 or -errno. */
inline int try_open(const std::string &path, int flags, mode_t mode = 0)
{
	unique_fd fd(open_path(path, flags, mode));

	return std::min(int(fd), 0);
}

/* echo TEXT >PATH, as a shell does it: what write(2) gave, or -errno. */
inline int echo_to(const std::string &path, const std::string &text)
{
	unique_fd fd(open_path(path, O_WRONLY | O_CREAT | O_TRUNC, 0666));

	return fd < 0 ? int(fd) : int(write_to(fd, text + "\n"));
}

inline void write_file(const std::string &path, const std::string &text)
{
	unique_fd fd(must(open_path(path, O_WRONLY | O_CREAT | O_TRUNC, 0666)));

	must(int(write_to(fd, text)));
}

inline struct stat
stat_of(const std::string &path,
	std::source_location where = std::source_location::current())
{
	struct stat st;

	must(or_errno(lstat(path.c_str(), &st)), where);
	return st;
}

inline struct stat
stat_of(int fd, std::source_location where = std::source_location::current())
{
	struct stat st;

	must(or_errno(fstat(fd, &st)), where);
	return st;
}

inline bool exists(const std::string &path)
{
	struct stat st;

	return lstat(path.c_str(), &st) == 0;
}

inline std::int64_t in_ns(const timespec &t)
{
	return std::int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

/* The entries of a directory, without . and .. */
inline std::set<std::string> names_in(const std::string &path)
{
	std::set<std::string> names;
	DIR *dir = opendir(path.c_str());

	must(dir ? 0 : -errno);
	while (dirent *entry = readdir(dir))
		names.insert(entry->d_name);
	closedir(dir);
	names.erase(".");
	names.erase("..");
	return names;
}

/* Everything below it, and not the directory itself. */
inline void remove_below(const std::string &path)
{
	must(or_errno(nftw(
		path.c_str(),
		[](const char *p, const struct stat *, int, FTW *ftw) {
			return ftw->level ? remove(p) : 0;
		},
		16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT)));
}

/*
 * Let the clock that files are stamped with go on, so that a change of time
 * shows. It stands still for a tick of some milliseconds.
 */
inline void next_tick()
{
	const std::uint64_t before = now_ns(CLOCK_REALTIME_COARSE);

	while (now_ns(CLOCK_REALTIME_COARSE) == before)
		sched_yield();
}

/* What a descriptor has to say, whatever its offset; blocks until it does. */
inline std::string
record_of(int fd, std::source_location where = std::source_location::current())
{
	char text[PROCFD_RECORD_MAX + 1];
	int n = must(int(or_errno(pread(fd, text, sizeof(text), 0))), where);

	return std::string(text, std::size_t(n));
}

inline std::string first_line(const std::string &text)
{
	return text.substr(0, text.find('\n'));
}

/* The first line of the record behind a name. */
inline std::string
outcome_of(const std::string &path,
	   std::source_location where = std::source_location::current())
{
	unique_fd fd(must(open_path(path, O_RDONLY), where));

	return first_line(record_of(fd, where));
}

/* Mounts. */

/* What this process mounts is nobody else's business from now on. */
inline void enter_own_mounts()
{
	must(or_errno(unshare(CLONE_NEWNS)));
	must(or_errno(mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr)));
}

/* Be root of a user namespace where only this user is known, for good. */
inline void enter_user_namespace(int more_namespaces = 0)
{
	const std::string uid = std::to_string(geteuid()),
			  gid = std::to_string(getegid());

	/* Who has changed user does not own its files in /proc otherwise. */
	must(or_errno(prctl(PR_SET_DUMPABLE, 1)));
	must(or_errno(unshare(CLONE_NEWUSER | more_namespaces)));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 " + uid + " 1");
	write_file("/proc/self/gid_map", "0 " + gid + " 1");
}

/*
 * All options as they are when none is given. All mounts are of one superblock,
 * which an open device keeps, options and all, over an unmount.
 */
inline const std::string default_options = "uid=0,gid=0,mode=755,max=65536";

inline int mount_names(const std::string &path, const std::string &options = "",
		       unsigned long flags = 0)
{
	return or_errno(mount("procfd", path.c_str(), PROCFD_FS_TYPE, flags,
			      options.c_str()));
}

/* A directory on a tmpfs of its own, where mounts may come and go. */
class scratch_test : public testing::Test {
protected:
	static void SetUpTestSuite()
	{
		static bool once = (enter_own_mounts(), true);

		(void)once;
		umask(022);
	}

	void SetUp() override
	{
		char path[] = "/tmp/procfdfs.XXXXXX";

		must(mkdtemp(path) ? 0 : -errno);
		scratch = path;
		must(or_errno(mount("tmpfs", path, "tmpfs", 0, "mode=755")));
	}

	void TearDown() override
	{
		must(or_errno(chdir("/")));
		must(or_errno(umount2(scratch.c_str(), MNT_DETACH)));
		must(or_errno(rmdir(scratch.c_str())));
	}

	/* Make a directory in there. */
	std::string directory(const std::string &name, mode_t mode = 0755)
	{
		const std::string path = scratch + "/" + name;

		must(or_errno(mkdir(path.c_str(), 0700)));
		must(or_errno(chmod(path.c_str(), mode)));
		return path;
	}

	std::string scratch;
};

/* Settings of the whole system, put back at the end. */
class setting {
public:
	setting(const char *path, const char *value)
		: path_(path), before_(slurp(path))
	{
		write_file(path_, value);
	}
	setting(setting &&) = delete;
	~setting() { write_file(path_, before_); }

private:
	std::string path_, before_;
};

/* An empty procfdfs. */
class names_test : public scratch_test {
protected:
	void SetUp() override
	{
		scratch_test::SetUp();
		names = directory("names");
		must(mount_names(names, default_options));
		dir.reset(must(open_path(names, O_PATH | O_DIRECTORY)));
	}

	void TearDown() override
	{
		dir.reset();
		remove_below(names);
		must(or_errno(umount2(names.c_str(), MNT_DETACH)));
		scratch_test::TearDown();
	}

	std::string at(const std::string &name) const
	{
		return names + "/" + name;
	}

	int link(int fd, const char *name, std::uint32_t flags = 0) const
	{
		return flink(fd, dir, name, flags);
	}

	/* A directory among the names. */
	std::string names_directory(const std::string &name, mode_t mode,
				    const user &owner = root)
	{
		const std::string path = at(name);

		must(or_errno(mkdir(path.c_str(), 0700)));
		must(or_errno(chown(path.c_str(), owner.uid, owner.gid)));
		must(or_errno(chmod(path.c_str(), mode)));
		return path;
	}

	std::string names;
	unique_fd dir;
};

#endif /* PROCFD_SELFTESTS_FS_H */
