// SPDX-License-Identifier: GPL-2.0-only
/*
 * One test for each race that a comment in module/ draws and that no other test
 * runs; races of flink are in flink_race_test.cpp. Rounds in which the two sides
 * miss each other prove nothing: `make check-race` runs these on a module that
 * delays at the drawn points.
 */
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#include "fs.h"
#include "threads.h"

namespace {

/*
 * This program as another one: `--exec-by-a-thread N` does so N times over and
 * exits with 7; `--exit` exits with 7.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc == 2 && std::string_view(argv[1]) == "--exit")
		_exit(7);
	if (argc != 3 || std::string_view(argv[1]) != "--exec-by-a-thread")
		return;

	const int left = atoi(argv[2]);

	if (!left)
		_exit(7);
	std::thread([left] {
		execl("/proc/self/exe", "race_test", "--exec-by-a-thread",
		      std::to_string(left - 1).c_str(), nullptr);
		_exit(99);
	}).join();
	_exit(98);
}

void burn(std::uint64_t ns)
{
	const std::uint64_t end = now_ns(CLOCK_PROCESS_CPUTIME_ID) + ns;

	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		;
}

/* Exit against open. */

/*
 * record_take(): the parent adds the leader's times to the process's while an
 * OPEN adds them up.
 */
TEST(race_of_exit_and_open, counts_no_time_twice)
{
	constexpr std::int64_t burnt_us = 5000;
	int opened = 0;

	for (int n = 0; n < rounds() * 4; n++) {
		child c = start_without_descriptor([] {
			burn(burnt_us * 1000);
			return 0;
		});
		const pid_t pid = std::exchange(c.pid, -1);
		std::vector<unique_fd> fds(3);
		rusage usage;

		/* No OPEN has seen it alive. */
		wait_for_zombie(pid);
		ASSERT_EQ(0, in_threads(int(fds.size()) + 1, [&](int i) {
				  if (i == int(fds.size())) {
					  /* Before the others and after. */
					  for (int k = n % 16 * 8; k > 0; k--)
						  sched_yield();
					  return wait4(pid, nullptr, 0,
						       &usage) == pid;
				  }
				  fds[i].reset(open_process(pid));
				  return fds[i] >= 0 || fds[i] == -ESRCH;
			  }));

		const std::int64_t all =
			(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
				1000000 +
			usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;

		for (const unique_fd &fd : fds) {
			if (fd < 0)
				continue;

			procfd_info info = info_of(fd);

			opened++;
			/* It runs on for a little after it has exited. */
			EXPECT_NEAR(double(all),
				    double(info.utime_usec + info.stime_usec),
				    burnt_us / 2);
		}
	}
	EXPECT_GT(opened, 0);
}

/* procfd_process_open(): a thread that is no leader is being reaped. */
TEST(race_of_exit_and_open, while_threads_end_after_their_leader)
{
	for (int n = 0; n < rounds(); n++) {
		gate may_end;
		child c = start_without_descriptor([&may_end] {
			for (int i = 0; i < 4; i++)
				std::thread([&may_end] {
					may_end.pass();
					syscall(SYS_exit, 7);
				}).detach();
			syscall(SYS_exit, 7);
			return 99;
		});
		const pid_t pid = c.pid;
		std::atomic<bool> over = false;

		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  if (i == 3) {
					  for (int each = 0; each < 4; each++)
						  may_end.open();

					  wait_for_zombie(pid);
					  over = true;
					  return true;
				  }
				  while (!over) {
					  unique_fd fd(open_process(pid));

					  /* It is not reaped. */
					  if (fd < 0)
						  return false;

					  procfd_info info = info_of(fd);

					  if (info.pid != pid ||
					      (info.state ==
						       PROCFD_STATE_EXITED &&
					       info.status != 7 << 8))
						  return false;
				  }
				  return true;
			  }));
		EXPECT_EQ(7 << 8, c.wait());
		EXPECT_EQ(-ESRCH, open_process(pid));
	}
}

