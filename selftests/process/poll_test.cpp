// SPDX-License-Identifier: GPL-2.0-only
/*
 * Being told of the exit: by select, poll, epoll and io_uring, before, at and
 * after it, in one process and in several.
 */
#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#ifndef WITHOUT_LIBURING
#include <liburing.h>
#endif
#include <sys/epoll.h>
#include <sys/select.h>

#include "common.h"

namespace {

constexpr short exited = POLLIN | POLLRDNORM | POLLHUP;
constexpr short running = POLLOUT | POLLWRNORM;

const timespec patience = {patience_ms() / 1000, 0};

TEST(poll, of_a_running_process_says_writable)
{
	child c = start_sleeper();

	EXPECT_EQ(running, poll_now(c.fd));
}

TEST(poll, says_readable_and_hung_up_before_anyone_reaps)
{
	child c = start([] { return 0; });

	EXPECT_EQ(exited, poll_for(c.fd, POLLIN | POLLRDNORM, patience_ms()));
	EXPECT_EQ(exited, poll_now(c.fd));

	/* It was so with the zombie still there. */
	EXPECT_EQ(0, c.wait());
}

TEST(poll, says_so_for_ever)
{
	child c = start_zombie();

	for (int i = 0; i < 3; i++)
		EXPECT_EQ(exited, poll_now(c.fd));
	read_all(c.fd);
	EXPECT_EQ(exited, poll_now(c.fd)) << "after it was read";
	EXPECT_EQ(-ESRCH, write_to(c.fd, "0"));
	EXPECT_EQ(exited, poll_now(c.fd)) << "after it was written";
	EXPECT_EQ(0, c.wait());
	EXPECT_EQ(exited, poll_now(c.fd)) << "after the zombie is gone";
}

TEST(poll, of_an_opened_descriptor_says_the_same)
{
	child c = start_sleeper();
	unique_fd fd(must(open_process(c.pid)));

	EXPECT_EQ(running, poll_now(fd));
	kill(c.pid, SIGKILL);
	EXPECT_EQ(POLLHUP, poll_over(fd));
	EXPECT_EQ(exited, poll_now(fd));
}

TEST(poll, gives_only_what_was_asked_and_the_hang_up)
{
	child c = start_zombie();

	EXPECT_EQ(POLLHUP, poll_for(c.fd, 0, 0));
	EXPECT_EQ(POLLHUP, poll_for(c.fd, POLLOUT, 0));
	EXPECT_EQ(POLLHUP | POLLIN, poll_for(c.fd, POLLIN | POLLPRI, 0));
}

/* Which of the three sets select() leaves it in. */
std::string selected(int fd)
{
	fd_set in, out, except;
	timeval at_once{};
	std::string sets;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = except = in;
	must(or_errno(select(fd + 1, &in, &out, &except, &at_once)));
	if (FD_ISSET(fd, &in))
		sets += "in ";
	if (FD_ISSET(fd, &out))
		sets += "out ";
	if (FD_ISSET(fd, &except))
		sets += "except ";
	return sets;
}

TEST(select, of_a_running_process_says_writable)
{
	EXPECT_EQ("out ", selected(start_sleeper().fd));
}

TEST(select, of_an_exited_process_says_readable)
{
	EXPECT_EQ("in ", selected(start_zombie().fd));
}

unique_fd epoll_of(int fd, std::uint32_t events)
{
	unique_fd ep(must(or_errno(epoll_create1(EPOLL_CLOEXEC))));
	epoll_event ev{};

	ev.events = events;
	must(or_errno(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev)));
	return ep;
}

/* The events that are there now, 0 if none. */
std::uint32_t epoll_now(int ep)
{
	epoll_event ev{};

	return must(or_errno(epoll_wait(ep, &ev, 1, 0))) ? ev.events : 0;
}

TEST(epoll, level_says_exited_each_time)
{
	child c = start_zombie();
	unique_fd ep = epoll_of(c.fd, EPOLLIN);

	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_now(ep));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_now(ep));
	c.wait();
	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_now(ep)) << "after it was reaped";
}

TEST(epoll, edge_of_one_that_had_exited_says_so_once)
{
	child c = start_zombie();
	unique_fd ep = epoll_of(c.fd, EPOLLIN | EPOLLET);

	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_now(ep));
	EXPECT_EQ(0u, epoll_now(ep));
}

