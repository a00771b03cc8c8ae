// SPDX-License-Identifier: MIT
#include <thread>

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.hpp"

using procfd::signal_stream;

namespace {

bool blocked(int signo)
{
	sigset_t now;

	::pthread_sigmask(SIG_SETMASK, nullptr, &now);
	return sigismember(&now, signo) == 1;
}

/// Block a signal as long as this lives.
class blocking {
public:
	explicit blocking(int signo)
	{
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, signo);
		::pthread_sigmask(SIG_BLOCK, &set, &before_);
	}
	~blocking() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
	blocking(const blocking &) = delete;
	blocking &operator=(const blocking &) = delete;

private:
	sigset_t before_;
};

} // namespace

TEST(signal_stream, gives_each_signal_with_its_sender)
{
	auto s = signal_stream::open({SIGUSR1, SIGTERM});

	ASSERT_OK(s);
	::raise(SIGTERM);
	::kill(::getpid(), SIGUSR1);

	auto first = s->read();
	auto second = s->read();

	ASSERT_OK(first);
	ASSERT_OK(second);
	// lower numbers first, but raise(3) is for this thread
	EXPECT_EQ(SIGUSR1 + SIGTERM, first->signo + second->signo);
	for (const auto &got : {*first, *second}) {
		EXPECT_EQ(::getpid(), got.pid);
		EXPECT_EQ(::getuid(), got.uid);
		EXPECT_EQ(got.signo == SIGUSR1 ? SI_USER : SI_TKILL, got.code);
		EXPECT_FALSE(got.child);
	}
}

TEST(signal_stream, gives_the_value_of_sigqueue)
{
	auto s = signal_stream::open({SIGRTMIN + 3});
	sigval value{};

	ASSERT_OK(s);
	value.sival_int = 4711;
	ASSERT_EQ(0, ::sigqueue(::getpid(), SIGRTMIN + 3, value));

	auto got = s->try_read();

	ASSERT_OK(got);
	ASSERT_TRUE(*got);
	EXPECT_EQ(SIGRTMIN + 3, (*got)->signo);
	EXPECT_EQ(SI_QUEUE, (*got)->code);
	EXPECT_EQ(4711, (*got)->value);
}

TEST(signal_stream, tells_how_a_child_ended)
{
	auto s = signal_stream::open({SIGCHLD});

	ASSERT_OK(s);
	scratch core;
	rlimit size{};

	::getrlimit(RLIMIT_CORE, &size);
	size.rlim_cur = size.rlim_max;
	for (int signo : {0, SIGKILL, SIGABRT}) {
		pid_t pid = ::fork();

		if (pid == 0) {
			if (::chdir(core.str().c_str()) < 0 ||
			    ::setrlimit(RLIMIT_CORE, &size) < 0)
				::_exit(6);
			if (signo)
				::raise(signo);
			::_exit(5);
		}

		auto got = s->read();
		int raw = -1;

		ASSERT_OK(got);
		EXPECT_EQ(SIGCHLD, got->signo);
		EXPECT_EQ(pid, got->pid);
		ASSERT_EQ(pid, ::waitpid(pid, &raw, 0));
		ASSERT_TRUE(got->child);
		EXPECT_EQ(raw, got->child->raw());
		// Whether there is a core is the system's to say
		EXPECT_EQ(WCOREDUMP(raw) != 0, got->code == CLD_DUMPED);
		if (signo != SIGABRT) {
			EXPECT_EQ(signo ? "killed 9" : "exited 5",
				  got->child->str());
		}
	}
}

TEST(signal_stream, polls_readable_and_looks_without_waiting)
{
	auto s = signal_stream::open({SIGUSR2});

	ASSERT_OK(s);

	pollfd readable{s->native_handle(), POLLIN, 0};

	EXPECT_EQ(0, ::poll(&readable, 1, 0));
	EXPECT_OK(s->try_read());
	EXPECT_FALSE(*s->try_read());
	::raise(SIGUSR2);
	EXPECT_EQ(1, ::poll(&readable, 1, -1));
	EXPECT_EQ(SIGUSR2, (*s->try_read())->signo);
	EXPECT_FALSE(*s->try_read());
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(s->native_handle(), F_GETFD));

	auto moved = *std::move(s);

	EXPECT_TRUE(moved);
	EXPECT_FALSE(*s);
}