/* info_fill(): "recorded before it was reaped, which may be just now". */
TEST(race_of_exit_and_info, what_is_reaped_has_exited)
{
	for (int n = 0; n < rounds(); n++) {
		gate may_exit;
		child c =
			start([&may_exit] { return may_exit.pass() ? 7 : 1; });

		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  if (i == 3) {
					  may_exit.open();
					  return c.wait() == 7 << 8;
				  }

				  procfd_info info;

				  do {
					  info = info_of(c.fd);
					  if (info.state ==
						      PROCFD_STATE_EXITED &&
					      info.status != 7 << 8)
						  return false;
				  } while (!(info.attributes &
					     PROCFD_ATTR_REAPED));
				  return info.state == PROCFD_STATE_EXITED;
			  }));
	}
}

/* procfd_process_wait(): the deadline comes with the exit. */
TEST(race_of_exit_and_deadline, has_one_of_the_two_answers)
{
	for (int n = 0; n < rounds(); n++) {
		gate may_exit;
		child c =
			start([&may_exit] { return may_exit.pass() ? 7 : 1; });

		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  procfd_info info;
				  int ret;

				  if (i == 3) {
					  may_exit.open();
					  return c.wait() == 7 << 8;
				  }
				  do
					  ret = get_info(
						  c.fd, &info, PROCFD_INFO_WAIT,
						  now_ns(CLOCK_MONOTONIC) +
							  std::uint64_t(i) *
								  20000);
				  while (ret == -ETIMEDOUT);
				  return ret == 0 &&
					 info.state == PROCFD_STATE_EXITED &&
					 info.status == 7 << 8;
			  }));
	}
}

/*
 * descriptor_poll(): queued first, looked at next. By epoll, which does not look
 * once more when its time is over, as poll(2) does.
 */
TEST(race_of_exit_and_poll, misses_no_exit)
{
	for (int n = 0; n < rounds(); n++) {
		gate may_exit;
		child c =
			start([&may_exit] { return may_exit.pass() ? 7 : 1; });

		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  if (i == 3) {
					  may_exit.open();
					  return c.wait() == 7 << 8;
				  }

				  unique_fd set(must(or_errno(
					  epoll_create1(EPOLL_CLOEXEC))));
				  epoll_event event{EPOLLIN, {}};

				  /* While the child is on its way, and after. */
				  for (int k = n % 16 * 4 * i; k > 0; k--)
					  sched_yield();
				  must(or_errno(epoll_ctl(set, EPOLL_CTL_ADD,
							  c.fd, &event)));
				  return epoll_wait(set, &event, 1,
						    patience_ms) == 1;
			  }));
	}
}

/* process_look(): another thread takes the leader's place, again and again. */
TEST(race_of_exec_and_read, sees_one_process_that_exits_once)
{
	for (int n = 0; n < rounds() / 10 + 1; n++) {
		child c = start([] {
			execl("/proc/self/exe", "race_test",
			      "--exec-by-a-thread", "10", nullptr);
			return 99;
		});
		const std::uint64_t id = info_of(c.fd).id;

		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  char text[PROCFD_RECORD_MAX];

				  if (i == 0)
					  return pread(c.fd, text, sizeof(text),
						       0) > 9 &&
						 !memcmp(text, "exited 7\n", 9);
				  if (i == 1)
					  return poll_over(c.fd) == POLLHUP;
				  for (;;) {
					  unique_fd fd(open_process(c.pid));
					  procfd_info info;

					  /* It is not reaped. */
					  if (fd < 0)
						  return false;
					  info = info_of(fd);
					  if (info.id != id)
						  return false;
					  if (info.state == PROCFD_STATE_EXITED)
						  return info.status == 7 << 8;
				  }
			  }));
		EXPECT_EQ(7 << 8, c.wait());
	}
}

/*
 * The same for who opens it then: with nothing left over, each OPEN looks anew, at
 * a leader that has exited and whose place is not taken yet.
 */
TEST(race_of_exec_and_open, sees_no_exit_before_the_last)
{
	for (int n = 0; n < rounds() / 10 + 1; n++) {
		child c = start_without_descriptor([] {
			execl("/proc/self/exe", "race_test",
			      "--exec-by-a-thread", "10", nullptr);
			return 99;
		});

		EXPECT_EQ(0, in_threads(2, [&](int) {
				  for (;;) {
					  unique_fd fd(open_process(c.pid));
					  procfd_info info;

					  if (fd < 0)
						  return false;
					  info = info_of(fd);
					  if (info.state == PROCFD_STATE_EXITED)
						  return info.status == 7 << 8;
				  }
			  }));
		EXPECT_EQ(7 << 8, c.wait());
	}
}

/* Fork against cancel and close. */

