// SPDX-License-Identifier: GPL-2.0-only
/*
 * One test for each race that a comment in module/ draws and that no other test
 * runs; those of names are in race_name_test.cpp, those of flink in
 * flink_race_test.cpp. Rounds in which the two sides miss each other prove nothing:
 * `make check-race` runs these on a module that delays at the drawn points.
 */
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "fs.h"
#include "threads.h"

namespace {

/*
 * This program as another one: `--exec-by-a-thread N` does so N times over and
 * exits with 7; `--exit` exits with 7; `--stay FD` writes a byte there, and stays.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc == 2 && std::string_view(argv[1]) == "--exit")
		_exit(7);
	if (argc != 3)
		return;
	if (std::string_view(argv[1]) == "--stay") {
		if (write(atoi(argv[2]), "", 1) != 1)
			_exit(98);
		for (;;)
			pause();
	}
	if (std::string_view(argv[1]) != "--exec-by-a-thread")
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
 * Wait until a zombie has left its processor. Until then it runs, and its time
 * goes on: for milliseconds where the host runs another processor meanwhile.
 */
void wait_until_off_processor(pid_t pid)
{
	const std::string path = "/proc/" + std::to_string(pid) + "/syscall";

	while (slurp(path) == "running\n")
		sched_yield();
}

/*
 * record_take(): the parent adds the leader's times to the process's while an
 * OPEN adds them up.
 */
TEST(race_of_exit_and_open, counts_no_time_twice)
{
	int opened = 0;

	for (int n = 0; n < rounds() * 4; n++) {
		child c = start_without_descriptor([] {
			burn(5000000);
			return 0;
		});
		const pid_t pid = std::exchange(c.pid, -1);
		std::vector<unique_fd> fds(3);
		rusage usage;

		/* No OPEN has seen it alive. */
		wait_for_zombie(pid);
		wait_until_off_processor(pid);
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
			/* Two parts are rounded on either side. */
			EXPECT_NEAR(double(all),
				    double(info.utime_usec + info.stime_usec),
				    2);
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

/* What look(descriptor, i) finds in three threads while a child exits with 7. */
template <typename F>
int while_one_exits(F look)
{
	gate may_exit;
	child c = start([&may_exit] { return may_exit.pass() ? 7 : 1; });

	return in_threads(4, [&](int i) {
		if (i < 3)
			return look(int(c.fd), i);
		may_exit.open();
		return c.wait() == 7 << 8;
	});
}

/* info_fill(): "recorded before it was reaped, which may be just now". */
TEST(race_of_exit_and_info, what_is_reaped_has_exited)
{
	auto looks = [](int fd, int) {
		procfd_info info;

		do {
			info = info_of(fd);
			if (info.state == PROCFD_STATE_EXITED &&
			    info.status != 7 << 8)
				return false;
		} while (!(info.attributes & PROCFD_ATTR_REAPED));
		return info.state == PROCFD_STATE_EXITED;
	};

	for (int n = 0; n < rounds(); n++)
		ASSERT_EQ(0, while_one_exits(looks));
}

/* procfd_process_wait(): the deadline comes with the exit. */
TEST(race_of_exit_and_deadline, has_one_of_the_two_answers)
{
	auto waits = [](int fd, int i) {
		procfd_info info;
		int ret;

		do
			ret = get_info(fd, &info, PROCFD_INFO_WAIT,
				       now_ns(CLOCK_MONOTONIC) +
					       std::uint64_t(i) * 20000);
		while (ret == -ETIMEDOUT);
		return ret == 0 && info.state == PROCFD_STATE_EXITED &&
		       info.status == 7 << 8;
	};

	for (int n = 0; n < rounds(); n++)
		ASSERT_EQ(0, while_one_exits(waits));
}

/*
 * descriptor_poll(): queued first, looked at next. By epoll, which does not look
 * once more when its time is over, as poll(2) does.
 */
TEST(race_of_exit_and_poll, misses_no_exit)
{
	for (int n = 0; n < rounds(); n++) {
		auto polls = [n](int fd, int i) {
			unique_fd set(
				must(or_errno(epoll_create1(EPOLL_CLOEXEC))));
			epoll_event event{EPOLLIN, {}};

			/* While the child is on its way, and after. */
			for (int k = n % 16 * 4 * i; k > 0; k--)
				sched_yield();
			must(or_errno(
				epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)));
			return epoll_wait(set, &event, 1, patience_ms()) == 1;
		};

		ASSERT_EQ(0, while_one_exits(polls));
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

/* pending_get(): "leaving the read side, it may be closed and freed" */
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
 * quiet again. Whoever adopts it never heard of us, and waits for it at once.
 */
TEST(race_of_exec_and_the_parent_s_death, leaves_a_child_that_can_be_waited_for)
{
	const bool reaps = kernel_reaps();

	child c = start_without_descriptor([reaps] {
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
			/*
			 * As a plain wait has them, in either order. One that
			 * exits first is quiet still, and may be reaped.
			 */
			int count = 0;

			while (wait_for(-1, 0) == 7 << 8)
				count++;
			if (count != 2 && !(count == 1 && reaps))
				return 1;
			if (wait_for(-1, __WALL) != -ECHILD)
				return 2;
		}
		return 0;
	});

	EXPECT_EQ(0, c.wait());
}

/* some_thread_lives(): only the thread dies that forked, and not its process. */
TEST(race_of_exec_and_the_death_of_the_thread_that_forked,
     leaves_the_child_quiet)
{
	device();

	child c = start_without_descriptor([] {
		for (int n = 0; n < rounds(); n++) {
			pid_t pid = -1;
			unique_fd fd;
			int fds[2];
			char byte;

			must(or_errno(pipe2(fds, O_CLOEXEC)));

			unique_fd said(fds[0]), saying(fds[1]);

			std::thread([&] {
				fd.reset(must(announce(PROCFD_QUIET)));
				pid = must(bare_fork());
				if (!pid) {
					fcntl(saying, F_SETFD, 0);
					execl("/proc/self/exe", "race_test",
					      "--stay",
					      std::to_string(saying).c_str(),
					      nullptr);
					_exit(99);
				}
				/* Sooner or later than the exec. */
				burn(n % 32 * 100'000);
			}).join();
			saying.reset();
			if (read(said, &byte, 1) != 1)
				return 1;
			if (wait_for(-1, WNOHANG) != -ECHILD)
				return 2;
			if (write_to(fd, "KILL") != 4 ||
			    wait_for(pid, __WALL) !=
				    (kernel_reaps() ? -ECHILD : SIGKILL))
				return 3;
		}
		return 0;
	});

	EXPECT_EQ(0, c.wait());
}

/* Reading and writing. */

/*
 * The signal makes a reader of the same file go on, and what it has read is not to be
 * read again.
 */
TEST(race_of_write_and_read, of_one_open_file_moves_no_offset_back)
{
	/* The write goes on until there is nobody to signal any more. */
	std::string signals = "KILL";

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
		EXPECT_EQ(0, read(c.fd, &more, 1));
		EXPECT_EQ(text, record_of(c.fd));
	}
}

} // namespace
