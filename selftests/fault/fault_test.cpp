// SPDX-License-Identifier: GPL-2.0-only
// Each allocation and each copy from or to the user fails once, one at a time,
// in every call, until the call gets through unharmed: it fails with ENOMEM or
// EFAULT or succeeds all the same, nothing is half done, and the next call works.
// Needs a kernel with fault injection; what is lost on the way is found by
// kmemleak and by the caches that the module must find empty when it unloads.
// fault_fork_test, fault_mount_test and fault_fs_test do the same to other calls.
#include <sys/epoll.h>
#include <sys/mman.h>

#include "fault.h"

namespace {

const need a_disk(missing_disk);

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

/* A process that exits with 7 once the test sleeps in system call @nr. */
struct awaited {
	explicit awaited(long nr)
		: c(start([this] { return may_exit.pass() ? 7 : 99; })),
		  watcher(start_without_descriptor([this, nr] {
			  const pid_t test = getppid();

			  if (!sleeps_in(test, test, nr))
				  return 1;
			  may_exit.open();
			  return 0;
		  }))
	{
	}

	gate may_exit;
	child c, watcher;
};

TEST_F(faults, info_that_waits)
{
	std::optional<awaited> running;
	procfd_info info;

	running.emplace(SYS_ioctl);
	each(
		[&] {
			return get_info(running->c.fd, &info, PROCFD_INFO_WAIT,
					PROCFD_DEADLINE_NONE);
		},
		[&](int ret) {
			EXPECT_EQ(ret ? 0u : std::uint32_t(PROCFD_STATE_EXITED),
				  info.state);
			EXPECT_EQ(ret ? 0 : 7 << 8, info.status);
			running.emplace(SYS_ioctl);
		});
	EXPECT_EQ(2u, count);
}

TEST_F(faults, info_that_waits_in_vain)
{
	child c = start_sleeper();
	procfd_info info;

	each([&] { return get_info(c.fd, &info, PROCFD_INFO_WAIT, 1); },
	     [&](int) { EXPECT_EQ(0u, info.state); }, ETIMEDOUT);
	EXPECT_LE(1u, count);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info_of(c.fd).state);
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

TEST_F(faults, read_that_waits)
{
	std::optional<awaited> running;
	char text[PROCFD_RECORD_MAX];

	running.emplace(SYS_read);
	each(
		[&] {
			return int(or_errno(
				::read(running->c.fd, text, sizeof(text))));
		},
		[&](int ret) {
			const unique_fd &fd = running->c.fd;
			const std::string whole =
				slurp("/proc/self/fd/" + std::to_string(fd));

			/* It waited in any case, and has taken all or nothing. */
			EXPECT_TRUE(whole.starts_with("exited 7\n"));
			EXPECT_EQ(ret < 0 ? "" : whole,
				  std::string(text,
					      std::size_t(std::max(ret, 0))));
			EXPECT_EQ(ret < 0 ? whole : "", read_all(fd));
			running.emplace(SYS_read);
		});
	EXPECT_EQ(1u, count);
}

TEST_F(faults, lseek_has_none)
{
	child running = start_sleeper(), zombie = start_zombie();
	const std::string record =
		slurp("/proc/self/fd/" + std::to_string(zombie.fd));

	for (const child *c : {&running, &zombie}) {
		const int end = c == &zombie ? int(record.size()) : 0;

		each([&] { return int(or_errno(lseek(c->fd, 0, SEEK_END))); },
		     [&](int ret) { EXPECT_EQ(end, ret); });
		EXPECT_EQ(0u, count);
		each([&] { return int(or_errno(lseek(c->fd, -1, SEEK_SET))); },
		     [&](int) { EXPECT_EQ(end, lseek(c->fd, 0, SEEK_CUR)); },
		     EINVAL);
		EXPECT_EQ(0u, count);
	}
}

/* A signal has no offset. */
TEST_F(faults, pwrite_has_none)
{
	child c = start_sleeper();

	each([&] { return int(or_errno(pwrite(c.fd, "KILL", 4, 0))); },
	     [&](int) { EXPECT_EQ(POLLOUT, poll_now(c.fd) & POLLOUT); },
	     ESPIPE);
	EXPECT_EQ(0u, count);
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

/* As a 32-bit program calls: ioctl(2), and memory that it can have. */

int ioc32(int fd, std::uint32_t cmd, const void *arg)
{
	int ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(54), "b"(fd), "c"(cmd), "d"(arg)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

class faults_compat : public faults {
protected:
	void SetUp() override
	{
		faults::SetUp();
		if (IsSkipped())
			return;
		low = mmap(nullptr, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		ASSERT_NE(MAP_FAILED, low);
		device();
	}
	void TearDown() override
	{
		if (low)
			munmap(low, size);
	}

	template <typename T>
	T *argument(const T &value) const
	{
		return new (low) T(value);
	}

	static constexpr std::size_t size = 4096;
	void *low = nullptr;
};

TEST_F(faults_compat, query)
{
	procfd_query *q = argument(procfd_query{});

	each([&] { return ioc32(device(), PROCFD_IOC_QUERY, q); },
	     [&](int ret) {
		     EXPECT_EQ(ret ? 0u : std::uint32_t(PROCFD_ABI), q->abi);
	     });
	EXPECT_EQ(1u, count);
}

TEST_F(faults_compat, fork_and_cancel)
{
	const procfd_fork *args = argument(procfd_fork{PROCFD_QUIET, 0});

	each([&] { return ioc32(device(), PROCFD_IOC_FORK, args); },
	     [&](int ret) {
		     if (ret < 0) {
			     EXPECT_ERROR(ENOENT, cancel());
			     return;
		     }
		     unique_fd fd(ret);

		     EXPECT_OK(ioc32(device(), PROCFD_IOC_CANCEL, nullptr));
		     EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED),
			       info_of(fd).state);
	     });
	EXPECT_LE(5u, count);
}

TEST_F(faults_compat, open)
{
	child c = start_without_descriptor(sleep_for_ever);
	const procfd_open *args = argument(procfd_open{c.pid, 0});

	each([&] { return ioc32(device(), PROCFD_IOC_OPEN, args); },
	     [&](int ret) {
		     if (ret < 0)
			     return;
		     EXPECT_EQ(c.pid, info_of(unique_fd(ret)).pid);
	     });
	EXPECT_LE(5u, count);
}

TEST_F(faults_compat, flink)
{
	unique_fd dir = mounted::open_dir("/tmp"), fd = make_tmpfile(dir);
	procfd_flink args{};

	args.fd = fd;
	args.dirfd = dir;
	args.name = std::uint64_t(std::uintptr_t("flinked"));
	argument(args);
	each([&] { return ioc32(device(), PROCFD_IOC_FLINK, low); },
	     [&](int ret) {
		     EXPECT_EQ(ret == 0, exists(dir, "flinked"));
		     if (ret)
			     return;
		     EXPECT_TRUE(names(dir, "flinked", fd));
		     must(or_errno(unlinkat(dir, "flinked", 0)));
		     /* It has lost what O_TMPFILE gave it. */
		     fd = make_tmpfile(dir);
		     argument(args)->fd = fd;
	     });
	EXPECT_LE(4u, count);
}

TEST_F(faults_compat, info_and_kill_on_close)
{
	child c = start_sleeper();
	procfd_info asked{}, *info;

	asked.mask = ~0ULL;
	each(
		[&] {
			info = argument(asked);
			return ioc32(c.fd, PROCFD_IOC_INFO, info);
		},
		[&](int ret) { EXPECT_EQ(ret ? 0 : c.pid, info->pid); });
	EXPECT_EQ(2u, count);

	std::uint32_t *on = argument(std::uint32_t(0));

	each(
		[&] {
			*on = !*on;
			return ioc32(c.fd, PROCFD_IOC_SET_KILL_ON_CLOSE, on);
		},
		[&](int ret) {
			const bool is = info_of(c.fd).attributes &
					PROCFD_ATTR_KILL_ON_CLOSE;

			EXPECT_EQ(ret ? !*on : *on, is);
		});
	EXPECT_OK(set_kill_on_close(c.fd, 0));
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
			device_path = flink_disk();
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
		replaced.reset();
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
	/*
	 * What is to be replaced; for REPLACE_DEAD one that is. ext4 logs an error
	 * of the disk where it has no memory for ending an inode, whoever replaced
	 * it: so there it is kept open, and ends after the call.
	 */
	void make_target()
	{
		if (GetParam().type == std::string("ext4"))
			replaced = make_file(dir, "name", "old");
		else if (GetParam().source != target::process)
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
	unique_fd dir, elsewhere, replaced;
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
