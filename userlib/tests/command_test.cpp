// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <string_view>

#include <grp.h>
#include <sys/stat.h>

#include "common.hpp"

using procfd::command;
using procfd::fork_flags;
using procfd::spawned;
using procfd::stdio;

namespace {

/// The two ways in which a command starts: by posix_spawn(3), and by a fork.
enum class way { posix_spawn, fork };

std::string all_from(const procfd::unique_fd &fd)
{
	std::string all;
	char buffer[4096];

	for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof(buffer))) > 0;)
		all.append(buffer, static_cast<std::size_t>(n));
	return all;
}

} // namespace

/// What holds whichever way is taken.
class command_either_way : public with_module,
			   public ::testing::WithParamInterface<way> {
protected:
	/// A command that takes the way of this test.
	static command by_way(std::vector<std::string> argv)
	{
		command c(std::move(argv));

		if (GetParam() == way::fork)
			c.close_others();
		return c;
	}
	static command shell(const std::string &script)
	{
		return by_way({"sh", "-c", script});
	}
	/// \return  what a command writes; it must end well
	static std::string output(command &c)
	{
		auto s = c.out(stdio::pipe).spawn();

		EXPECT_OK(s);
		if (!s)
			return "";

		auto all = all_from(s->out);

		EXPECT_EQ("exited 0", s->child.wait()->str());
		return all;
	}
};

INSTANTIATE_TEST_SUITE_P(by, command_either_way,
			 ::testing::Values(way::posix_spawn, way::fork),
			 [](const auto &info) {
				 return info.param == way::fork ? "fork" :
								  "posix_spawn";
			 });