TEST(epoll, edge_says_running_and_then_exited_once_each)
{
	child c = start_sleeper();
	unique_fd ep = epoll_of(c.fd, EPOLLIN | EPOLLOUT | EPOLLET);
	epoll_event ev{};

	EXPECT_EQ(EPOLLOUT, epoll_now(ep));
	EXPECT_EQ(0u, epoll_now(ep));

	kill(c.pid, SIGKILL);
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, patience_ms()));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, ev.events);

	/* The kernel wakes on reaping too. That is no news. */
	c.wait();
	EXPECT_EQ(0u, epoll_now(ep));
}

TEST(epoll, edge_says_it_again_when_asked_anew)
{
	child c = start_zombie();
	unique_fd ep = epoll_of(c.fd, EPOLLIN | EPOLLET);
	epoll_event ev{};

	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_now(ep));
	ev.events = EPOLLIN | EPOLLET;
	ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, c.fd, &ev));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, epoll_now(ep));
}

TEST(epoll, set_of_many_says_which)
{
	child one = start_sleeper(), two = start_sleeper();
	unique_fd ep = epoll_of(one.fd, EPOLLIN);
	epoll_event ev{};

	ev.events = EPOLLIN;
	ev.data.u32 = 2;
	must(or_errno(epoll_ctl(ep, EPOLL_CTL_ADD, two.fd, &ev)));
	kill(two.pid, SIGKILL);
	ASSERT_EQ(1, epoll_wait(ep, &ev, 1, patience_ms()));
	EXPECT_EQ(2u, ev.data.u32);
}

/*
 * A wait that had gone to sleep before the exit. Each returns true for the
 * right answer, and sleeps in a system call of its own.
 */

struct waiter {
	const char *name;
	long nr;
	bool (*wait)(int fd);
};

bool by_poll(int fd)
{
	return poll_for(fd, POLLIN, patience_ms()) == (POLLIN | POLLHUP);
}

bool by_ppoll(int fd)
{
	pollfd p{fd, POLLIN, 0};

	return ppoll(&p, 1, &patience, nullptr) == 1 &&
	       p.revents == (POLLIN | POLLHUP);
}

bool by_pselect(int fd)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	return pselect(fd + 1, &in, nullptr, nullptr, &patience, nullptr) ==
		       1 &&
	       FD_ISSET(fd, &in);
}

bool by_select(int fd)
{
	timeval limit = {patience_ms() / 1000, 0};
	fd_set in;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	return syscall(SYS_select, fd + 1, &in, nullptr, nullptr, &limit) ==
		       1 &&
	       FD_ISSET(fd, &in);
}

bool by_epoll_level(int fd)
{
	unique_fd ep = epoll_of(fd, EPOLLIN);
	epoll_event ev{};

	return epoll_wait(ep, &ev, 1, patience_ms()) == 1 &&
	       ev.events == (EPOLLIN | EPOLLHUP);
}

bool by_epoll_edge(int fd)
{
	unique_fd ep = epoll_of(fd, EPOLLIN | EPOLLET);
	epoll_event ev{};

	return epoll_wait(ep, &ev, 1, patience_ms()) == 1 &&
	       ev.events == (EPOLLIN | EPOLLHUP);
}

bool by_epoll_oneshot(int fd)
{
	unique_fd ep = epoll_of(fd, EPOLLIN | EPOLLONESHOT);
	epoll_event ev{};

	return epoll_wait(ep, &ev, 1, patience_ms()) == 1 &&
	       ev.events == (EPOLLIN | EPOLLHUP);
}

/* An exit comes once: each is told, however few of them want to be. */
bool by_epoll_exclusive(int fd)
{
	unique_fd ep = epoll_of(fd, EPOLLIN | EPOLLEXCLUSIVE);
	epoll_event ev{};

	return epoll_wait(ep, &ev, 1, patience_ms()) == 1 &&
	       ev.events == (EPOLLIN | EPOLLHUP);
}

bool by_epoll_of_an_epoll(int fd)
{
	unique_fd inner = epoll_of(fd, EPOLLIN),
		  outer = epoll_of(inner, EPOLLIN);
	epoll_event ev{};

	return epoll_wait(outer, &ev, 1, patience_ms()) == 1 &&
	       epoll_now(inner) == (EPOLLIN | EPOLLHUP);
}

