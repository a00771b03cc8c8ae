// SPDX-License-Identifier: MIT
//
// spawn() when somebody else makes a child in the midst of it: here the program has
// a posix_spawnp(3) of its own, as an interposed library would.
#include <spawn.h>

#include "common.hpp"

using procfd::fork_flags;

namespace {

bool meddle;

/// Instead of the program: make a child that lives until it is told, and fail.
const channel *fail_with_child;

void make_child_that_waits(const channel &told)
{
	if (::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0L) == 0)
		::syscall(SYS_exit_group, told.receive());
}

} // namespace

extern "C" int posix_spawnp(pid_t *pid, const char *file,
			    const posix_spawn_file_actions_t *actions,
			    const posix_spawnattr_t *attributes,
			    char *const argv[], char *const environment[])
{
	if (fail_with_child) {
		make_child_that_waits(*fail_with_child);
		return E2BIG;
	}
	if (meddle)
		fork_another();
	return ::posix_spawn(pid, file, actions, attributes, argv, environment);
}

class spawn_wrong : public with_module {
protected:
	void TearDown() override
	{
		meddle = false;
		with_module::TearDown();
	}

	/// What holds of each way to start a program that is not bound.
	template <typename F>
	void leaves_no_child(F start)
	{
		for (auto flags : {fork_flags::none, fork_flags::quiet,
				   fork_flags::kill_on_close}) {
			channel user_code;
			auto before = open_descriptors();

			meddle = true;

			auto started = start(user_code, flags);

			meddle = false;
			EXPECT_FALSE(started);
			EXPECT_EQ(procfd::errc::wrong_child, started.error());
			EXPECT_EQ(before, open_descriptors());
			// quiet: posix_spawnp() passed its own child over
			while (::waitpid(-1, nullptr, __WALL) > 0)
				;
			EXPECT_EQ(ECHILD, any_child());
			// nothing holds it: the program is gone, or never was
			user_code.close_writer();
			EXPECT_EQ("", user_code.receive_all());
		}
	}
};

TEST_F(spawn_wrong, the_interposed_function_is_what_spawn_calls)
{
	auto c = procfd::spawn({"/bin/true"});

	ASSERT_OK(c);
	EXPECT_TRUE(c->wait()->success());
	EXPECT_ERROR(ENOENT, procfd::spawn({"true"})); // it does not search
}

TEST_F(spawn_wrong, child_is_ended_and_reported)
{
	leaves_no_child([](channel &held, fork_flags flags) {
		posix_spawn_file_actions_t actions;

		::posix_spawn_file_actions_init(&actions);
		::posix_spawn_file_actions_adddup2(&actions, held.writer(), 5);

		auto c = procfd::spawn({"/bin/tail", "-f", "/dev/null"},
				       {.flags = flags,
					.file_actions = &actions});

		::posix_spawn_file_actions_destroy(&actions);
		return c;
	});
}

TEST_F(spawn_wrong, child_of_a_command_is_too)
{
	leaves_no_child([](channel &held, fork_flags flags) {
		return procfd::command({"/bin/tail", "-f", "/dev/null"})
			.flags(flags)
			.keep(held.writer())
			.out(procfd::stdio::pipe)
			.spawn();
	});
}

TEST_F(spawn_wrong, child_of_a_command_that_forks_is_too)
{
	static int registered = ::pthread_atfork(
		[] {
			if (meddle)
				fork_another();
		},
		nullptr, nullptr);

	ASSERT_EQ(0, registered);
	leaves_no_child([](channel &held, fork_flags flags) {
		return procfd::command({"/bin/tail", "-f", "/dev/null"})
			.flags(flags)
			.keep(held.writer())
			.close_others()
			.spawn();
	});
}

TEST_F(spawn_wrong, child_of_a_posix_spawn_that_fails_is_left_to_its_maker)
{
	for (auto flags :
	     {fork_flags::none, fork_flags::quiet, fork_flags::kill_on_close,
	      fork_flags::quiet | fork_flags::kill_on_close}) {
		channel tell;
		int raw = -1;

		fail_with_child = &tell;

		auto c = procfd::spawn({"/bin/true"}, {.flags = flags});

		fail_with_child = nullptr;
		EXPECT_ERROR(E2BIG, c);
		tell.send(5);

		bool reaped = ::waitpid(-1, &raw, __WALL) > 0;

		if ((flags & fork_flags::quiet) != fork_flags::none &&
		    procfd::device::open()->query()->autoreap) {
			EXPECT_FALSE(reaped); // it has waited for the end
			continue;
		}
		EXPECT_TRUE(reaped);
		EXPECT_EQ(5, WIFEXITED(raw) ? WEXITSTATUS(raw) : -1) << raw;
	}
}

TEST_F(spawn_wrong, works_after_an_error)
{
	auto c = procfd::spawn({"/bin/true"});

	ASSERT_OK(c);
	EXPECT_TRUE(c->wait()->success());
}
