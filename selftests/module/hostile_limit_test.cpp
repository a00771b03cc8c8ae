// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user cannot pin kernel memory without bound: whatever he makes many
 * of is charged to his memory cgroup, and bounded by number as well where that
 * has a limit of its own. In a cgroup of 8 MiB only the cgroup suffers.
 */
#include <atomic>
#include <climits>
#include <functional>
#include <thread>

#include <sys/epoll.h>
#include <sys/resource.h>

#include "memory_group.h"

namespace {

constexpr long group_size = 8 << 20;

/* How one can hold more and more: a step, or -errno when it is at an end. */
struct hoard {
	const char *name;
	std::function<int(const std::string &own, int i)> step;
};

int keep(int fd)
{
	return std::min(fd, 0);
}

int hoard_descriptors(const std::string &, int)
{
	return keep(open_process(0));
}

/* Announced, and dropped when the next one is. */
int hoard_announcements(const std::string &, int)
{
	cancel();
	return keep(announce());
}

/* Pending, each in a thread that stays. */
int hoard_pending_forks(const std::string &, int)
{
	constexpr int none = INT_MIN;
	static std::atomic<int> fd;

	fd = none;
	std::thread([] {
		fd = announce();
		fd.notify_one();
		sleep_for_ever();
	}).detach();
	fd.wait(none);
	return keep(fd);
}

int hoard_names(const std::string &own, int i)
{
	static unique_fd self(must(open_process(0)));
	static unique_fd to(must(open_path(own, O_PATH)));
	const std::string name = std::string(200, 'n') + std::to_string(i);

	return flink(self, to, name.c_str());
}

/* Names that keep descriptors which nobody has open. */
int hoard_named_descriptors(const std::string &own, int i)
{
	static unique_fd to(must(open_path(own, O_PATH)));
	unique_fd fd(open_process(0));

	return fd < 0 ? int(fd) : flink(fd, to, std::to_string(i).c_str());
}

int hoard_directories(const std::string &own, int i)
{
	return or_errno(mkdir((own + "/" + std::to_string(i)).c_str(), 0700));
}

int hoard_watches(const std::string &, int)
{
	static unique_fd self(must(open_process(0)));
	epoll_event event{};
	const int fd = must(or_errno(epoll_create1(EPOLL_CLOEXEC)));

	return or_errno(epoll_ctl(fd, EPOLL_CTL_ADD, self, &event));
}

/* Descriptors that are in flight, and open nowhere. */
int hoard_in_flight(const std::string &, int)
{
	int sockets[2];

	must(or_errno(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets)));
	for (int n = 0; n < 5; n++) {
		unique_fd fd(must(open_process(0)));

		send_fd(sockets[0], fd);
	}
	return 0;
}

class hostile_hoard : public memory_group_test,
		      public testing::WithParamInterface<hoard> {};

TEST_P(hostile_hoard, is_paid_for_by_his_own_cgroup)
{
	const std::string own = names_directory("own", 0755, nobody);
	gate ready, go;

	/*
	 * By memory.high: who goes beyond it is throttled, which the group
	 * counts. memory.max would kill, and the kernel logs a stack trace then.
	 */
	write_file(group + "/memory.high", std::to_string(group_size));

	child c = start_without_descriptor([&] {
		const rlimit many{1 << 20, 1 << 20};

		must(or_errno(setrlimit(RLIMIT_NOFILE, &many)));
		enter_group();
		become(nobody);
		ready.open();
		if (!go.pass())
			return 1;
		for (int i = 0;; i++)
			must(GetParam().step(own, i));
	});

	ASSERT_TRUE(ready.pass());

	const long before = held_back();

	go.open();
	EXPECT_TRUE(eventually([&] { return held_back() > before + 20; }));
	/* What counts as charged has not run away from it. */
	EXPECT_LT(used(), 2 * group_size);

	/* Another user, outside of it, does not notice. */
	const std::string others = names_directory("others", 0755, alice);

	EXPECT_EQ(0, as(alice, [&] {
			  unique_fd to(must(open_path(others, O_PATH)));
			  servant s(alice);

			  must(flink(s.fd(), to, "n"));
			  if (echo_to(others + "/n", "HUP") != 4 ||
			      s.next_signal() != SIGHUP)
				  return 1;
			  s.exit(7);
			  return outcome_of(others + "/n") == "exited 7" ? 0 :
									   2;
		  }));
	kill(c.pid, SIGKILL);
	EXPECT_EQ(SIGKILL, c.wait());
}