#ifndef WITHOUT_LIBURING
/* A ring with one request, and what came of it. */
class ring {
public:
	ring() { must(io_uring_queue_init(4, &ring_, 0)); }
	~ring() { io_uring_queue_exit(&ring_); }
	io_uring_sqe *request() { return io_uring_get_sqe(&ring_); }
	void submit() { must(io_uring_submit(&ring_)); }
	bool is_done()
	{
		io_uring_cqe *cqe;

		return io_uring_peek_cqe(&ring_, &cqe) == 0;
	}
	int result()
	{
		__kernel_timespec limit = {patience_ms() / 1000, 0};
		io_uring_cqe *cqe;
		int ret;

		must(io_uring_wait_cqe_timeout(&ring_, &cqe, &limit));
		ret = cqe->res;
		io_uring_cqe_seen(&ring_, cqe);
		return ret;
	}

private:
	io_uring ring_;
};

bool by_io_uring_poll(int fd)
{
	ring r;

	io_uring_prep_poll_add(r.request(), fd, POLLIN);
	r.submit();
	return r.result() == (POLLIN | POLLHUP);
}

bool by_io_uring_read(int fd)
{
	char text[PROCFD_RECORD_MAX];
	ring r;

	io_uring_prep_read(r.request(), fd, text, sizeof(text), 0);
	r.submit();

	int n = r.result();

	return n > 0 &&
	       std::string(text, std::size_t(n)).starts_with("exited 0\n");
}
#endif

bool by_read(int fd)
{
	char text[PROCFD_RECORD_MAX];

	return pread(fd, text, sizeof(text), 0) > 9 &&
	       memcmp(text, "exited 0\n", 9) == 0;
}

bool by_info(int fd)
{
	procfd_info info;

	return get_info(fd, &info, PROCFD_INFO_WAIT, PROCFD_DEADLINE_NONE) ==
		       0 &&
	       info.state == PROCFD_STATE_EXITED;
}

const waiter waiters[] = {
	{"poll", SYS_poll, by_poll},
	{"ppoll", SYS_ppoll, by_ppoll},
	{"select", SYS_select, by_select},
	{"pselect", SYS_pselect6, by_pselect},
	{"epoll_level", SYS_epoll_wait, by_epoll_level},
	{"epoll_edge", SYS_epoll_wait, by_epoll_edge},
	{"epoll_oneshot", SYS_epoll_wait, by_epoll_oneshot},
	{"epoll_exclusive", SYS_epoll_wait, by_epoll_exclusive},
	{"epoll_of_an_epoll", SYS_epoll_wait, by_epoll_of_an_epoll},
#ifndef WITHOUT_LIBURING
	{"io_uring_poll", SYS_io_uring_enter, by_io_uring_poll},
	{"io_uring_read", SYS_io_uring_enter, by_io_uring_read},
#endif
	{"read", SYS_pread64, by_read},
	{"info", SYS_ioctl, by_info},
};

class wait_by : public testing::TestWithParam<waiter> {
protected:
	/* Exits with 0 when told to. */
	wait_by() : child_(start([this] { return may_exit_.pass() ? 0 : 1; }))
	{
	}

	gate may_exit_;
	child child_;
};

TEST_P(wait_by, is_woken_by_the_exit)
{
	pid_t tid = 0;
	gate has_tid;
	bool told = false;
	std::thread thread([&] {
		tid = sys_gettid();
		has_tid.open();
		told = GetParam().wait(child_.fd);
	});

	EXPECT_TRUE(has_tid.pass());
	EXPECT_TRUE(sleeps_in(getpid(), tid, GetParam().nr));
	may_exit_.open();
	thread.join();
	EXPECT_TRUE(told);
}

TEST_P(wait_by, is_answered_at_once_after_the_exit)
{
	may_exit_.open();
	wait_for_zombie(child_.pid);
	EXPECT_TRUE(GetParam().wait(child_.fd));
	child_.wait();
	EXPECT_TRUE(GetParam().wait(child_.fd)) << "after it was reaped";
}