TEST_P(command_either_way, runs_a_program_and_waits_for_it)
{
	auto s = shell("exit 7").spawn();

	ASSERT_OK(s);
	EXPECT_FALSE(s->in);
	EXPECT_FALSE(s->out);
	EXPECT_FALSE(s->err);
	EXPECT_EQ(7, s->child.wait()->exit_code());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_P(command_either_way, may_be_started_twice)
{
	auto c = shell("echo $0; exit 0").file("/bin/sh");

	EXPECT_EQ("sh\n", output(c));
	EXPECT_EQ("sh\n", output(c));
}

TEST_P(command_either_way, environment_is_the_callers_and_the_changes)
{
	::setenv("KEPT", "k", 1);
	::setenv("CHANGED", "old", 1);
	::setenv("REMOVED", "r", 1);
	::setenv("REMOVED_NOT", "n", 1);

	auto c = shell(
		"echo $KEPT,$CHANGED,$ADDED,${REMOVED-gone},$REMOVED_NOT");

	c.set_env("CHANGED", "new")
		.set_env("ADDED", "a=b")
		.unset_env("REMOVED");
	EXPECT_EQ("k,new,a=b,gone,n\n", output(c));

	c.clear_env().set_env("ADDED", "only");
	EXPECT_EQ(",,only,gone,\n", output(c));

	c.environment({"KEPT=whole", "CHANGED=x"}).unset_env("CHANGED");
	EXPECT_EQ("whole,,,gone,\n", output(c));

	for (const char *name : {"", "A=B"})
		EXPECT_ERROR(EINVAL, shell("true").set_env(name, "x").spawn());
}

TEST_P(command_either_way, starts_in_its_directory)
{
	scratch dir;
	auto c = shell("pwd -P").cwd(dir.str());

	EXPECT_EQ(std::filesystem::canonical(dir.str()).string() + "\n",
		  output(c));

	// a program with a slash is looked for from there
	std::filesystem::create_symlink("/bin/sh", dir / "here");
	EXPECT_OK(by_way({"./here", "-c", "true"}).cwd(dir.str()).spawn());
	EXPECT_ERROR(ENOENT, by_way({"./here", "-c", "true"}).spawn());
	EXPECT_ERROR(ENOENT, shell("true").cwd(dir / "none").spawn());
	EXPECT_ERROR(ENOTDIR, shell("true").cwd("/etc/passwd").spawn());
}

TEST_P(command_either_way, pipes_connect_it_in_both_directions)
{
	auto s = shell("read a; echo got $a; echo and $a >&2")
			 .in(stdio::pipe)
			 .out(stdio::pipe)
			 .err(stdio::pipe)
			 .spawn();

	ASSERT_OK(s);
	ASSERT_EQ(3, ::write(s->in.get(), "it\n", 3));
	EXPECT_EQ("got it\n", all_from(s->out));
	EXPECT_EQ("and it\n", all_from(s->err));
	for (const auto *end : {&s->in, &s->out, &s->err})
		EXPECT_EQ(FD_CLOEXEC, ::fcntl(end->get(), F_GETFD));
	EXPECT_TRUE(s->child.wait()->success());
}

TEST_P(command_either_way, error_output_follows_output_wherever_it_goes)
{
	auto c = shell("echo one; echo two >&2").err(stdio::output);

	EXPECT_EQ("one\ntwo\n", output(c));

	channel mine;
	auto s = c.out(mine.writer()).spawn();

	ASSERT_OK(s);
	mine.close_writer();
	EXPECT_EQ("one\ntwo\n", mine.receive_all());

	// The caller's output, if nothing else is said
	channel callers;
	procfd::unique_fd kept(::fcntl(1, F_DUPFD_CLOEXEC, 3));

	ASSERT_EQ(1, ::dup2(callers.writer(), 1));
	callers.close_writer();

	auto same = shell("echo one; echo two >&2").err(stdio::output).spawn();

	ASSERT_EQ(1, ::dup2(kept.get(), 1));
	ASSERT_OK(same);
	EXPECT_EQ("one\ntwo\n", callers.receive_all());
	EXPECT_ERROR(EINVAL, shell("true").in(stdio::output).spawn());
	EXPECT_ERROR(EINVAL, shell("true").out(stdio::output).spawn());
}

TEST_P(command_either_way, null_is_empty_and_swallows)
{
	auto s = shell("cat; echo lost; echo lost >&2; exit 3")
			 .in(stdio::null)
			 .out(stdio::null)
			 .err(stdio::null)
			 .spawn();

	ASSERT_OK(s);
	EXPECT_EQ(3, s->child.wait()->exit_code());
}

TEST_P(command_either_way, keeps_descriptors_under_other_numbers)
{
	channel three, seven;
	auto s = shell("echo 3 >&3; echo 7 >&7")
			 .keep(three.writer(), 3)
			 .keep(seven.writer(), 7)
			 .spawn();

	ASSERT_OK(s);
	three.close_writer();
	seven.close_writer();
	EXPECT_EQ("3\n", three.receive_all());
	EXPECT_EQ("7\n", seven.receive_all());
	EXPECT_TRUE(s->child.wait()->success());
}

TEST_P(command_either_way, keeps_a_descriptor_under_its_own_number)
{
	channel mine;
	auto number = std::to_string(mine.writer());

	// a shell may know one digit only
	auto c = by_way({"sh", "-c", "echo kept >/proc/self/fd/" + number});
	auto s = c.keep(mine.writer()).spawn();

	ASSERT_OK(s);
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(mine.writer(), F_GETFD));
	mine.close_writer();
	EXPECT_EQ("kept\n", mine.receive_all());
}

TEST_P(command_either_way, exchanges_descriptors_in_a_circle)
{
	// The caller's number of each is the program's number of the next, and all
	// that is made for the start is made among them.
	channel pipes[3];
	int first = 20, count = 3;

	for (int i = 0; i < count; i++)
		ASSERT_LE(0, ::dup3(pipes[i].writer(), first + i, O_CLOEXEC));

	command c = shell("for fd in 20 21 22; do "
			  "echo $fd >/proc/self/fd/$fd; done");

	for (int i = 0; i < count; i++)
		c.keep(first + i, first + (i + 1) % count);

	auto s = c.out(stdio::null).spawn();

	for (int i = 0; i < count; i++)
		::close(first + i);
	ASSERT_OK(s);
	EXPECT_TRUE(s->child.wait()->success());
	for (int i = 0; i < count; i++) {
		pipes[i].close_writer();
		EXPECT_EQ(std::to_string(first + (i + 1) % count) + "\n",
			  pipes[i].receive_all());
	}
}

