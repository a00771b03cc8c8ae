// SPDX-License-Identifier: GPL-2.0-only
// Each allocation and each copy from or to the user fails once, one at a time,
// in every call, until the call gets through unharmed: it fails with ENOMEM or
// EFAULT or succeeds all the same, nothing is half done, and the next call works.
// Needs a kernel with fault injection; what is lost on the way is found by
// kmemleak and by the caches that the module must find empty when it unloads.
#include <optional>

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

#include "fault.h"
#include "flink_common.h"

namespace {

/* A file of proc whose inode cannot be made is ENOENT, so have it made before. */
void keep_in_mind(const std::string &path)
{
	struct stat st;

	must(or_errno(lstat(path.c_str(), &st)));
}

std::size_t open_descriptors()
{
	unique_fd dir(must(or_errno(
		open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));

	return list(dir).size();
}

fsfilcnt_t names_used(int dir)
{
	struct statvfs st;

	must(or_errno(fstatvfs(dir, &st)));
	return st.f_files - st.f_ffree;
}

class faults : public testing::Test {
protected:
	void SetUp() override
	{
		if (access(counter_path, W_OK))
			GTEST_SKIP() << "no fault injection in this kernel";
		allow_faults();
	}

	/*
	 * Do @call with its first chance to fail taken, its second, and so on,
	 * and hand what it gave to @check, which undoes it. Both run without
	 * anything that could fail in the test's own name.
	 */
	template <typename Call, typename Check>
	void each(Call call, Check check)
	{
		const chance mine;
		const std::size_t descriptors = open_descriptors();

		for (unsigned nth = 1; nth < too_many; nth++) {
			mine.set(nth);
			const int ret = call();
			const bool taken = mine.taken();

			EXPECT_TRUE(ret >= 0 || (taken && (ret == -ENOMEM ||
							   ret == -EFAULT)))
				<< "fault " << nth << ": " << name_of(ret);
			check(ret);
			EXPECT_EQ(descriptors, open_descriptors())
				<< "fault " << nth;
			if (HasFailure() || !taken) {
				count = nth - 1;
				printf("# %u faults\n", count);
				return;
			}
		}
		FAIL() << "no end of faults";
	}

	/* How many there were. */
	unsigned count = 0;
};

/* The first superblock of all: before anything here opens the device. */

class faults_first : public faults {
protected:
	void SetUp() override
	{
		faults::SetUp();
		if (IsSkipped())
			return;
		ASSERT_EQ("0\n", slurp("/sys/module/procfd/refcnt"))
			<< "somebody uses the module, so nothing is the first";
	}
};

std::string options_of(const std::string &path)
{
	const std::string mounts = slurp("/proc/self/mounts");
	const std::size_t at = mounts.find(" " + path + " ");

	return at == std::string::npos ?
		       "" :
		       mounts.substr(at, mounts.find('\n', at) - at);
}

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

TEST_F(faults_first, open_of_the_device)
{
	each([] { return or_errno(open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC)); },
	     [](int ret) {
		     if (ret >= 0) {
			     procfd_query q;

			     EXPECT_OK(ioc(ret, PROCFD_IOC_QUERY, &q));
			     close(ret);
		     }
		     EXPECT_EQ("0\n", slurp("/sys/module/procfd/refcnt"));
	     });
	EXPECT_LT(3u, count);
}

/* The device. */

TEST_F(faults, query)
{
	procfd_query q;

	device();
	each([&] { return ioc(device(), PROCFD_IOC_QUERY, &q); }, [](int) {});
	EXPECT_EQ(1u, count);
	EXPECT_EQ(std::uint32_t(PROCFD_ABI), q.abi);
}

class faults_announce : public faults,
			public testing::WithParamInterface<std::uint32_t> {};

TEST_P(faults_announce, fork)
{
	device();
	each([] { return announce(GetParam()); },
	     [](int ret) {
		     if (ret < 0) {
			     EXPECT_ERROR(ENOENT, cancel());
			     return;
		     }
		     unique_fd fd(ret);

		     EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND),
			       info_of(fd).state);
		     EXPECT_OK(cancel());
	     });
	/* The argument, the process, the inode, the dentry and the file. */
	EXPECT_LE(5u, count);
	EXPECT_EQ(0, start([] { return 0; }, GetParam()).wait());
}

