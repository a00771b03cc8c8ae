// SPDX-License-Identifier: GPL-2.0-only
// As fault_test: each allocation and each copy fails once, here in what is done to
// the names of procfdfs and its directories.
#include <sys/inotify.h>
#include <sys/vfs.h>

#include "fault.h"

namespace {

/* Names come from flink only. */
TEST_F(faults_names, open_that_would_create)
{
	child c = start_sleeper();
	const std::string name = at("name"), other = at("other");
	const auto nothing_new = [&](int) { holds({"name"}); };

	must(flink(c.fd, dir, "name"));
	for (int flags : {0, O_EXCL, O_TRUNC}) {
		each(
			[&] {
				return or_errno(open(other.c_str(),
						     O_WRONLY | O_CREAT |
							     O_CLOEXEC | flags,
						     0644));
			},
			nothing_new, EPERM);
		EXPECT_LE(2u, count);
	}
	each(
		[&] {
			return or_errno(open(
				name.c_str(),
				O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
		},
		nothing_new, EEXIST);
	EXPECT_LE(2u, count);
	each(
		[&] {
			return or_errno(open(name.c_str(),
					     O_RDWR | O_CREAT | O_CLOEXEC,
					     0644));
		},
		[&](int ret) {
			if (ret >= 0) {
				EXPECT_TRUE(names(dir, "name", unique_fd(ret)));
			}
			holds({"name"});
		});
	EXPECT_LE(2u, count);
}

TEST_F(faults_names, open_by_name)
{
	child c = start_sleeper();
	const std::string path = at("name");

	must(flink(c.fd, dir, "name"));
	for (int flags : {O_RDONLY, O_WRONLY | O_TRUNC, O_RDWR, O_PATH}) {
		each(
			[&] {
				return or_errno(
					open(path.c_str(), flags | O_CLOEXEC));
			},
			[&](int ret) {
				if (ret < 0)
					return;
				unique_fd fd(ret);

				EXPECT_TRUE(names(dir, "name", fd));
			});
		EXPECT_LE(2u, count);
	}
	holds({"name"});
}

/* An open that failed is not open: nothing keeps the process from its end. */
TEST_F(faults_names, open_that_fails_does_not_count_as_open)
{
	child c = start_sleeper();
	const std::string path = "/proc/self/fd/" + std::to_string(c.fd);

	keep_in_mind(path);
	each([&] { return or_errno(open(path.c_str(), O_RDWR | O_CLOEXEC)); },
	     [&](int ret) {
		     if (ret >= 0)
			     close(ret);
	     });
	must(set_kill_on_close(c.fd, 1));
	c.fd.reset();
	EXPECT_EQ(SIGKILL, c.wait());
}

TEST_F(faults_names, stat)
{
	child c = start_zombie();
	const std::string path = at("name");
	struct stat st;
	struct statfs stfs;

	must(flink(c.fd, dir, "name"));
	each([&] { return or_errno(::stat(path.c_str(), &st)); }, [](int) {});
	EXPECT_LE(2u, count);
	EXPECT_LT(0, st.st_size);
	each([&] { return or_errno(::statfs(path.c_str(), &stfs)); },
	     [](int) {});
	EXPECT_LE(2u, count);
	EXPECT_EQ(PROCFD_FS_MAGIC, stfs.f_type);
}

TEST_F(faults_names, setattr)
{
	child c = start_sleeper();
	const std::string path = at("name");
	const timespec times[2] = {{77, 0}, {88, 0}};

	must(flink(c.fd, dir, "name"));
	each([&] { return or_errno(chmod(path.c_str(), 0640)); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 0600u : 0640u,
			       stat_of(c.fd).st_mode & 07777);
		     must(or_errno(fchmod(c.fd, 0600)));
	     });
	EXPECT_LE(1u, count);
	each([&] { return or_errno(chown(path.c_str(), alice, bob)); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 0 : alice, stat_of(c.fd).st_uid);
		     EXPECT_EQ(ret ? 0 : bob, stat_of(c.fd).st_gid);
		     must(or_errno(fchown(c.fd, 0, 0)));
	     });
	EXPECT_LE(1u, count);
	each(
		[&] {
			return or_errno(
				utimensat(AT_FDCWD, path.c_str(), times, 0));
		},
		[](int) {});
	EXPECT_LE(1u, count);
	EXPECT_EQ(88, stat_of(c.fd).st_mtime);
}

TEST_F(faults_names, stat_and_setattr_of_a_directory)
{
	const timespec times[2] = {{77, 0}, {88, 0}};
	struct stat st;

	must(or_errno(mkdir(at("d").c_str(), 0755)));
	for (const std::string &path : {fs->path, at("d")}) {
		unique_fd fd = mounted::open_dir(path);

		each([&] { return or_errno(::stat(path.c_str(), &st)); },
		     [&](int ret) {
			     EXPECT_TRUE(ret ||
					 st.st_ino == stat_of(fd).st_ino);
		     });
		EXPECT_LE(2u, count);
		each([&] { return or_errno(chmod(path.c_str(), 0700)); },
		     [&](int ret) {
			     EXPECT_EQ(S_IFDIR | (ret ? 0755u : 0700u),
				       stat_of(fd).st_mode);
			     must(or_errno(fchmod(fd, 0755)));
		     });
		EXPECT_LE(1u, count);
		each([&] { return or_errno(chown(path.c_str(), alice, bob)); },
		     [&](int ret) {
			     EXPECT_EQ(ret ? 0 : alice, stat_of(fd).st_uid);
			     EXPECT_EQ(ret ? 0 : bob, stat_of(fd).st_gid);
			     must(or_errno(fchown(fd, 0, 0)));
		     });
		EXPECT_LE(1u, count);
		each(
			[&] {
				return or_errno(utimensat(
					AT_FDCWD, path.c_str(), times, 0));
			},
			[&](int ret) {
				EXPECT_EQ(ret == 0, stat_of(fd).st_mtime == 88);
				must(or_errno(futimens(fd, nullptr)));
			});
		EXPECT_LE(1u, count);
	}
	holds({"d"});
}

TEST_F(faults_names, getdents)
{
	child c = start_sleeper();
	char bytes[4096];

	must(flink(c.fd, dir, "a"));
	must(flink(c.fd, dir, "b"));
	must(or_errno(mkdir(at("d").c_str(), 0755)));
	each(
		[&] {
			unique_fd fd(or_errno(
				open(fs->path.c_str(),
				     O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
			int ret = fd, size = 0;

			while (ret >= 0) {
				ret = int(or_errno(getdents64(
					fd, bytes + size,
					sizeof(bytes) - std::size_t(size))));
				if (ret == 0)
					return size;
				size += std::max(ret, 0);
			}
			return ret;
		},
		[&](int size) {
			std::vector<std::string> entries;
			const dirent64 *entry;

			if (size < 0)
				return;
			for (int at = 0; at < size; at += entry->d_reclen) {
				entry = reinterpret_cast<dirent64 *>(bytes +
								     at);
				entries.push_back(entry->d_name);
			}
			std::sort(entries.begin(), entries.end());
			EXPECT_EQ((std::vector<std::string>{".", "..", "a", "b",
							    "d"}),
				  entries);
		});
	/* The path, the file, the cursor. */
	EXPECT_LE(3u, count);
}

TEST_F(faults_names, mkdir_and_rmdir)
{
	const std::string path = at("d");

	each([&] { return or_errno(mkdir(path.c_str(), 0755)); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 2u : 3u, stat_of(dir).st_nlink);
		     if (ret) {
			     holds({});
			     return;
		     }
		     holds({"d"});
		     must(or_errno(rmdir(path.c_str())));
	     });
	/* The path, the dentry, the inode. */
	EXPECT_LE(3u, count);
	must(or_errno(mkdir(path.c_str(), 0755)));
	each([&] { return or_errno(rmdir(path.c_str())); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 3u : 2u, stat_of(dir).st_nlink);
		     if (ret) {
			     holds({"d"});
			     return;
		     }
		     holds({});
		     must(or_errno(mkdir(path.c_str(), 0755)));
	     });
	EXPECT_LE(1u, count);
}

TEST_F(faults_names, link_rename_and_unlink)
{
	child c = start_sleeper();
	const std::string a = at("a"), b = at("b");

	must(flink(c.fd, dir, "a"));
	each([&] { return or_errno(link(a.c_str(), b.c_str())); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 1u : 2u, stat_of(c.fd).st_nlink);
		     if (ret) {
			     holds({"a"});
			     return;
		     }
		     holds({"a", "b"});
		     must(or_errno(unlink(b.c_str())));
	     });
	EXPECT_LE(3u, count);
	each([&] { return or_errno(rename(a.c_str(), b.c_str())); },
	     [&](int ret) {
		     holds({ret ? "a" : "b"});
		     if (!ret)
			     must(or_errno(rename(b.c_str(), a.c_str())));
	     });
	EXPECT_LE(3u, count);

	/* Over another. */
	child d = start_sleeper();

	must(flink(d.fd, dir, "b"));
	each([&] { return or_errno(rename(a.c_str(), b.c_str())); },
	     [&](int ret) {
		     if (ret) {
			     holds({"a", "b"});
			     EXPECT_TRUE(names(dir, "b", d.fd));
			     return;
		     }
		     holds({"b"});
		     EXPECT_TRUE(names(dir, "b", c.fd));
		     EXPECT_EQ(0u, stat_of(d.fd).st_nlink);
		     must(or_errno(rename(b.c_str(), a.c_str())));
		     must(flink(d.fd, dir, "b"));
	     });
	EXPECT_LE(3u, count);
	each([&] { return or_errno(unlink(a.c_str())); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 1u : 0u, stat_of(c.fd).st_nlink);
		     if (ret)
			     holds({"a", "b"});
		     else
			     holds({"b"});
		     if (!ret)
			     must(flink(c.fd, dir, "a"));
	     });
	EXPECT_LE(1u, count);
}