TEST_P(command_either_way, what_the_start_opens_is_not_overwritten)
{
	// Kept under just the numbers that are free now, where pipes will be
	channel mine;
	procfd::unique_fd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
	int free = lowest.get();
	command c = shell("cat >/proc/self/fd/" + std::to_string(free + 3));

	lowest.reset();
	for (int i = 0; i < 8; i++)
		c.keep(mine.writer(), free + i);

	auto s = c.in(stdio::pipe).out(stdio::pipe).err(stdio::pipe).spawn();

	ASSERT_OK(s);
	ASSERT_EQ(2, ::write(s->in.get(), "x\n", 2));
	s->in.reset();
	mine.close_writer();
	EXPECT_EQ("x\n", mine.receive_all());
	EXPECT_EQ("", all_from(s->out));
	EXPECT_EQ("", all_from(s->err));
	EXPECT_TRUE(s->child.wait()->success());
}

TEST_P(command_either_way, inherits_standard_descriptors_as_they_are)
{
	channel mine;
	procfd::unique_fd before(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10));

	::dup2(mine.writer(), STDOUT_FILENO);

	auto s = shell("echo inherited").spawn();

	::dup2(before.get(), STDOUT_FILENO);
	mine.close_writer();
	ASSERT_OK(s);
	EXPECT_EQ("inherited\n", mine.receive_all());
}

TEST_P(command_either_way, bad_descriptors_are_refused_and_nothing_is_left)
{
	auto before = open_descriptors();
	auto limit = static_cast<int>(::sysconf(_SC_OPEN_MAX));
	const int next = next_descriptor();

	EXPECT_ERROR(EBADF, shell("true").in(-1).spawn());
	EXPECT_ERROR(EBADF, shell("true").out(stdio::pipe).err(999).spawn());
	EXPECT_ERROR(EBADF, shell("true").keep(999).spawn());
	EXPECT_ERROR(EBADF, shell("true").keep(0, -1).spawn());
	EXPECT_ERROR(EBADF, shell("true").keep(0, INT_MAX).spawn());
	EXPECT_ERROR(EBADF, shell("true").keep(0, limit).spawn());
	EXPECT_ERROR(EBADF, shell("true").keep(-1, 5).spawn());
	EXPECT_ERROR(EBADF, shell("true").out(next).spawn());
	EXPECT_ERROR(EBADF, shell("true").keep(next).spawn());
	EXPECT_ERROR(EBADF, shell("true").out(next).spawn_detached());
	EXPECT_EQ(before, open_descriptors());
	EXPECT_EQ(ECHILD, any_child());
}

TEST_P(command_either_way, output_that_is_not_open_is_nothing_for_errors)
{
	auto c = child([] {
		::close(STDOUT_FILENO);
		return shell("true").err(stdio::output).spawn().error().value();
	});

	EXPECT_EQ(EBADF, c.wait()->exit_code());
	c = child([] {
		::close(STDOUT_FILENO);

		auto s = shell("echo x >&2")
				 .keep(STDERR_FILENO, STDOUT_FILENO)
				 .err(stdio::output)
				 .spawn();

		return s ? s->child.wait()->exit_code().value_or(98) : 99;
	});
	EXPECT_EQ(0, c.wait()->exit_code());
}

TEST_P(command_either_way, the_highest_number_can_be_kept)
{
	auto limit = static_cast<int>(::sysconf(_SC_OPEN_MAX));
	channel mine;
	const std::string highest = std::to_string(limit - 1);
	auto s = by_way({"bash", "-c", "echo x >&" + highest})
			 .keep(mine.writer(), limit - 1)
			 .spawn();

	ASSERT_OK(s);
	EXPECT_TRUE(s->child.wait()->success());
	mine.close_writer();
	EXPECT_EQ("x\n", mine.receive_all());
}