INSTANTIATE_TEST_SUITE_P(
	, hostile_hoard,
	testing::Values(hoard{"of_descriptors", hoard_descriptors},
			hoard{"of_announcements", hoard_announcements},
			hoard{"of_pending_forks", hoard_pending_forks},
			hoard{"of_names", hoard_names},
			hoard{"of_named_descriptors", hoard_named_descriptors},
			hoard{"of_directories", hoard_directories},
			hoard{"of_watches", hoard_watches},
			hoard{"of_descriptors_in_flight", hoard_in_flight}),
	[](const auto &info) { return info.param.name; });

class hostile_limit : public memory_group_test {};

/*
 * An announcement holds its thread's task_struct; that ends with the thread, or
 * each descriptor that is left would cost as much as a task.
 */
TEST_F(hostile_limit, of_memory_lets_no_announcement_keep_its_thread)
{
	constexpr int many = 500;
	const long cost = cost_of([] {
		for (int i = 0; i < many; i++) {
			int fd = -1;

			std::thread([&fd] { fd = announce(); }).join();
			if (fd < 0 || poll_over(fd) != (POLLERR | POLLHUP))
				return 1;
		}
		return 0;
	});

	EXPECT_GT(cost, many * 500);
	EXPECT_LT(cost, many * 4000);
}

/* Bytes that an object of a slab takes. */
long slab_size(const std::string &name)
{
	const std::string text = slurp("/proc/slabinfo");
	const std::size_t at = text.find("\n" + name + " ");
	long objects, all, size = 0;

	if (at == text.npos ||
	    sscanf(text.c_str() + at + 1 + name.size(), "%ld %ld %ld", &objects,
		   &all, &size) != 3)
		ADD_FAILURE() << "no slab " << name;
	return size;
}

/* Or a group of 8 MiB would hold several times as much. */
TEST_F(hostile_limit, of_memory_counts_all_that_a_descriptor_is_made_of)
{
	constexpr int many = 8000;
	const long cost = cost_of([] {
		const rlimit limit{many + 100, many + 100};

		must(or_errno(setrlimit(RLIMIT_NOFILE, &limit)));
		for (int i = 0; i < many; i++) {
			must(announce());
			must(cancel());
		}
		return 0;
	});
	long size = 0;

	for (const char *slab :
	     {"procfd_process", "procfd_inode", "dentry", "filp"})
		size += slab_size(slab);
	/* The group keeps some for each processor, before as after. */
	EXPECT_GT(cost, many * size * 9 / 10);
}

/* unix(7): who may not raise limits has no more in flight than he may open. */
TEST_F(hostile_limit, of_open_files_bounds_what_is_in_flight)
{
	EXPECT_EQ(0, as(nobody, [] {
			  const rlimit limit{64, 64};
			  unique_fd fd(must(open_process(0)));
			  int sockets[2];
			  char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};
			  iovec iov{&byte, 1};
			  msghdr m{};
			  int sent = 0, ret;

			  must(or_errno(setrlimit(RLIMIT_NOFILE, &limit)));
			  must(or_errno(socketpair(AF_UNIX,
						   SOCK_STREAM | SOCK_NONBLOCK,
						   0, sockets)));
			  m.msg_iov = &iov;
			  m.msg_iovlen = 1;
			  m.msg_control = control;
			  m.msg_controllen = sizeof(control);

			  cmsghdr *c = CMSG_FIRSTHDR(&m);

			  c->cmsg_level = SOL_SOCKET;
			  c->cmsg_type = SCM_RIGHTS;
			  c->cmsg_len = CMSG_LEN(sizeof(int));
			  memcpy(CMSG_DATA(c), &fd, sizeof(int));
			  while ((ret = int(or_errno(
					  sendmsg(sockets[0], &m, 0)))) == 1)
				  sent++;
			  if (ret != -ETOOMANYREFS)
				  return 1;
			  return sent > 0 && sent < 100 ? 0 : 2;
		  }));
}

/* A socket that is in flight in itself: the kernel's collector finds it. */
TEST_F(hostile_limit, of_time_ends_what_is_in_flight_to_nobody)
{
	gate may_exit;
	child watched = start_sleeper(PROCFD_KILL_ON_CLOSE);
	unique_fd watch(must(open_process(watched.pid)));
	int sockets[2];

	must(or_errno(
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, sockets)));
	send_fd(sockets[0], watched.fd);
	send_fd(sockets[0], sockets[0]);
	send_fd(sockets[0], sockets[1]);
	watched.fd.reset();
	close(sockets[0]);
	close(sockets[1]);
	/* The collector comes with the next socket that is closed. */
	EXPECT_TRUE(eventually([&] {
		int others[2];

		must(or_errno(socketpair(AF_UNIX, SOCK_DGRAM, 0, others)));
		close(others[0]);
		close(others[1]);
		return poll_now(watch) & POLLHUP;
	}));
	EXPECT_EQ(SIGKILL, watched.wait());
}

} // namespace