/* A fork that fails leaves the announcement, and one that succeeds binds it. */
TEST_P(faults_announce, the_fork_itself)
{
	unique_fd fd;

	device();
	const chance mine;
	for (unsigned nth = 1;; nth++) {
		ASSERT_GT(too_many, nth);
		fd.reset(must(announce(GetParam())));
		mine.set(nth);
		const pid_t pid = or_errno(::fork());
		if (!pid)
			_exit(7);
		const bool taken = mine.taken();

		if (pid < 0) {
			ASSERT_TRUE(taken);
			/* EAGAIN is what fork(2) says of some allocations. */
			EXPECT_TRUE(pid == -ENOMEM || pid == -EAGAIN)
				<< name_of(pid);
			ASSERT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND),
				  info_of(fd).state);
			ASSERT_OK(cancel());
			continue;
		}
		procfd_info info;

		ASSERT_OK(get_info(fd, &info, PROCFD_INFO_WAIT,
				   PROCFD_DEADLINE_NONE));
		EXPECT_EQ(pid, info.pid);
		EXPECT_EQ(7 << 8, info.status);
		EXPECT_EQ(7 << 8, wait_for(pid));
		EXPECT_ERROR(ENOENT, cancel());
		if (!taken) {
			printf("# %u faults\n", nth - 1);
			break;
		}
	}
}

INSTANTIATE_TEST_SUITE_P(, faults_announce,
			 testing::Values(0, PROCFD_KILL_ON_CLOSE, PROCFD_QUIET),
			 [](const auto &info) {
				 return std::string(info.param == 0 ?
							    "plain" :
						    info.param == PROCFD_QUIET ?
							    "quiet" :
							    "kill_on_close");
			 });

TEST_F(faults, cancel_has_none)
{
	unique_fd fd(must(announce()));

	each([] { return cancel(); }, [](int ret) { EXPECT_OK(ret); });
	EXPECT_EQ(0u, count);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), info_of(fd).state);
}

TEST_F(faults, open_of_a_process)
{
	child running = start_without_descriptor(sleep_for_ever);
	child zombie = start_without_descriptor([] { return 3; });

	wait_for_zombie(zombie.pid);
	device();
	for (const child *c : {&running, &zombie}) {
		each([&] { return open_process(c->pid); },
		     [&](int ret) {
			     if (ret < 0)
				     return;
			     unique_fd fd(ret);

			     EXPECT_EQ(c->pid, info_of(fd).pid);
			     EXPECT_EQ(c == &zombie ? 3 << 8 : 0,
				       info_of(fd).status);
		     });
		EXPECT_LE(5u, count);
	}
}

/* A descriptor. */

TEST_F(faults, info)
{
	child running = start_sleeper(), zombie = start_zombie(5);
	procfd_info info;

	each([&] { return get_info(running.fd, &info); }, [](int) {});
	EXPECT_EQ(2u, count);
	EXPECT_EQ(running.pid, info.pid);
	each(
		[&] {
			return get_info(zombie.fd, &info, PROCFD_INFO_WAIT,
					PROCFD_DEADLINE_NONE);
		},
		[](int) {});
	EXPECT_EQ(2u, count);
	EXPECT_EQ(5 << 8, info.status);
}

TEST_F(faults, set_kill_on_close)
{
	child c = start_sleeper();
	std::uint32_t on = 0;

	each(
		[&] {
			on = !on;
			return set_kill_on_close(c.fd, on);
		},
		[&](int ret) {
			const bool is = info_of(c.fd).attributes &
					PROCFD_ATTR_KILL_ON_CLOSE;

			EXPECT_EQ(ret ? !on : on, is);
		});
	EXPECT_OK(set_kill_on_close(c.fd, 0));
}

/* A kill that cannot have a queue entry is a kill. */
TEST_F(faults, the_kill_on_close)
{
	const chance mine;
	bool taken = true;

	for (unsigned nth = 1; taken; nth++) {
		ASSERT_GT(too_many, nth);
		child c = start_sleeper(PROCFD_KILL_ON_CLOSE);
		const int fd = c.fd.release();

		mine.set(nth);
		EXPECT_EQ(0, close(fd));
		taken = mine.taken();
		EXPECT_EQ(SIGKILL, c.wait());
	}
}

TEST_F(faults, read)
{
	child c = start_zombie(6);
	char text[PROCFD_RECORD_MAX];
	const std::string whole =
		slurp("/proc/self/fd/" + std::to_string(c.fd));

	each([&] { return int(or_errno(::read(c.fd, text, sizeof(text)))); },
	     [&](int ret) {
		     /* A read that failed has taken nothing. */
		     EXPECT_EQ(ret < 0 ? 0 : ret, lseek(c.fd, 0, SEEK_CUR));
		     EXPECT_EQ(ret < 0 ? "" : whole,
			       std::string(text,
					   std::size_t(std::max(ret, 0))));
		     must(int(or_errno(lseek(c.fd, 0, SEEK_SET))));
	     });
	EXPECT_EQ(1u, count);
}