TEST_P(command_either_way, program_that_cannot_be_executed_leaves_nothing)
{
	scratch dir;
	channel keep;
	{
		procfd::unique_fd text(::open((dir / "text").c_str(),
					      O_WRONLY | O_CREAT | O_CLOEXEC,
					      0755));

		ASSERT_EQ(4, ::write(text.get(), "text", 4));
	}
	for (auto flags :
	     {fork_flags::none, fork_flags::quiet, fork_flags::kill_on_close,
	      fork_flags::quiet | fork_flags::kill_on_close}) {
		auto before = open_descriptors();
		auto fails = [&](std::string program) {
			return by_way({std::move(program)})
				.flags(flags)
				.out(stdio::pipe)
				.keep(keep.writer(), 30)
				.spawn();
		};

		EXPECT_ERROR(ENOENT, fails("/nonexistent/program"));
		EXPECT_ERROR(ENOENT, fails("no-such-program-anywhere"));
		EXPECT_ERROR(ENOENT, fails(""));
		EXPECT_ERROR(EACCES, fails("/etc/passwd"));
		EXPECT_ERROR(EACCES, fails("/"));
		EXPECT_ERROR(ENOEXEC, fails(dir / "text"));
		EXPECT_EQ(ECHILD, any_child());
		EXPECT_EQ(before, open_descriptors());
	}
	EXPECT_ERROR(EINVAL, by_way({}).spawn());

	// A program would see what is before the NUL
	using namespace std::string_literals;
	const std::string two = "/\0x"s;

	EXPECT_ERROR(EINVAL, by_way({"true", two}).spawn());
	EXPECT_ERROR(EINVAL, by_way({"true"}).file("/bin/true\0x"s).spawn());
	EXPECT_ERROR(EINVAL, by_way({"true"}).cwd(two).spawn());
	EXPECT_ERROR(EINVAL, by_way({"true"}).set_env(two, "x").spawn());
	EXPECT_ERROR(EINVAL, by_way({"true"}).set_env("x", two).spawn());
	EXPECT_ERROR(EINVAL,
		     by_way({"true"}).environment({"x=" + two}).spawn());
	EXPECT_ERROR(EINVAL, by_way({"true", two}).spawn_detached());
}

TEST_P(command_either_way, searches_path_as_execvp_does)
{
	scratch dir;
	std::string before = std::getenv("PATH") ? std::getenv("PATH") : "";

	std::filesystem::create_directory(dir / "denied");
	{
		procfd::unique_fd denied(::open((dir / "denied/prog").c_str(),
						O_WRONLY | O_CREAT | O_CLOEXEC,
						0644));
	}
	::setenv("PATH", ((dir / "none") + ":" + (dir / "denied")).c_str(), 1);
	EXPECT_ERROR(EACCES, by_way({"prog"}).spawn());

	std::filesystem::create_directory(dir / "good");
	std::filesystem::create_symlink("/bin/busybox", dir / "good/true");
	::setenv("PATH", ((dir / "denied") + ":" + (dir / "good")).c_str(), 1);
	EXPECT_OK(by_way({"true"}).spawn());
	::setenv("PATH", before.c_str(), 1);
}

TEST_P(command_either_way, session_and_process_group)
{
	auto of_leader = [](const spawned &s) {
		pid_t pid = s.child.info()->pid;

		return std::pair(::getsid(pid) == pid, ::getpgid(pid) == pid);
	};
	auto in_pipe = [&](command c) {
		auto s = c.in(stdio::pipe).spawn();

		EXPECT_OK(s);
		return *std::move(s);
	};
	auto plain = in_pipe(by_way({"cat"}));
	auto session = in_pipe(by_way({"cat"}).new_session());
	auto group = in_pipe(by_way({"cat"}).process_group());
	pid_t leader = group.child.info()->pid;
	auto joined = in_pipe(by_way({"cat"}).process_group(leader));

	EXPECT_EQ(std::pair(false, false), of_leader(plain));
	EXPECT_EQ(std::pair(true, true), of_leader(session));
	EXPECT_EQ(std::pair(false, true), of_leader(group));
	EXPECT_EQ(leader, ::getpgid(joined.child.info()->pid));
	// of another session
	EXPECT_ERROR(EPERM, by_way({"cat"})
				    .process_group(session.child.info()->pid)
				    .spawn());
}