TEST(signal_stream, gives_up_at_the_deadline)
{
	auto s = signal_stream::open({SIGUSR2});
	auto now = std::chrono::steady_clock::now();

	ASSERT_OK(s);
	EXPECT_ERROR(ETIMEDOUT, s->read_until(now));
	EXPECT_ERROR(ETIMEDOUT, s->read_until({}));
	EXPECT_ERROR(ETIMEDOUT, s->read_until(decltype(now)::min()));
	EXPECT_ERROR(ETIMEDOUT,
		     s->read_until(now + std::chrono::milliseconds(20)));
	EXPECT_LE(now + std::chrono::milliseconds(20),
		  std::chrono::steady_clock::now());
	::raise(SIGUSR2);
	EXPECT_EQ(SIGUSR2, s->read_until(now)->signo);
}

TEST(signal_stream, reading_goes_on_after_another_signal)
{
	auto s = signal_stream::open({SIGUSR2});

	ASSERT_OK(s);
	for (bool by_deadline : {false, true}) {
		interrupts often([] { ::raise(SIGUSR2); });
		auto got =
			by_deadline ?
				s->read_until(std::chrono::steady_clock::now() +
					      std::chrono::hours(1)) :
				s->read();

		ASSERT_OK(got);
		EXPECT_EQ(SIGUSR2, got->signo);
		EXPECT_GE(interrupts::count, 20);
	}
}

TEST(signal_stream, refuses_what_cannot_be_blocked_or_is_no_signal)
{
	auto before = open_descriptors();
	sigset_t all;

	sigfillset(&all);
	for (int signo : {SIGKILL, SIGSTOP, 0, -1, 65, 1000})
		EXPECT_ERROR(EINVAL, signal_stream::open({SIGUSR1, signo}));
	EXPECT_ERROR(EINVAL, signal_stream::open({}));
	EXPECT_ERROR(EINVAL, signal_stream::open(all));
	EXPECT_FALSE(blocked(SIGUSR1));
	EXPECT_EQ(before, open_descriptors());
}

TEST(signal_stream, restores_what_was_blocked_and_what_was_not)
{
	blocking usr2(SIGUSR2);
	{
		auto s = signal_stream::open({SIGUSR1, SIGUSR2});

		ASSERT_OK(s);
		EXPECT_TRUE(blocked(SIGUSR1));
		EXPECT_FALSE(blocked(SIGTERM));
	}
	EXPECT_FALSE(blocked(SIGUSR1));
	EXPECT_TRUE(blocked(SIGUSR2));
}

TEST(signal_stream, two_that_share_a_signal_may_end_in_any_order)
{
	auto one = signal_stream::open({SIGUSR1, SIGUSR2});
	auto two = signal_stream::open({SIGUSR2, SIGTERM});

	ASSERT_OK(one);
	ASSERT_OK(two);
	*one = {};
	EXPECT_FALSE(blocked(SIGUSR1));
	EXPECT_TRUE(blocked(SIGUSR2));

	auto moved = *std::move(two);

	*two = {};
	EXPECT_TRUE(blocked(SIGUSR2));
	EXPECT_TRUE(blocked(SIGTERM));
	moved = {};
	EXPECT_FALSE(blocked(SIGUSR2));
	EXPECT_FALSE(blocked(SIGTERM));
	EXPECT_ERROR(EBADF, moved.read());
	EXPECT_ERROR(EBADF, moved.try_read());
}