TEST_F(faults_names, rename_that_must_not_replace)
{
	child c = start_sleeper(), d = start_sleeper();
	const std::string a = at("a"), b = at("b"), n = at("n");

	must(flink(c.fd, dir, "a"));
	must(flink(d.fd, dir, "b"));
	each(
		[&] {
			return or_errno(renameat2(AT_FDCWD, a.c_str(), AT_FDCWD,
						  b.c_str(), RENAME_NOREPLACE));
		},
		[&](int) {
			holds({"a", "b"});
			EXPECT_TRUE(names(dir, "a", c.fd));
			EXPECT_TRUE(names(dir, "b", d.fd));
		},
		EEXIST);
	EXPECT_LE(3u, count);
	each(
		[&] {
			return or_errno(renameat2(AT_FDCWD, a.c_str(), AT_FDCWD,
						  n.c_str(), RENAME_NOREPLACE));
		},
		[&](int ret) {
			if (ret) {
				holds({"a", "b"});
				return;
			}
			holds({"b", "n"});
			EXPECT_TRUE(names(dir, "n", c.fd));
			must(or_errno(rename(n.c_str(), a.c_str())));
		});
	EXPECT_LE(3u, count);
}

/* A name for another, and one for a directory that is elsewhere. */
TEST_F(faults_names, exchange)
{
	child c = start_sleeper(), d = start_sleeper();
	const std::string a = at("a"), b = at("b"), sub = at("d/sub");
	const auto swap = [&](const std::string &with) {
		return or_errno(renameat2(AT_FDCWD, a.c_str(), AT_FDCWD,
					  with.c_str(), RENAME_EXCHANGE));
	};

	must(flink(c.fd, dir, "a"));
	must(flink(d.fd, dir, "b"));
	each([&] { return swap(b); },
	     [&](int ret) {
		     holds({"a", "b"});
		     EXPECT_TRUE(names(dir, "a", ret ? c.fd : d.fd));
		     EXPECT_TRUE(names(dir, "b", ret ? d.fd : c.fd));
		     if (!ret)
			     must(swap(b));
	     });
	EXPECT_LE(3u, count);

	must(or_errno(mkdir(at("d").c_str(), 0755)));
	must(or_errno(mkdir(sub.c_str(), 0755)));

	unique_fd parent = mounted::open_dir(at("d")),
		  moved = mounted::open_dir(sub);

	each([&] { return swap(sub); },
	     [&](int ret) {
		     EXPECT_EQ((std::vector<std::string>{"a", "b", "d"}),
			       list(dir));
		     EXPECT_EQ(std::vector<std::string>{"sub"}, list(parent));
		     EXPECT_EQ(used + 4, names_used(dir));
		     EXPECT_TRUE(names(dir, "a", ret ? c.fd : moved));
		     EXPECT_TRUE(names(parent, "sub", ret ? moved : c.fd));
		     EXPECT_EQ(ret ? 3u : 4u, stat_of(dir).st_nlink);
		     EXPECT_EQ(ret ? 3u : 2u, stat_of(parent).st_nlink);
		     if (!ret)
			     must(swap(sub));
	     });
	EXPECT_LE(3u, count);
}

