// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads at once, bounded by rounds and not by time. What is claimed is
 * what any single thread would see.
 */
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

#include "threads.h"

namespace {

/* The code of the exit tells whose child it was. */
bool fork_one(int code, std::uint32_t flags)
{
	unique_fd fd(announce(flags));

	if (fd < 0)
		return false;

	pid_t pid = bare_fork();

	if (!pid)
		_exit(code);

	procfd_info info;
	bool good = get_info(fd, &info, PROCFD_INFO_WAIT,
			     PROCFD_DEADLINE_NONE) == 0 &&
		    (info.attributes & PROCFD_ATTR_REAPED || info.pid == pid) &&
		    info.status == code << 8;

	const int status = wait_for(pid);

	return good && (status == code << 8 || status == -ECHILD);
}

/* Close at once, while the child exits, and reap. */
bool fork_and_forget(std::uint32_t flags)
{
	unique_fd fd(announce(flags));
	pid_t pid = bare_fork();

	if (!pid)
		_exit(0);
	fd.reset();

	const int status = wait_for(pid);

	return status == 0 || status == SIGKILL || status == -ECHILD;
}

bool announce_and_drop(int how)
{
	unique_fd fd(announce());

	if (fd < 0)
		return false;
	if (how)
		return cancel() == 0;
	fd.reset();
	/* Another thread's child may have a copy that it has not closed yet. */
	how = cancel();
	return how == -ENOENT || how == 0;
}

bool open_and_close(pid_t pid)
{
	unique_fd fd(open_process(pid));

	return fd >= 0 && info_of(fd).pid == pid;
}

constexpr int many = 8;

TEST(stress, each_thread_gets_its_own_child)
{
	EXPECT_EQ(0, in_threads(many, [](int i) {
			  for (int n = 0; n < rounds(); n++)
				  if (!fork_one(i + 1,
						n & 1 ? PROCFD_QUIET : 0))
					  return false;
			  return true;
		  }));
}

TEST(stress, closing_while_the_child_exits)
{
	EXPECT_EQ(
		0, in_threads(many, [](int i) {
			for (int n = 0; n < rounds(); n++)
				if (!fork_and_forget(
					    (n & 1 ? PROCFD_QUIET : 0) |
					    (i & 1 ? PROCFD_KILL_ON_CLOSE : 0)))
					return false;
			return true;
		}));
}

TEST(stress, announcing_and_dropping_beside_forks)
{
	EXPECT_EQ(0, in_threads(many, [](int i) {
			  for (int n = 0; n < rounds(); n++)
				  if (!(i & 1 ? announce_and_drop(n & 1) :
						fork_one(7, 0)))
					  return false;
			  return true;
		  }));
}

/* One process, and threads that all come and go. */
TEST(stress, opening_and_closing_one_process)
{
	child c = start_sleeper();
	const pid_t pid = c.pid;

	EXPECT_EQ(0, in_threads(many, [pid](int) {
			  for (int n = 0; n < rounds() * 10; n++)
				  if (!open_and_close(pid))
					  return false;
			  return true;
		  }));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(c.fd));
}

/*
 * One descriptor, opened anew by threads that come and go: all the while it is
 * open, so the process lives, and after the last close it does not.
 */
TEST(stress, opening_and_closing_one_descriptor)
{
	child c = start_sleeper(PROCFD_KILL_ON_CLOSE);
	unique_fd pidfd(must(sys_pidfd_open(c.pid)));
	const std::string path = "/proc/self/fd/" + std::to_string(c.fd);

	EXPECT_EQ(0, in_threads(many, [&](int) {
			  for (int n = 0; n < rounds() * 10; n++) {
				  unique_fd fd(or_errno(open(
					  path.c_str(), O_RDWR | O_CLOEXEC)));
				  if (fd < 0)
					  return false;
			  }
			  return true;
		  }));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(c.fd));
	c.fd.reset();
	EXPECT_EQ(POLLIN, poll_for(pidfd, POLLIN, patience_ms()));
}

/* Opened from before its exit until after: found, found dead, or not there. */
TEST(stress, opening_a_process_that_exits_and_is_reaped)
{
	for (int n = 0; n < rounds(); n++) {
		gate may_exit;
		child c = start_without_descriptor(
			[&may_exit] { return may_exit.pass() ? 7 : 1; });
		const pid_t pid = c.pid;
		std::vector<int> fds(4);

		EXPECT_EQ(0, in_threads(int(fds.size()) + 1, [&](int i) {
				  if (i == int(fds.size())) {
					  may_exit.open();
					  return c.wait() == 7 << 8;
				  }
				  fds[i] = open_process(pid);
				  return fds[i] >= 0 || fds[i] == -ESRCH;
			  }));
		for (int raw : fds) {
			unique_fd fd(raw);

			if (fd < 0)
				continue;

			procfd_info info;

			EXPECT_EQ(0, get_info(fd, &info, PROCFD_INFO_WAIT,
					      PROCFD_DEADLINE_NONE));
			EXPECT_EQ(7 << 8, info.status);
			EXPECT_TRUE(info.attributes & PROCFD_ATTR_REAPED ?
					    info.pid == 0 :
					    info.pid == pid)
				<< info.pid;
		}
	}
}