/* procfd_fork_withdraw(): kill-on-close misses no child between the two. */
TEST(race_of_fork_and_close, kills_what_was_bound_and_nothing_else)
{
	int bound = 0, dropped = 0;

	for (int n = 0; n < rounds() * 4; n++) {
		unique_fd fd;
		unique_fd path; /* holds the inode, and does not count */
		pid_t pid = -1;

		/* The child shares our descriptors, so that ours is the last. */
		ASSERT_EQ(0, in_threads(2, [&](int i) {
				  static std::atomic<int> turn;

				  if (i == 0) {
					  fd.reset(must(announce(
						  PROCFD_KILL_ON_CLOSE)));
					  path.reset(must(open_path(
						  "/proc/self/fd/" +
							  std::to_string(fd),
						  O_PATH)));
					  turn = n + 1;
					  pid = bare_fork(CLONE_FILES);
					  if (!pid)
						  for (;;)
							  syscall(SYS_pause);
					  return pid > 0;
				  }
				  while (turn != n + 1)
					  ;
				  fd.reset();
				  return true;
			  }));

		unique_fd again(must(open_path(
			"/proc/self/fd/" + std::to_string(path), O_RDWR)));
		procfd_info info = info_of(again);

		if (info.state == PROCFD_STATE_DROPPED) {
			dropped++;
			kill(pid, SIGTERM);
			EXPECT_EQ(SIGTERM, wait_for(pid));
		} else {
			bound++;
			EXPECT_EQ(pid, info.pid);
			EXPECT_EQ(SIGKILL, wait_for(pid));
		}
	}
	printf("# bound %d, dropped %d\n", bound, dropped);
}

/* procfd_fork_cancel(): "closing it may free it as soon as ..." */
TEST(race_of_cancel_and_close, leaves_nothing_announced)
{
	for (int n = 0; n < rounds() * 4; n++) {
		unique_fd fd(must(announce()));
		int ret = 1;

		std::thread closer([&] { fd.reset(); });

		ret = cancel();
		closer.join();
		EXPECT_TRUE(ret == 0 || ret == -ENOENT) << ret;
		EXPECT_EQ(-ENOENT, cancel());
	}
}

/* A quiet child. */

/*
 * quiet_update(): the parent dies while the child, in its exec, makes itself
 * quiet again. Whoever adopts it never heard of us.
 */
TEST(race_of_exec_and_the_parent_s_death, leaves_a_child_that_can_be_waited_for)
{
	device();

	child c = start_without_descriptor([] {
		must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 1)));
		for (int n = 0; n < rounds(); n++) {
			pid_t parent = must(bare_fork());

			if (!parent) {
				must(announce(PROCFD_QUIET));
				if (!must(bare_fork())) {
					execl("/proc/self/exe", "race_test",
					      "--exit", nullptr);
					_exit(99);
				}
				_exit(7);
			}
			/* As a plain wait has them, in either order. */
			for (int each = 0; each < 2; each++)
				if (wait_for(-1, 0) != 7 << 8)
					return 1 + each;
			if (wait_for(-1, __WALL) != -ECHILD)
				return 3;
		}
		return 0;
	});

	EXPECT_EQ(0, c.wait());
}

/* Reading and writing. */

/*
 * descriptor_write_iter(): the signal makes a reader of the same file go on, and
 * what it has read is not to be read again. A module cannot shut the last gap,
 * between its look at the offset and the VFS's storing it, so once in a while is
 * no mistake.
 */
TEST(race_of_write_and_read, of_one_open_file_moves_no_offset_back)
{
	/* The write goes on until there is nobody to signal any more. */
	std::string signals = "KILL";
	int again = 0;

	for (int n = 0; n < 500; n++)
		signals += " 0";
	for (int n = 0; n < rounds(); n++) {
		child c = start_sleeper();
		std::string text;
		char more;

		ASSERT_EQ(0, in_threads(2, [&](int i) {
				  char part[PROCFD_RECORD_MAX];
				  ssize_t size;

				  if (i)
					  return write_to(c.fd, signals) >= 4;
				  size = read(c.fd, part, sizeof(part));
				  if (size <= 0)
					  return false;
				  text.assign(part, std::size_t(size));
				  return true;
			  }));
		EXPECT_TRUE(text.starts_with("killed 9\n")) << text;
		again += read(c.fd, &more, 1) == 1;
		EXPECT_EQ(text, record_of(c.fd));
	}
	printf("# put back %d times\n", again);
	EXPECT_LE(again, rounds() / 10);
}