TEST_P(wait_by, wakes_several_processes)
{
	const waiter how = GetParam();
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));

	/* Two that inherit it, one that it is sent to, one that opens it anew. */
	auto inherits = [&] { return how.wait(child_.fd) ? 0 : 1; };
	auto receives = [&] {
		unique_fd fd(must(recv_fd(sockets[1])));

		return how.wait(fd) ? 0 : 1;
	};
	auto opens = [&] {
		unique_fd fd(must(open_process(child_.pid)));

		return how.wait(fd) ? 0 : 1;
	};
	std::vector<child> all;

	all.push_back(start_without_descriptor(inherits));
	all.push_back(start_without_descriptor(inherits));
	all.push_back(start_without_descriptor(receives));
	all.push_back(start_without_descriptor(opens));
	send_fd(sockets[0], child_.fd);
	for (const child &c : all)
		EXPECT_TRUE(sleeps_in(c.pid, c.pid, how.nr));
	may_exit_.open();
	for (child &c : all)
		EXPECT_EQ(0, c.wait());
	close(sockets[0]);
	close(sockets[1]);
}

INSTANTIATE_TEST_SUITE_P(, wait_by, testing::ValuesIn(waiters),
			 [](const auto &p) {
				 return std::string(p.param.name);
			 });

TEST(poll, wakes_many_threads)
{
	gate may_exit;
	child c = start([&may_exit] { return may_exit.pass() ? 0 : 1; });
	constexpr int count = 16;
	std::vector<pid_t> tids(count);
	std::vector<short> events(count);
	std::vector<std::thread> threads;
	gate has_tid;

	for (int i = 0; i < count; i++)
		threads.emplace_back([&, i] {
			tids[i] = sys_gettid();
			has_tid.open();
			events[i] = poll_for(c.fd, POLLIN, patience_ms());
		});
	for (int i = 0; i < count; i++)
		EXPECT_TRUE(has_tid.pass());
	for (pid_t tid : tids)
		EXPECT_TRUE(sleeps_in(getpid(), tid, SYS_poll));
	may_exit.open();
	for (std::thread &thread : threads)
		thread.join();
	EXPECT_EQ(std::vector<short>(count, POLLIN | POLLHUP), events);
}

TEST(poll, wakes_when_a_stopped_process_is_killed)
{
	child c = start_sleeper();
	int status;

	kill(c.pid, SIGSTOP);
	ASSERT_EQ(c.pid, waitpid(c.pid, &status, WUNTRACED | __WALL));
	kill(c.pid, SIGKILL);
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

#ifndef WITHOUT_LIBURING
/* Is there a thread that the kernel started for a request that would block? */
bool has_io_worker()
{
	for (const auto &task :
	     std::filesystem::directory_iterator("/proc/self/task"))
		if (slurp(task.path() / "comm").starts_with("iou-wrk"))
			return true;
	return false;
}

TEST(io_uring, read_waits_without_a_worker)
{
	child c = start_without_descriptor([] {
		gate may_exit;
		child target =
			start([&may_exit] { return may_exit.pass() ? 0 : 1; });
		char text[PROCFD_RECORD_MAX];
		ring r;

		io_uring_prep_read(r.request(), target.fd, text, sizeof(text),
				   0);
		r.submit();
		if (r.is_done() || has_io_worker())
			return 1;
		may_exit.open();
		return r.result() > 0 && !has_io_worker() ? 0 : 2;
	});

	EXPECT_EQ(0, c.wait());
}

TEST(io_uring, write_signals)
{
	child c = start_sleeper();
	ring r;

	io_uring_prep_write(r.request(), c.fd, "KILL", 4, -1);
	r.submit();
	EXPECT_EQ(4, r.result());
	EXPECT_EQ(SIGKILL, c.wait());
}

TEST(io_uring, poll_of_many_polls_says_each)
{
	child c = start_sleeper();
	ring r;

	io_uring_prep_poll_multishot(r.request(), c.fd, POLLIN);
	r.submit();
	EXPECT_FALSE(r.is_done());
	kill(c.pid, SIGKILL);
	EXPECT_EQ(POLLIN | POLLHUP, r.result());
}

TEST(io_uring, wait_can_be_cancelled)
{
	child c = start_sleeper();
	char text[PROCFD_RECORD_MAX];
	ring r;

	io_uring_sqe *read = r.request();

	io_uring_prep_read(read, c.fd, text, sizeof(text), 0);
	io_uring_sqe_set_data64(read, 7);
	r.submit();
	io_uring_prep_cancel64(r.request(), 7, 0);
	r.submit();

	/* The answer of either may come first. */
	int one = r.result(), two = r.result();

	EXPECT_EQ(-ECANCELED, std::min(one, two));
	EXPECT_EQ(0, std::max(one, two));
	EXPECT_EQ(running, poll_now(c.fd));
}
#endif

} // namespace
