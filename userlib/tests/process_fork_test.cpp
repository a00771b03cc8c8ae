// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <poll.h>

#include "common.hpp"

using procfd::fork_flags;

class fork : public with_module {};

TEST_F(fork, returns_once_in_each_process)
{
	channel mine;
	auto before = open_descriptors();
	auto f = procfd::fork();

	ASSERT_OK(f);
	if (f->in_child()) {
		// it has no descriptor of itself, nor of the device
		bool clean = !f->child && open_descriptors() == before;

		mine.send(clean ? 1 : 0);
		::_exit(11);
	}
	EXPECT_EQ(1, mine.receive());
	EXPECT_EQ(11, f->child.wait()->exit_code());
	EXPECT_EQ(before + 1, open_descriptors());
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(f->child.native_handle(), F_GETFD));
}

TEST_F(fork, knows_the_child_also_without_its_descriptor)
{
	auto f = procfd::fork();

	ASSERT_OK(f);
	if (f->in_child())
		::_exit(f->in_child() ? 11 : 12);

	auto c = std::move(f->child);

	EXPECT_FALSE(f->in_child());
	// As where the result is handed on
	EXPECT_FALSE(procfd::forked(std::move(*f)).in_child());
	EXPECT_EQ(11, c.wait()->exit_code());
}

TEST_F(fork, restores_the_signal_mask_in_both)
{
	sigset_t set, before, now;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	::pthread_sigmask(SIG_BLOCK, &set, &before);

	auto same = [&] {
		::pthread_sigmask(SIG_SETMASK, nullptr, &now);
		return sigismember(&now, SIGUSR2) == 1 &&
		       sigismember(&now, SIGTERM) == 0 &&
		       sigismember(&now, SIGCHLD) == 0;
	};
	auto c = child([&] { return same() ? 0 : 1; });

	EXPECT_TRUE(same());
	EXPECT_TRUE(c.wait()->success());
	::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(fork, a_quiet_child_is_invisible_until_it_is_waited_for)
{
	sigset_t chld, before;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	::pthread_sigmask(SIG_BLOCK, &chld, &before);

	auto c = child([] { return 4; }, fork_flags::quiet);
	pollfd exit{c.native_handle(), POLLIN, 0};
	timespec now{};

	EXPECT_TRUE(c.info()->quiet);
	ASSERT_EQ(1, ::poll(&exit, 1, -1));
	EXPECT_EQ(-1, ::waitpid(-1, nullptr, 0));
	EXPECT_EQ(ECHILD, errno);
	EXPECT_EQ(4, c.wait()->exit_code());
	EXPECT_EQ(ECHILD, any_child());
	EXPECT_EQ(-1, ::sigtimedwait(&chld, nullptr, &now)); // no SIGCHLD came
	::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(fork, the_destructor_reaps_a_quiet_child_that_has_exited)
{
	auto c = child([] { return 0; }, fork_flags::quiet);
	pollfd exit{c.native_handle(), POLLIN, 0};

	ASSERT_EQ(1, ::poll(&exit, 1, -1));
	c = {};
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(fork, the_destructor_leaves_other_children_to_the_program)
{
	auto c = child([] { return 9; });
	pollfd exit{c.native_handle(), POLLIN, 0};
	int raw = 0;

	ASSERT_EQ(1, ::poll(&exit, 1, -1));
	c = {};
	EXPECT_LT(0, ::waitpid(-1, &raw, 0));
	EXPECT_EQ(9, WEXITSTATUS(raw));
}

TEST_F(fork, without_a_descriptor_left_makes_no_child)
{
	rlimit before, few;

	ASSERT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &before));

	procfd::unique_fd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));

	// room for the device, not for the process
	few = {static_cast<rlim_t>(lowest.get()) + 1, before.rlim_max};
	lowest.reset();
	ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &few));

	auto f = procfd::fork();
	auto error = f.error();

	ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &before));
	EXPECT_EQ(std::errc::too_many_files_open, error);
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(fork, that_fails_takes_the_announcement_back)
{
	// as another user, in a child, for its processes are counted
	auto c = child([] {
		auto dev = procfd::device::open();
		rlimit one{1, 1};

		if (!dev || ::setresuid(65534, 65534, 65534) < 0 ||
		    ::setrlimit(RLIMIT_NPROC, &one) < 0)
			return 1;
		for (int i = 0; i < 2; i++) { // EBUSY would be the second
			auto f = procfd::fork(*dev);

			if (f && f->in_child())
				::_exit(0);
			if (f ||
			    f.error() !=
				    std::errc::resource_unavailable_try_again)
				return 2;
		}
		if (dev->cancel_fork().error() !=
		    std::errc::no_such_file_or_directory)
			return 3;
		return any_child() == ECHILD ? 0 : 4;
	});

	EXPECT_EQ("exited 0", c.wait()->str());
}

namespace {

/// What the fork handler below does in the midst of fork(3).
enum class meanwhile { nothing, fork, signal } now_do;

void in_the_midst()
{
	if (now_do == meanwhile::fork)
		fork_another();
	else if (now_do == meanwhile::signal)
		::raise(SIGUSR1);
}

/// Have the fork handler do something as long as this lives.
class doing {
public:
	explicit doing(meanwhile what)
	{
		static int registered =
			::pthread_atfork(in_the_midst, nullptr, nullptr);

		EXPECT_EQ(0, registered);
		now_do = what;
	}
	~doing() { now_do = meanwhile::nothing; }
	doing(const doing &) = delete;
	doing &operator=(const doing &) = delete;
};

} // namespace

TEST_F(fork, that_another_child_took_is_an_error_and_leaves_no_child)
{
	channel user_code;

	for (auto flags :
	     {fork_flags::none, fork_flags::quiet, fork_flags::kill_on_close}) {
		doing it(meanwhile::fork);
		auto before = open_descriptors();
		auto f = procfd::fork(flags);

		if (f && f->in_child()) {
			user_code.send(1);
			::_exit(0);
		}
		ASSERT_FALSE(f);
		EXPECT_EQ(procfd::errc::wrong_child, f.error());
		EXPECT_EQ(before, open_descriptors());

		// quiet: the handler's waitpid() passed its own child over
		while (::waitpid(-1, nullptr, __WALL) > 0)
			;
		EXPECT_EQ(ECHILD, any_child());
	}
	user_code.close_writer();
	EXPECT_EQ(-1, user_code.receive());
}

TEST_F(fork, is_not_taken_by_a_signal_handler_that_forks)
{
	auto before = std::signal(SIGUSR1, fork_another);
	{
		doing it(meanwhile::signal);
		auto c = child([] { return 13; });

		EXPECT_EQ(13, c.wait()->exit_code());
	}
	std::signal(SIGUSR1, before);
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(fork, works_after_an_error)
{
	auto c = child([] { return 12; });

	EXPECT_EQ(12, c.wait()->exit_code());
}