/* The workers of the kernel, and how many chances to fail they have had. */

class workers {
public:
	/* They come and go as the kernel sees fit. */
	void set(unsigned nth)
	{
		all_.clear();
		for (const std::string &pid :
		     list(mounted::open_dir("/proc"))) {
			const std::string path = "/proc/" + pid;

			if (!name_at(path).starts_with("kworker/u"))
				continue;
			unique_fd fd(open((path + "/fail-nth").c_str(),
					  O_RDWR | O_CLOEXEC));
			if (fd >= 0 && write_to(fd, std::to_string(nth)) > 0)
				all_.push_back({path, std::move(fd)});
		}
		nth_ = nth;
	}
	/* None of them fails any more. */
	void unset() const
	{
		for (const worker &w : all_) {
			const ssize_t ret = write_to(w.counter, "0");

			EXPECT_TRUE(ret > 0 || ret == -ESRCH);
		}
	}

	enum answer { not_seen, not_taken, taken };

	/*
	 * Has the one that worked for the module, and has stopped to, taken its
	 * chance? A worker is called after what it did last, and a counter
	 * that has not moved is not of the one.
	 */
	answer had() const
	{
		answer ret = not_seen;

		for (const worker &w : all_) {
			std::string name;
			char text[16] = {};

			eventually([&] {
				name = name_at(w.path);
				return !name.ends_with("+procfd");
			});
			if (!name.ends_with("-procfd") ||
			    pread(w.counter, text, sizeof(text) - 1, 0) <= 0)
				continue;
			const unsigned left = unsigned(atoi(text));

			if (left == 0)
				return taken;
			if (left < nth_)
				ret = not_taken;
		}
		return ret;
	}

private:
	struct worker {
		std::string path;
		unique_fd counter;
	};