/* All of them are told, and none of them twice. */
TEST(stress, waiting_reading_and_polling_for_one_exit)
{
	for (int n = 0; n < rounds() / 4 + 1; n++) {
		gate may_exit;
		child c =
			start([&may_exit] { return may_exit.pass() ? 7 : 1; });

		EXPECT_EQ(
			0, in_threads(many + 1, [&](int i) {
				char text[PROCFD_RECORD_MAX];
				procfd_info info;

				if (i == many) {
					may_exit.open();
					return true;
				}
				switch (i % 3) {
				case 0:
					return pread(c.fd, text, sizeof(text),
						     0) > 9 &&
					       !memcmp(text, "exited 7\n", 9);
				case 1:
					return poll_over(c.fd) == POLLHUP;
				default:
					return get_info(c.fd, &info,
							PROCFD_INFO_WAIT,
							PROCFD_DEADLINE_NONE) ==
						       0 &&
					       info.status == 7 << 8;
				}
			}));
		EXPECT_EQ(7 << 8, c.wait());
	}
}

TEST(stress, writing_while_the_process_exits)
{
	for (int n = 0; n < rounds(); n++) {
		child c = start_sleeper();

		EXPECT_EQ(0, in_threads(4, [&c](int i) {
				  ssize_t ret = write_to(
					  c.fd, i ? "TERM" : "0 0 KILL 0");

				  /* As far as it was still alive. */
				  return ret == -ESRCH ||
					 (ret > 0 && ret <= 10);
			  }));
		EXPECT_EQ(POLLHUP, poll_over(c.fd));
		EXPECT_EQ(-ESRCH, write_to(c.fd, "0"));
	}
}

/*
 * The child can be found by its pid before the announcement is bound. Whoever
 * opens it in that moment must mean the same process. Pids are handed out in
 * order, so the opener guesses the next, until it meets one.
 */
TEST(stress, opening_a_child_that_is_being_bound_gives_the_same_id_and_record)
{
	std::atomic<pid_t> next = 0;
	std::atomic<bool> over = false;
	std::atomic<int> differ = 0;
	std::atomic<int> met = 0;

	struct seen {
		std::atomic<pid_t> pid = 0;
		std::atomic<std::uint64_t> id = 0;
		std::atomic<bool> has_read = false;
		std::string record;
	} opened;

	std::thread opener([&] {
		while (!over) {
			const pid_t pid = next;
			unique_fd fd(pid ? open_process(pid) : -1);
			procfd_info info;

			if (fd < 0)
				continue;
			info = info_of(fd);
			opened.id = info.id;
			opened.has_read = false;
			opened.pid = pid;
			/* Some other process may have the number, and live on. */
			while (next == pid && !(poll_now(fd) & POLLIN))
				sched_yield();
			if (next == pid)
				opened.record = read_all(fd);
			opened.has_read = true;
			/* Wait for the forker to have looked at it. */
			while (!over && next == pid)
				sched_yield();
		}
	});

	for (int n = 0; n < rounds() * 5; n++) {
		/* What the kernel will most likely give out next. */
		pid_t last = bare_fork();

		if (!last)
			_exit(0);
		wait_for(last);

		unique_fd fd(must(announce()));

		next = last + 1;

		pid_t pid = bare_fork();

		if (!pid)
			sleep_for_ever();

		const std::uint64_t id = info_of(fd).id;

		if (opened.pid == pid) {
			met++;
			if (opened.id != id)
				differ++;
		}
		/* One that comes later must agree too. */
		unique_fd again(open_process(pid));

		if (again < 0 || info_of(again).id != id)
			differ++;
		write_to(fd, "KILL");
		if (opened.pid == pid) {
			while (!opened.has_read)
				sched_yield();
			if (opened.record != read_all(fd))
				differ++;
		}
		wait_for(pid);
		next = 0;
		opened.pid = 0;
	}
	over = true;
	next = -1;
	opener.join();
	EXPECT_EQ(0, differ);
	printf("# opened before it was looked at: %d of %d\n", int(met),
	       rounds() * 5);
}

} // namespace