TEST(signal_stream, threads_made_after_it_leave_its_signals_to_it)
{
	auto s = signal_stream::open({SIGUSR1});

	ASSERT_OK(s);
	std::thread([&] {
		EXPECT_TRUE(blocked(SIGUSR1));
		::kill(::getpid(), SIGUSR1);

		auto got = s->read(); // any thread may read it

		EXPECT_EQ(SIGUSR1, got->signo);
	}).join();
}

TEST(signal_stream, ended_in_another_thread_leaves_both_masks_alone)
{
	std::thread([] {
		auto s = signal_stream::open({SIGUSR1});

		ASSERT_OK(s);
		std::thread([&] {
			*s = {};
			EXPECT_TRUE(blocked(SIGUSR1));
		}).join();
		EXPECT_TRUE(blocked(SIGUSR1));
	}).join();
	EXPECT_FALSE(blocked(SIGUSR1));
}

TEST(signal_stream, of_a_thread_that_is_gone_ends_without_unblocking_anything)
{
	static thread_local char here;
	const void *first = nullptr;
	bool same_place = false;

	// A later thread may have its data where the one that is gone had its own
	for (int tries = 0; tries < 100 && !same_place; tries++) {
		procfd::result<signal_stream> left = signal_stream();

		std::thread([&] {
			first = &here;
			left = signal_stream::open({SIGUSR1});
		}).join();
		ASSERT_OK(left);
		std::thread([&] {
			auto own = signal_stream::open({SIGUSR1});

			same_place = first == &here;
			*left = {};
			EXPECT_TRUE(blocked(SIGUSR1));
			*own = {};
			EXPECT_FALSE(blocked(SIGUSR1));
		}).join();
	}
	EXPECT_TRUE(same_place);
}

class signal_stream_children : public with_module {};

TEST_F(signal_stream_children, of_fork_start_as_if_there_were_no_stream)
{
	blocking usr2(SIGUSR2);
	auto s = signal_stream::open({SIGUSR1, SIGUSR2});

	ASSERT_OK(s);

	auto c = child([&] {
		if (blocked(SIGUSR1) || !blocked(SIGUSR2))
			return 1;
		if (s->try_read()->has_value())
			return 2;

		// one of the child's own works, and the parent's does not harm
		auto own = signal_stream::open({SIGUSR1});

		if (!own || !blocked(SIGUSR1))
			return 3;
		*s = {};
		if (!blocked(SIGUSR1))
			return 4;
		::raise(SIGUSR1);
		if (own->read()->signo != SIGUSR1)
			return 5;
		*own = {};
		return blocked(SIGUSR1) ? 6 : 0;
	});

	EXPECT_EQ("exited 0", c.wait()->str());
	EXPECT_TRUE(blocked(SIGUSR1));
}

TEST_F(signal_stream_children, of_spawn_and_command_too)
{
	const char *none_blocked[] = {"grep", "-q",
				      "^SigBlk:.0000000000000000$",
				      "/proc/self/status", nullptr};
	procfd::command same({none_blocked[0], none_blocked[1], none_blocked[2],
			      none_blocked[3]});
	auto s = signal_stream::open({SIGUSR1, SIGTERM});

	ASSERT_OK(s);

	auto spawned = procfd::spawn(none_blocked);
	auto commanded = same.spawn();
	auto forked = same.close_others().spawn();

	ASSERT_OK(spawned);
	ASSERT_OK(commanded);
	ASSERT_OK(forked);
	EXPECT_EQ("exited 0", spawned->wait()->str());
	EXPECT_EQ("exited 0", commanded->child.wait()->str());
	EXPECT_EQ("exited 0", forked->child.wait()->str());
}

TEST_F(signal_stream_children, killed_by_a_signal_that_the_parent_reads)
{
	auto s = signal_stream::open({SIGTERM});

	ASSERT_OK(s);

	auto c = procfd::spawn({"tail", "-f", "/dev/null"});

	ASSERT_OK(c);
	EXPECT_OK(c->signal(SIGTERM));
	EXPECT_EQ(SIGTERM, c->wait()->signal());
	EXPECT_FALSE(*s->try_read());
}
