// SPDX-License-Identifier: MIT
#include <poll.h>

#include "common.hpp"

using procfd::fork_flags;
using procfd::spawn;
using procfd::spawn_options;

class spawned : public with_module {};

namespace {

/// posix_spawn(3)'s list of what to do, with its destructor.
class actions {
public:
	actions() { ::posix_spawn_file_actions_init(&list_); }
	~actions() { ::posix_spawn_file_actions_destroy(&list_); }
	actions(const actions &) = delete;
	actions &operator=(const actions &) = delete;

	actions &dup2(int from, int to)
	{
		::posix_spawn_file_actions_adddup2(&list_, from, to);
		return *this;
	}
	[[nodiscard]] const posix_spawn_file_actions_t *get() const
	{
		return &list_;
	}

private:
	posix_spawn_file_actions_t list_;
};

} // namespace

TEST_F(spawned, program_runs_and_is_waited_for)
{
	auto c = spawn({"sh", "-c", "exit 7"});

	ASSERT_OK(c);
	EXPECT_EQ(7, c->wait()->exit_code());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(spawned, program_gets_all_arguments_and_descriptors)
{
	channel out;
	actions to_pipe;

	to_pipe.dup2(out.writer(), STDOUT_FILENO);

	auto c = spawn({"sh", "-c", "echo $# $0 $9 ${33} ${40}",
			"0",  "1",  "2",
			"3",  "4",  "5",
			"6",  "7",  "8",
			"9",  "10", "11",
			"12", "13", "14",
			"15", "16", "17",
			"18", "19", "20",
			"21", "22", "23",
			"24", "25", "26",
			"27", "28", "29",
			"30", "31", "32",
			"33", "34", "35",
			"36", "37", "38",
			"39", "40"},
		       {.file_actions = to_pipe.get()});

	ASSERT_OK(c);
	out.close_writer();
	EXPECT_EQ("40 0 9 33 40\n", out.receive_all());
	EXPECT_TRUE(c->wait()->success());
}

TEST_F(spawned, program_gets_the_environment_and_file_given)
{
	const char *environment[] = {"ONE=1", nullptr};
	auto c = spawn({"-sh", "-c", "test \"$ONE\" = 1 && test \"$0\" = -sh"},
		       {.file = "/bin/sh", .environment = environment});

	ASSERT_OK(c);
	EXPECT_TRUE(c->wait()->success());
}

TEST_F(spawned, program_has_the_signal_mask_of_the_caller)
{
	const char *argv[] = {"grep", "-q", "^SigBlk:.0000000000000a00$",
			      "/proc/self/status", nullptr};
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	::pthread_sigmask(SIG_SETMASK, &set, &before);

	auto c = spawn(argv);

	ASSERT_OK(c);
	EXPECT_TRUE(c->wait()->success());

	sigset_t now;

	::pthread_sigmask(SIG_SETMASK, &before, &now);
	EXPECT_EQ(1, sigismember(&now, SIGUSR2));
	EXPECT_EQ(0, sigismember(&now, SIGTERM));
}

TEST_F(spawned, program_has_the_signal_mask_asked_for)
{
	const char *argv[] = {"grep", "-q", "^SigBlk:.0000000000004000$",
			      "/proc/self/status", nullptr};
	posix_spawnattr_t attributes;
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	::posix_spawnattr_init(&attributes);
	::posix_spawnattr_setsigmask(&attributes, &term);
	::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

	auto c = spawn(argv, {.attributes = &attributes});

	::posix_spawnattr_destroy(&attributes);
	ASSERT_OK(c);
	EXPECT_TRUE(c->wait()->success());
}

TEST_F(spawned, program_that_cannot_be_executed_leaves_nothing)
{
	for (auto flags :
	     {fork_flags::none, fork_flags::quiet, fork_flags::kill_on_close,
	      fork_flags::quiet | fork_flags::kill_on_close}) {
		auto before = open_descriptors();

		EXPECT_ERROR(ENOENT,
			     spawn({"/nonexistent/program"}, {.flags = flags}));
		EXPECT_ERROR(ENOENT, spawn({"no-such-program-anywhere"},
					   {.flags = flags}));
		EXPECT_ERROR(EACCES, spawn({"/etc/passwd"}, {.flags = flags}));
		EXPECT_EQ(ECHILD, any_child());
		EXPECT_EQ(before, open_descriptors());
	}
}

TEST_F(spawned, nothing_is_refused)
{
	EXPECT_ERROR(EINVAL, spawn(std::initializer_list<const char *>{}));
	EXPECT_ERROR(EINVAL, spawn(nullptr));
}

TEST_F(spawned, program_without_a_name_leaves_no_announcement)
{
	EXPECT_ERROR(ENOENT, spawn({""}));

	auto c = spawn({"true"});

	ASSERT_OK(c);
	EXPECT_TRUE(c->wait()->success());
}

TEST_F(spawned, quiet_program_is_quiet_after_its_exec_too)
{
	channel in, out;
	actions pipes;

	pipes.dup2(in.reader(), STDIN_FILENO).dup2(out.writer(), STDOUT_FILENO);

	auto c = spawn({"cat"}, {.flags = fork_flags::quiet,
				 .file_actions = pipes.get()});

	ASSERT_OK(c);
	EXPECT_TRUE(c->info()->quiet);
	// posix_spawn(3) returns in the middle of the exec; now it is over
	in.send(1);
	EXPECT_EQ(1, out.receive());
	EXPECT_EQ(-1, ::waitpid(-1, nullptr, WNOHANG));
	EXPECT_EQ(ECHILD, errno);
	in.close_writer();
	EXPECT_TRUE(c->wait()->success());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_F(spawned, program_with_kill_on_close_dies_with_its_holder)
{
	auto c = spawn({"tail", "-f", "/dev/null"},
		       {.flags = fork_flags::kill_on_close});

	ASSERT_OK(c);

	auto watch = procfd::process::open(c->info()->pid);

	ASSERT_OK(watch);
	*c = {};
	EXPECT_EQ(SIGKILL, watch->wait()->signal());
}

TEST_F(spawned, detached_program_runs_and_leaves_nothing_here)
{
	channel out;
	actions to_pipe;
	auto before = open_descriptors();

	to_pipe.dup2(out.writer(), STDOUT_FILENO);
	EXPECT_OK(procfd::spawn_detached({"sh", "-c", "echo hello"},
					 {.file_actions = to_pipe.get()}));
	EXPECT_EQ(ECHILD, any_child());
	EXPECT_EQ(before, open_descriptors());
	out.close_writer();
	EXPECT_EQ("hello\n", out.receive_all());
}

namespace {

/// Whether the child of a fork(3) sends itself a signal.
bool signals_itself;

} // namespace

TEST_F(spawned, no_handler_runs_in_the_process_between_nor_does_a_signal_end_it)
{
	static int registered = ::pthread_atfork(nullptr, nullptr, [] {
		if (signals_itself)
			::raise(SIGUSR1);
	});
	static channel *handled;

	ASSERT_EQ(0, registered);
	for (sighandler_t handler :
	     {sighandler_t([](int) { handled->send(1); }), SIG_DFL}) {
		channel out, heard;
		actions to_pipe;

		handled = &heard;
		to_pipe.dup2(out.writer(), STDOUT_FILENO);

		auto before = std::signal(SIGUSR1, handler);

		signals_itself = true;
		EXPECT_OK(procfd::spawn_detached(
			{"echo", "hello"}, {.file_actions = to_pipe.get()}));
		signals_itself = false;
		std::signal(SIGUSR1, before);
		out.close_writer();
		heard.close_writer();
		EXPECT_EQ("hello\n", out.receive_all());
		EXPECT_EQ("", heard.receive_all());
	}
}

TEST_F(spawned, detached_program_that_cannot_be_executed_is_reported)
{
	EXPECT_ERROR(ENOENT, procfd::spawn_detached({"/nonexistent/program"}));
	EXPECT_ERROR(EACCES, procfd::spawn_detached({"/etc/passwd"}));
	EXPECT_ERROR(EINVAL, procfd::spawn_detached(
				     {"true"}, {.flags = fork_flags::quiet}));
	EXPECT_EQ(ECHILD, any_child());
}