/* Names. */

class race_of_names : public names_test {
protected:
	int free_names()
	{
		struct statfs st;

		must(or_errno(statfs(names.c_str(), &st)));
		return int(st.f_ffree);
	}
};

/* procfd_authority_signal(): the exit takes the authority from what has a name. */
TEST_F(race_of_names, an_exit_under_a_writer_is_ESRCH)
{
	for (int n = 0; n < rounds(); n++) {
		child c = start_sleeper();

		ASSERT_EQ(0, link(c.fd, "n"));
		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  ssize_t ret;

				  if (i == 3)
					  return kill(c.pid, SIGKILL) == 0;
				  do
					  ret = write_to(c.fd, "0");
				  while (ret == 1);
				  return ret == -ESRCH;
			  }));
		ASSERT_EQ(0, unlink(at("n").c_str()));
	}
}

/* procfd_fs_set_kill_on_close(): what has a name does not kill. */
TEST_F(race_of_names, a_descriptor_is_named_or_made_to_kill)
{
	int named = 0;
	child c = start_sleeper();

	for (int n = 0; n < rounds() * 4; n++) {
		int ret[2];

		in_threads(2, [&](int i) {
			ret[i] = i ? link(c.fd, "n") :
				     set_kill_on_close(c.fd, 1);
			return true;
		});
		EXPECT_EQ(-EINVAL, ret[0] + ret[1]) << ret[0] << " " << ret[1];
		if (!ret[1]) {
			named++;
			ASSERT_EQ(0, unlink(at("n").c_str()));
		}
		ASSERT_EQ(0, set_kill_on_close(c.fd, 0));
	}
	printf("# named %d, made to kill %d\n", named, rounds() * 4 - named);
}

/*
 * procfd_process_exit_matters() and procfd_process_remember_inode(): a name or
 * an OPEN comes with the exit. Either the exit work or the link drops the
 * authority, or the maker's user namespace would stay for as long as the name.
 * There may be one such namespace, so that the next round has none if it does.
 */
class race_of_names_and_exit : public race_of_names {
protected:
	void SetUp() override
	{
		race_of_names::SetUp();
		device();
		before_ = slurp(limit);
		write_file(limit, "1");
	}

	void TearDown() override
	{
		write_file(limit, before_);
		race_of_names::TearDown();
	}

	static bool enter_the_only_user_namespace()
	{
		return eventually([] { return unshare(CLONE_NEWUSER) == 0; });
	}

	int name_one_that_exits(const std::string &name) const
	{
		if (!enter_the_only_user_namespace())
			return 1;

		gate may_exit;
		child c = start([&] { return may_exit.pass() ? 7 : 1; });
		const int failures = in_threads(3, [&](int i) {
			if (i == 0) {
				may_exit.open();
				return true;
			}
			if (i == 1)
				return link(c.fd, name.c_str()) == 0;

			/* A zombie at worst. */
			unique_fd fd(open_process(c.pid));

			return link(fd, (name + "o").c_str()) == 0;
		});

		return failures || c.wait() != 7 << 8 ? 2 : 0;
	}

private:
	static constexpr const char *limit =
		"/proc/sys/user/max_user_namespaces";
	std::string before_;
};

TEST_F(race_of_names_and_exit, a_name_given_at_the_exit_pins_no_credentials)
{
	for (int n = 0; n < rounds(); n++) {
		const std::string name = std::to_string(n);

		ASSERT_EQ(0, apart([&] { return name_one_that_exits(name); }));
		ASSERT_EQ("exited 7", outcome_of(at(name)));
		ASSERT_EQ("exited 7", outcome_of(at(name + "o")));
	}
	/* Nor the last round's. */
	EXPECT_TRUE(apart([] { return enter_the_only_user_namespace(); }));
}

/*
 * get_names(), process_exit_work(): names come, move and go, and the last of an
 * inode does, while the exit work wants to tell their directories.
 */