/* All signals of a write are sent, or none is. */
TEST_F(faults, write)
{
	unique_fd self(must(open_process(0)));
	/* The longer one does not fit into what needs no allocation. */
	const std::string few = "USR1 USR2 RTMIN",
			  many = few + std::string(100, '\n');
	sigset_t set, got;

	sigemptyset(&set);
	for (int sig : {SIGUSR1, SIGUSR2, 34})
		sigaddset(&set, sig);
	must(or_errno(sigprocmask(SIG_BLOCK, &set, nullptr)));
	for (const std::string &text : {few, many}) {
		each(
			[&] {
				return int(or_errno(::write(self, text.data(),
							    text.size())));
			},
			[&](int ret) {
				EXPECT_EQ(ret < 0 ? ret : int(text.size()),
					  ret);
				sigpending(&got);
				for (int sig : {SIGUSR1, SIGUSR2, 34}) {
					const timespec now{};

					EXPECT_EQ(ret > 0,
						  sigismember(&got, sig) == 1)
						<< sig;
					while (sigtimedwait(&set, nullptr,
							    &now) > 0)
						;
				}
			});
		/* The copy and one for each signal. */
		EXPECT_LE(&text == &few ? 1u : 2u, count);
	}
	must(or_errno(sigprocmask(SIG_UNBLOCK, &set, nullptr)));
}

TEST_F(faults, poll)
{
	child running = start_sleeper(), zombie = start_zombie();
	pollfd p[] = {{running.fd, POLLIN | POLLOUT, 0},
		      {zombie.fd, POLLIN | POLLOUT, 0}};

	each([&] { return or_errno(::poll(p, 2, 0)); },
	     [&](int ret) {
		     if (ret < 0)
			     return;
		     EXPECT_EQ(2, ret);
		     EXPECT_EQ(POLLOUT, p[0].revents);
		     EXPECT_EQ(POLLIN | POLLHUP, p[1].revents);
	     });
	EXPECT_LE(1u, count);
}

TEST_F(faults, epoll)
{
	child c = start_sleeper();
	unique_fd ep(must(or_errno(epoll_create1(EPOLL_CLOEXEC))));
	epoll_event event{EPOLLIN, {}};

	each(
		[&] {
			return or_errno(
				epoll_ctl(ep, EPOLL_CTL_ADD, c.fd, &event));
		},
		[&](int ret) {
			EXPECT_ERROR(ret ? ENOENT : 0,
				     or_errno(epoll_ctl(ep, EPOLL_CTL_DEL, c.fd,
							nullptr)));
		});
	EXPECT_LE(2u, count);
	must(or_errno(epoll_ctl(ep, EPOLL_CTL_ADD, c.fd, &event)));
	kill(c.pid, SIGKILL);
	EXPECT_EQ(1, epoll_wait(ep, &event, 1, patience_ms()));
}

TEST_F(faults, fdinfo)
{
	child c = start_zombie();
	const std::string path = "/proc/self/fdinfo/" + std::to_string(c.fd);
	char text[4096];
	int size = -1;

	keep_in_mind(path);
	each(
		[&] {
			unique_fd fd(or_errno(
				open(path.c_str(), O_RDONLY | O_CLOEXEC)));
			if (fd < 0)
				return int(fd);
			return size = int(or_errno(
				       ::read(fd, text, sizeof(text))));
		},
		[&](int) {});
	EXPECT_LE(3u, count);
	EXPECT_NE(
		std::string::npos,
		std::string(text, std::size_t(size)).find("procfd_status:\t0"));
}

TEST_F(faults, readlink)
{
	child c = start_sleeper();
	const std::string path = "/proc/self/fd/" + std::to_string(c.fd);
	char text[64];
	int size = -1;

	keep_in_mind(path);
	each(
		[&] {
			return size = int(or_errno(::readlink(
				       path.c_str(), text, sizeof(text))));
		},
		[](int) {});
	EXPECT_LE(2u, count);
	EXPECT_EQ("procfd:[" + std::to_string(info_of(c.fd).id) + "]",
		  std::string(text, std::size_t(size)));
}

/* Names. */