	/* A process that has gone has none. */
	static std::string name_at(const std::string &path)
	{
		unique_fd comm(
			open((path + "/comm").c_str(), O_RDONLY | O_CLOEXEC));
		char name[64] = {};

		if (comm < 0 || ::read(comm, name, sizeof(name) - 1) <= 0)
			return "";
		return std::string(name, strcspn(name, "\n"));
	}

	std::vector<worker> all_;
	unsigned nth_ = 0;
};

/*
 * What watches a name is told of the exit even if the worker that tells has no
 * memory for the list of names. The worker is any of the kernel's, and one that
 * was made meanwhile is not asked to fail: then it is done again.
 */
TEST_F(faults_names, the_work_after_an_exit)
{
	unique_fd watch(must(or_errno(inotify_init1(IN_CLOEXEC))));
	workers kernels;
	unsigned again = 0;

	for (unsigned nth = 1;; nth++) {
		ASSERT_GT(too_many, nth + again);

		child c = start_sleeper();
		char events[4096];

		must(flink(c.fd, dir, "name"));
		must(or_errno(inotify_add_watch(watch, at("name").c_str(),
						IN_ATTRIB)));
		kernels.set(nth);
		kill(c.pid, SIGKILL);
		EXPECT_EQ(POLLIN, poll_for(watch, POLLIN, patience_ms()));

		const workers::answer answer = kernels.had();

		kernels.unset();
		EXPECT_LT(0, ::read(watch, events, sizeof(events)));
		must(or_errno(unlink(at("name").c_str())));
		EXPECT_EQ(SIGKILL, c.wait());
		if (answer == workers::not_taken || HasFailure()) {
			count = nth - 1;
			break;
		}
		if (answer == workers::not_seen) {
			again++;
			nth--;
		}
	}
	printf("# %u faults, and %u times it was another worker\n", count,
	       again);
	/* The list of names, and the event. */
	EXPECT_LE(2u, count);
}

} // namespace