TEST_F(race_of_names, an_exit_finds_names_that_come_and_go)
{
	const int before = free_names();

	for (int n = 0; n < rounds(); n++) {
		gate may_exit;
		child c =
			start([&may_exit] { return may_exit.pass() ? 7 : 1; });
		const std::string a = at("a"), b = at("b");

		ASSERT_EQ(0, link(c.fd, "a"));
		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  switch (i) {
				  case 0:
					  may_exit.open();
					  return c.wait() == 7 << 8;
				  case 1:
					  for (int each = 0; each < 10; each++)
						  rename(a.c_str(), b.c_str());
					  return true;
				  case 2:
					  for (int each = 0; each < 10;
					       each++) {
						  ::link(b.c_str(), a.c_str());
						  unlink(b.c_str());
					  }
					  return true;
				  default:
					  unlink(a.c_str());
					  /* Then the names are all it has. */
					  c.fd.reset();
					  return true;
				  }
			  }));
		unlink(a.c_str());
		unlink(b.c_str());
		EXPECT_EQ(before, free_names());
	}
}

/* Unlink and rename against open. */
TEST_F(race_of_names, a_name_that_goes_is_opened_or_not)
{
	child c = start_sleeper();
	const std::uint64_t id = info_of(c.fd).id;
	std::atomic<int> opened = 0;
	std::atomic<bool> over = false;

	ASSERT_EQ(0, link(c.fd, "a"));
	ASSERT_EQ(0, in_threads(4, [&](int i) {
			  if (i == 0) {
				  for (int n = 0; n < rounds() * 10; n++) {
					  unlink(at("a").c_str());
					  link(c.fd, "a");
				  }
				  over = true;
				  return true;
			  }
			  while (!over) {
				  unique_fd fd(open_path(at("a"), O_RDWR));

				  if (fd == -ENOENT)
					  continue;
				  if (fd < 0 || info_of(fd).id != id ||
				      write_to(fd, "0") != 1)
					  return false;
				  opened++;
			  }
			  return true;
		  }));
	printf("# opened %d times\n", int(opened));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(c.fd));
}

/* name_charge(): whoever is one too many takes nothing from the others. */
TEST_F(race_of_names, of_many_makers_no_more_than_max_succeed)
{
	std::vector<child> sources;
	std::vector<unique_fd> dirs;

	/* The lock of one directory, or of one source, would have them take turns. */
	for (int i = 0; i < 5; i++) {
		sources.push_back(start_sleeper());
		dirs.emplace_back(must(open_path(
			names_directory("d" + std::to_string(i), 0755),
			O_PATH | O_DIRECTORY)));
	}
	must(mount_names(names, "max=8", MS_REMOUNT));
	for (int n = 0; n < rounds(); n++) {
		std::atomic<int> made = 0;

		ASSERT_EQ(0, in_threads(5, [&](int i) {
				  const int ret =
					  flink(sources[i].fd, dirs[i], "n");

				  made += !ret;
				  return !ret || ret == -ENOSPC;
			  }));
		ASSERT_EQ(3, made);
		EXPECT_EQ(0, free_names());
		for (const unique_fd &d : dirs)
			unlinkat(d, "n", 0);
		ASSERT_EQ(3, free_names());
	}
}

/*
 * name_charge(): nor do those who have no room, or who replace, take anything from
 * those who replace.
 */
TEST_F(race_of_names, at_the_limit_every_name_can_be_replaced)
{
	child c = start_sleeper(), other = start_sleeper();
	/* The lock of one directory would have them take turns. */
	const unique_fd dirs[] = {
		unique_fd(must(open_path(names_directory("0", 0755),
					 O_PATH | O_DIRECTORY))),
		unique_fd(must(open_path(names_directory("1", 0755),
					 O_PATH | O_DIRECTORY)))};

	for (const unique_fd &d : dirs)
		ASSERT_EQ(0, flink(c.fd, d, "n"));
	must(mount_names(names, "max=4", MS_REMOUNT));
	ASSERT_EQ(
		0, in_threads(5, [&](int i) {
			const std::string name = std::to_string(i);

			for (int n = 0; n < rounds() * 4; n++) {
				if (i < 2 ? flink(i == n % 2 ? c.fd : other.fd,
						  dirs[i], "n",
						  PROCFD_LINK_REPLACE) :
					    link(c.fd, name.c_str()) != -ENOSPC)
					return false;
			}
			return true;
		}));
	EXPECT_EQ(0, free_names());
	EXPECT_EQ(0, or_errno(unlink(at("0/n").c_str())));
	EXPECT_EQ(1, free_names());
}

} // namespace