class faults_names : public faults {
protected:
	void SetUp() override
	{
		faults::SetUp();
		if (IsSkipped())
			return;
		device();
		fs.emplace(PROCFD_FS_TYPE, "procfd",
			   "uid=0,gid=0,mode=755,max=65536");
		must(fs->error);
		dir = fs->dir;
		used = names_used(dir);
		ASSERT_TRUE(list(dir).empty());
	}
	void TearDown() override
	{
		if (!fs)
			return;
		remove_all(dir);
		EXPECT_EQ(used, names_used(dir));
	}

	std::string at(const char *name) const { return fs->path + "/" + name; }
	/* What is there, and that no more is counted. */
	void holds(const std::vector<std::string> &names) const
	{
		EXPECT_EQ(names, list(dir));
		EXPECT_EQ(used + names.size(), names_used(dir));
	}

	std::optional<mounted> fs;
	int dir = -1;
	fsfilcnt_t used = 0;
};

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

/*
 * What watches a name is told of the exit even if the worker that tells has no
 * memory for the list of names. The worker is any of the kernel's.
 */
TEST_F(faults_names, the_work_after_an_exit)
{
	unique_fd watch(must(or_errno(inotify_init1(IN_CLOEXEC))));
	std::vector<unique_fd> workers;

	/* They come and go as the kernel sees fit. */
	for (const std::string &pid : list(mounted::open_dir("/proc"))) {
		const std::string path = "/proc/" + pid;
		unique_fd comm(
			open((path + "/comm").c_str(), O_RDONLY | O_CLOEXEC));
		char name[16] = {};

		if (comm < 0 || ::read(comm, name, sizeof(name) - 1) < 0 ||
		    !std::string(name).starts_with("kworker/u"))
			continue;
		unique_fd fd(
			open((path + "/fail-nth").c_str(), O_RDWR | O_CLOEXEC));
		if (fd >= 0)
			workers.push_back(std::move(fd));
	}
	ASSERT_FALSE(workers.empty());
	const auto all_fail_at = [&](unsigned nth) {
		for (const unique_fd &worker : workers) {
			const ssize_t ret =
				write_to(worker, std::to_string(nth));

			EXPECT_TRUE(ret > 0 || ret == -ESRCH);
		}
	};

	for (unsigned nth = 1; nth <= 3; nth++) {
		child c = start_sleeper();
		char events[4096];

		must(flink(c.fd, dir, "name"));
		must(or_errno(inotify_add_watch(watch, at("name").c_str(),
						IN_ATTRIB)));
		all_fail_at(nth);
		kill(c.pid, SIGKILL);
		EXPECT_EQ(POLLIN, poll_for(watch, POLLIN, patience_ms()));
		all_fail_at(0);
		EXPECT_LT(0, ::read(watch, events, sizeof(events)));
		must(or_errno(unlink(at("name").c_str())));
		EXPECT_EQ(SIGKILL, c.wait());
	}
}

/* flink and frename. */

struct target {
	const char *name;
	const char *type;
	std::uint32_t flags;
	enum source { process, named, unlinked, tmpfile } source;
};

class faults_flink : public faults, public testing::WithParamInterface<target> {
protected:
	void SetUp() override
	{
		std::string device_path = "none";

		faults::SetUp();
		if (IsSkipped())
			return;
		device();
		if (GetParam().type == std::string("ext4")) {
			device_path = disk("flink");
			must(-run("mkfs.ext4 -q -F " + device_path));
		}
		fs.emplace(GetParam().type, device_path.c_str());
		must(fs->error);
		must(or_errno(mkdirat(fs->dir, "d", 0755)));
		must(or_errno(mkdirat(fs->dir, "elsewhere", 0755)));
		dir = mounted::open_dir(fs->path + "/d");
		elsewhere = mounted::open_dir(fs->path + "/elsewhere");
	}
	void TearDown() override
	{
		if (!fs)
			return;
		dir.reset();
		elsewhere.reset();
		remove_all(fs->dir);
	}

	unique_fd source() const
	{
		switch (GetParam().source) {
		case target::process:
			return unique_fd(must(open_process(0)));
		case target::named:
			return make_file(elsewhere, "source", "new");
		case target::unlinked:
			return make_unlinked(elsewhere, "new");
		default:
			return make_tmpfile(elsewhere, "new");
		}
	}
	/* What is to be replaced; for REPLACE_DEAD one that is. */
	void make_target() const
	{
		if (GetParam().source != target::process)
			make_file(dir, "name", "old");
		else if (GetParam().flags == PROCFD_LINK_REPLACE_DEAD)
			must(flink(start([] { return 0; }).fd, dir, "name"));
		else
			must(flink(start_sleeper().fd, dir, "name"));
	}
	fsfilcnt_t free_inodes() const
	{
		struct statvfs st;

		must(or_errno(fstatvfs(dir, &st)));
		return st.f_ffree;
	}