TEST_P(command_either_way, signals_are_the_callers_unless_reset)
{
	// SIGUSR1 (10) blocked, SIGUSR2 (12) ignored, SIGTERM handled
	sigset_t set, before;
	auto lines = [](command c) {
		// glibc's posix_spawn(3) ignores two that it keeps for itself
		std::string all = output(c), own = "SigIgn:\t00000001800";
		auto at = all.find(own);

		if (at != all.npos)
			all.replace(at, own.size(), "SigIgn:\t00000000000");
		return all;
	};
	auto status = [] {
		return by_way({"grep", "-E",
			       "^Sig(Blk|Ign|Cgt):", "/proc/self/status"});
	};

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	::pthread_sigmask(SIG_SETMASK, &set, &before);
	auto usr2 = std::signal(SIGUSR2, SIG_IGN);
	auto term = std::signal(SIGTERM, [](int) {});

	EXPECT_EQ("SigBlk:\t0000000000000200\n"
		  "SigIgn:\t0000000000000800\n"
		  "SigCgt:\t0000000000000000\n",
		  lines(status()));
	EXPECT_EQ("SigBlk:\t0000000000000000\n"
		  "SigIgn:\t0000000000000000\n"
		  "SigCgt:\t0000000000000000\n",
		  lines(status().default_signals()));
	sigaddset(&set, SIGTERM);
	EXPECT_EQ("SigBlk:\t0000000000004200\n"
		  "SigIgn:\t0000000000000000\n"
		  "SigCgt:\t0000000000000000\n",
		  lines(status().default_signals().signal_mask(set)));

	std::signal(SIGUSR2, usr2);
	std::signal(SIGTERM, term);
	::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_P(command_either_way, flags_are_those_of_the_descriptor)
{
	auto s = by_way({"cat"})
			 .in(stdio::pipe)
			 .flags(fork_flags::quiet | fork_flags::kill_on_close)
			 .spawn();

	ASSERT_OK(s);
	EXPECT_TRUE(s->child.info()->quiet);
	EXPECT_TRUE(s->child.info()->kill_on_close);

	auto watch = procfd::process::open(s->child.info()->pid);

	s->child = {};
	EXPECT_EQ(SIGKILL, watch->wait()->signal());
}

class command_by_fork : public with_module {};

TEST_F(command_by_fork, runs_as_another_user_with_nothing_of_the_callers)
{
	gid_t groups[] = {7, 8};

	ASSERT_EQ(0, ::setgroups(2, groups)) << "run this as root";

	auto ids = [](command c) {
		auto s = c.out(stdio::pipe).spawn();

		EXPECT_OK(s);
		return s ? all_from(s->out) : "";
	};
	command grep({"grep", "-E", "^(Uid|Gid|Groups):", "/proc/self/status"});

	EXPECT_EQ("Uid:\t1000\t1000\t1000\t1000\n"
		  "Gid:\t1001\t1001\t1001\t1001\n"
		  "Groups:\t1001 2000 \n",
		  ids(grep.credentials(1000, 1001, {1001, 2000})));
	EXPECT_EQ("Uid:\t1000\t1000\t1000\t1000\n"
		  "Gid:\t1001\t1001\t1001\t1001\n"
		  "Groups:\t \n",
		  ids(grep.credentials(1000, 1001)));
	ASSERT_EQ(0, ::setgroups(0, nullptr));
}

TEST_F(command_by_fork, may_not_become_another_user_without_the_right_to)
{
	auto c = child([] {
		if (::setresuid(65534, 65534, 65534) < 0)
			return 1;

		auto before = open_descriptors();
		auto s = command({"true"}).credentials(0, 0).spawn();

		if (s || s.error() != std::errc::operation_not_permitted)
			return 2;
		return open_descriptors() == before && any_child() == ECHILD ?
			       0 :
			       3;
	});

	EXPECT_EQ("exited 0", c.wait()->str());
}

TEST_F(command_by_fork, executes_with_the_rights_of_the_new_user)
{
	scratch dir;
	std::string mine = dir / "mine";

	std::filesystem::copy_file("/bin/busybox", mine);
	::chmod(mine.c_str(), 0700); // and the directory is 0700, too
	EXPECT_OK(command({mine, "true"}).close_others().spawn());
	EXPECT_ERROR(EACCES,
		     command({mine, "true"}).credentials(1000, 1000).spawn());
	// but the directory is entered with the caller's
	EXPECT_OK(command({"true"})
			  .cwd(dir.str())
			  .credentials(1000, 1000)
			  .spawn());
}

TEST_F(command_by_fork, closes_all_others)
{
	channel kept;
	procfd::unique_fd inheritable(::open("/dev/null", O_RDONLY));
	auto list = [&](command c) {
		auto s = c.out(stdio::pipe).keep(kept.writer(), 40).spawn();

		EXPECT_OK(s);
		return " " + all_from(s->out);
	};
	// not by a glob, which has a descriptor of its own
	command ls({"sh", "-c",
		    "for i in $(seq 0 60); do "
		    "test -e /proc/$$/fd/$i && printf '%d ' $i; done"});
	auto number = " " + std::to_string(inheritable.get()) + " ";

	EXPECT_NE(std::string::npos, list(ls).find(number));
	EXPECT_EQ(" 0 1 2 40 ", list(ls.close_others()));
}

TEST_F(command_by_fork, no_handler_of_the_parent_runs_in_the_child)
{
	// One is pending in the child when it unblocks its signals. By then it is
	// no longer handled, and ends the child.
	static int ran;
	channel out;

	ran = 0;
	auto before = std::signal(SIGUSR1, [](int) { ran = 1; });

	static bool raise_in_child;
	static int registered = ::pthread_atfork(nullptr, nullptr, [] {
		if (raise_in_child)
			::raise(SIGUSR1);
	});

	ASSERT_EQ(0, registered);
	raise_in_child = true;

	auto s = command({"echo", "alive"})
			 .close_others()
			 .out(out.writer())
			 .spawn();

	raise_in_child = false;
	std::signal(SIGUSR1, before);
	ASSERT_OK(s);
	out.close_writer();
	EXPECT_EQ("", out.receive_all());
	EXPECT_EQ(SIGUSR1, s->child.wait()->signal());
	EXPECT_EQ(0, ran);
}

class command_detached : public with_module {};

TEST_F(command_detached, runs_and_leaves_nothing_here_but_the_pipes)
{
	auto before = open_descriptors();
	{
		auto s = command({"sh", "-c", "read a; echo $a; echo done"})
				 .in(stdio::pipe)
				 .out(stdio::pipe)
				 .new_session()
				 .spawn_detached();

		ASSERT_OK(s);
		EXPECT_FALSE(s->child);
		EXPECT_EQ(ECHILD, any_child());
		EXPECT_EQ(before + 2, open_descriptors());
		ASSERT_EQ(3, ::write(s->in.get(), "hi\n", 3));
		EXPECT_EQ("hi\ndone\n", all_from(s->out));
	}
	EXPECT_EQ(before, open_descriptors());
}

TEST_F(command_detached, that_cannot_be_executed_is_reported)
{
	auto before = open_descriptors();

	EXPECT_ERROR(
		ENOENT,
		command({"/nonexistent"}).out(stdio::pipe).spawn_detached());
	EXPECT_ERROR(EACCES, command({"/etc/passwd"}).spawn_detached());
	EXPECT_ERROR(EINVAL, command({}).spawn_detached());
	EXPECT_ERROR(ENOENT,
		     command({"true"}).cwd("/nonexistent").spawn_detached());
	EXPECT_ERROR(
		EINVAL,
		command({"true"}).flags(fork_flags::quiet).spawn_detached());
	EXPECT_EQ(ECHILD, any_child());
	EXPECT_EQ(before, open_descriptors());
}