	std::optional<mounted> fs;
	unique_fd dir, elsewhere;
};

TEST_P(faults_flink, it)
{
	const target &how = GetParam();
	const bool replaces =
		how.flags & (PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD);
	unique_fd fd = source();
	const nlink_t links = stat_of(fd).st_nlink;
	ino_t old = 0;
	unsigned done_yet_failed = 0;

	const auto ino_of_target = [&] {
		return replaces ? stat_at(dir, "name").st_ino : 0;
	};
	const auto prepare = [&] {
		if (replaces)
			make_target();
		old = ino_of_target();
	};

	prepare();
	fsfilcnt_t free_before = free_inodes();
	each([&] { return flink(fd, dir, "name", how.flags); },
	     [&](int ret) {
		     const std::vector<std::string> now = list(dir);
		     /*
		      * The last thing that a durable one does is to flush the
		      * directory; what it says then is that it may not last.
		      */
		     const bool done =
			     exists(dir, "name") && names(dir, "name", fd);

		     if (ret && done && how.flags & PROCFD_LINK_DURABLE) {
			     done_yet_failed++;
			     ret = 0;
		     }
		     if (ret) {
			     EXPECT_EQ(std::vector<std::string>(
					       replaces ? 1 : 0, "name"),
				       now);
			     EXPECT_EQ(old, ino_of_target());
			     EXPECT_EQ(links, stat_of(fd).st_nlink);
			     EXPECT_EQ(free_before, free_inodes());
			     return;
		     }
		     EXPECT_EQ(std::vector<std::string>{"name"}, now);
		     EXPECT_TRUE(done);
		     EXPECT_EQ(links + 1, stat_of(fd).st_nlink);
		     /* A new one: it has lost what O_TMPFILE gave it. */
		     must(or_errno(unlinkat(dir, "name", 0)));
		     if (how.source == target::named)
			     must(or_errno(unlinkat(elsewhere, "source", 0)));
		     fd = source();
		     prepare();
		     free_before = free_inodes();
	     });
	/* The argument, the name's memory, the name, the dentry. */
	EXPECT_LE(4u, count);
	if (done_yet_failed)
		printf("# named, and the flush failed: %u\n", done_yet_failed);
	if (replaces)
		must(or_errno(unlinkat(dir, "name", 0)));
	EXPECT_OK(flink(fd, dir, "name", how.flags));
	must(or_errno(unlinkat(dir, "name", 0)));
}

INSTANTIATE_TEST_SUITE_P(
	, faults_flink,
	testing::Values(target{"a_process", PROCFD_FS_TYPE, 0, target::process},
			target{"a_process_replacing", PROCFD_FS_TYPE,
			       PROCFD_LINK_REPLACE, target::process},
			target{"a_process_replacing_the_dead", PROCFD_FS_TYPE,
			       PROCFD_LINK_REPLACE_DEAD, target::process},
			target{"tmpfs_named", "tmpfs", 0, target::named},
			target{"tmpfs_unlinked", "tmpfs", 0, target::unlinked},
			target{"tmpfs_tmpfile", "tmpfs", 0, target::tmpfile},
			target{"tmpfs_named_replacing", "tmpfs",
			       PROCFD_LINK_REPLACE, target::named},
			target{"tmpfs_unlinked_replacing", "tmpfs",
			       PROCFD_LINK_REPLACE, target::unlinked},
			target{"tmpfs_tmpfile_replacing_durably", "tmpfs",
			       PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE,
			       target::tmpfile},
			target{"ext4_named", "ext4", 0, target::named},
			target{"ext4_unlinked", "ext4", 0, target::unlinked},
			target{"ext4_tmpfile_durably", "ext4",
			       PROCFD_LINK_DURABLE, target::tmpfile},
			target{"ext4_unlinked_replacing_durably", "ext4",
			       PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE,
			       target::unlinked},
			target{"ext4_tmpfile_replacing", "ext4",
			       PROCFD_LINK_REPLACE, target::tmpfile}),
	[](const auto &info) { return std::string(info.param.name); });

} // namespace
