// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads, on both sides: those that fork, and those of the target. And ptrace,
 * which changes who is told of an exit and when.
 */
#include <array>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "common.h"

namespace {

constexpr short exited = POLLIN | POLLRDNORM | POLLHUP;
constexpr short running = POLLOUT | POLLWRNORM;
constexpr uid_t nobody = 65534;

/* This program as another one: tells descriptor FD that it is there, and stays. */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc != 3 || std::string_view(argv[1]) != "--sleep")
		return;
	if (write(atoi(argv[2]), "", 1) != 1)
		_exit(98);
	die_with_parent();
	for (;;)
		pause();
}

/* The state letter of /proc/PID/stat, of the leader of a process. */
bool leader_is(pid_t pid, char state)
{
	const std::string want = std::string(") ") + state + " ";

	return slurp("/proc/" + std::to_string(pid) + "/stat").find(want) !=
	       std::string::npos;
}

/* Lives as long as the test, and not only as long as the thread that made it. */
class lifeline {
public:
	lifeline()
	{
		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));
		child_.reset(fds[0]);
		test_.reset(fds[1]);
	}
	int hold()
	{
		char byte;

		test_.reset();
		return int(read(child_, &byte, 1));
	}

private:
	unique_fd child_, test_;
};

/* Threads that fork. */

TEST(fork_from_a_thread, is_bound)
{
	lifeline line;
	unique_fd fd;
	pid_t pid = -1;

	std::thread([&] {
		fd.reset(must(announce()));
		pid = must(or_errno(fork()));
		if (!pid)
			_exit(line.hold());
	}).join();

	child c(pid, std::move(fd));

	EXPECT_EQ(c.pid, info_of(c.fd).pid);
	EXPECT_EQ(running, poll_now(c.fd));
}

TEST(fork_from_a_thread, lasts_longer_than_the_thread)
{
	lifeline line;
	unique_fd fd;
	pid_t pid = -1, tid = -1;

	std::thread([&] {
		tid = sys_gettid();
		fd.reset(must(announce()));
		pid = must(or_errno(fork()));
		if (!pid)
			_exit(line.hold());
	}).join();

	child c(pid, std::move(fd));

	ASSERT_TRUE(eventually(
		[tid] { return syscall(SYS_tgkill, getpid(), tid, 0) < 0; }));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info_of(c.fd).state);
	EXPECT_EQ(1, write_to(c.fd, "0"));
	EXPECT_EQ(4, write_to(c.fd, "TERM"));
	EXPECT_TRUE(read_all(c.fd).starts_with("killed 15\n"));
	EXPECT_EQ(SIGTERM, c.wait());
}

TEST(fork_from_a_thread, kills_on_close_after_the_thread)
{
	lifeline line;
	unique_fd fd;
	pid_t pid = -1;

	std::thread([&] {
		fd.reset(must(announce(PROCFD_KILL_ON_CLOSE)));
		pid = must(or_errno(fork()));
		if (!pid) {
			fd.reset();
			_exit(line.hold());
		}
	}).join();

	child c(pid, std::move(fd));

	ASSERT_EQ(running, poll_now(c.fd));
	c.fd.reset();
	EXPECT_EQ(SIGKILL, c.wait());
}

/* The parent is a process: any of its threads may wait. */
TEST(fork_from_a_thread, stays_quiet_after_the_thread)
{
	lifeline line;
	unique_fd fd;
	pid_t pid = -1, tid = -1;

	std::thread([&] {
		tid = sys_gettid();
		fd.reset(must(announce(PROCFD_QUIET)));
		pid = must(or_errno(fork()));
		if (!pid)
			_exit(line.hold());
	}).join();

	child c(pid, std::move(fd));

	ASSERT_TRUE(eventually(
		[tid] { return syscall(SYS_tgkill, getpid(), tid, 0) < 0; }));
	kill(c.pid, SIGTERM);
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(-ECHILD, wait_for(-1, 0));
}

TEST(thread, is_not_what_is_bound)
{
	unique_fd fd(must(announce()));

	std::thread([] {}).join();
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), info_of(fd).state);
	EXPECT_EQ(0, poll_now(fd));

	child c(must(or_errno(fork())), std::move(fd));

	if (!c.pid) {
		die_with_parent();
		sleep_for_ever();
	}
	EXPECT_EQ(c.pid, info_of(c.fd).pid);
}

/* A fork that fails early, for a limit. Root has none. */
TEST(failed_fork, for_a_limit_is_not_bound)
{
	child c = start_without_descriptor([] {
		const rlimit one = {0, 1000};
		const rlimit many = {1000, 1000};

		device();
		become(nobody);

		unique_fd fd(must(announce()));

		must(or_errno(setrlimit(RLIMIT_NPROC, &one)));
		if (or_errno(fork()) != -EAGAIN)
			return 1;
		if (info_of(fd).state != PROCFD_STATE_UNBOUND || poll_now(fd))
			return 2;

		/* The announcement is still good. */
		must(or_errno(setrlimit(RLIMIT_NPROC, &many)));

		child next(must(or_errno(fork())), std::move(fd));

		if (!next.pid)
			_exit(7);
		return info_of(next.fd).pid == next.pid &&
				       next.wait() == 7 << 8 ?
			       0 :
			       3;
	});

	EXPECT_EQ(0, c.wait());
}

/* One that fails late, when the child had nearly become one. */
TEST(failed_fork, for_a_pid_that_is_taken_is_not_bound)
{
	unique_fd fd(must(announce()));
	const pid_t taken = getpid();
	clone_args args{};

	args.exit_signal = SIGCHLD;
	args.set_tid = std::uint64_t(std::uintptr_t(&taken));
	args.set_tid_size = 1;
	ASSERT_EQ(-EEXIST, or_errno(syscall(SYS_clone3, &args, sizeof(args))));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), info_of(fd).state);
	EXPECT_EQ(0, poll_now(fd));
	EXPECT_EQ(0, cancel());
}

/* Threads of the target. */

/* A process of which another thread than its leader executes, when told. */
class exec_by_another_thread : public testing::Test {
protected:
	exec_by_another_thread() : child_(start([this] { return run(); }))
	{
		in_.reset();
	}
	/* True when the program runs. */
	bool exec()
	{
		char byte;

		may_exec_.open();
		return read(out_, &byte, 1) == 1;
	}

private:
	int run()
	{
		const std::string ready = std::to_string(in_);

		fcntl(in_, F_SETFD, 0);
		std::thread([&] {
			may_exec_.pass();
			execl("/proc/self/exe", "thread_test", "--sleep",
			      ready.c_str(), nullptr);
		}).join();
		return 99;
	}
	static std::array<int, 2> make_pipe()
	{
		std::array<int, 2> fds;

		must(or_errno(pipe2(fds.data(), O_CLOEXEC)));
		return fds;
	}

	const std::array<int, 2> fds_ = make_pipe();
	unique_fd out_{fds_[0]}, in_{fds_[1]};
	gate may_exec_;

protected:
	child child_;
};

/* It was the process's all along: another thread took the leader's place. */
TEST_F(exec_by_another_thread, is_no_exit)
{
	unique_fd fd(must(open_process(child_.pid)));
	const procfd_info before = info_of(child_.fd);

	ASSERT_TRUE(exec());
	for (int each : {int(child_.fd), int(fd)}) {
		procfd_info after = info_of(each);

		EXPECT_EQ(running, poll_now(each));
		EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), after.state);
		EXPECT_EQ(before.id, after.id);
		EXPECT_EQ(child_.pid, after.pid);
		EXPECT_EQ(1, write_to(each, "0"));
	}

	/* And one that is opened now means the same process. */
	EXPECT_EQ(before.id,
		  info_of(unique_fd(must(open_process(child_.pid)))).id);

	EXPECT_EQ(4, write_to(child_.fd, "TERM"));
	EXPECT_TRUE(read_all(child_.fd).starts_with("killed 15\n"));
	EXPECT_EQ(SIGTERM, info_of(fd).status);
	EXPECT_EQ(SIGTERM, child_.wait());
}

/* A reader that had been waiting through it gets the real end. */
TEST_F(exec_by_another_thread, does_not_wake_a_reader)
{
	child reader = start_without_descriptor([this] {
		return read_all(child_.fd).starts_with("killed 15\n") ? 0 : 1;
	});

	ASSERT_TRUE(sleeps_in(reader.pid, reader.pid, SYS_read));
	ASSERT_TRUE(exec());
	EXPECT_TRUE(sleeps_in(reader.pid, reader.pid, SYS_read));
	kill(child_.pid, SIGTERM);
	EXPECT_EQ(0, reader.wait());
}

/* A process whose leader exits with 3 at once, and another thread when told. */
class leader_gone : public testing::Test {
protected:
	leader_gone()
		: child_(start([this] {
			  std::thread([this] {
				  may_exit_.pass();
				  if (by_exit_group_.pass())
					  _exit(5);
			  }).detach();
			  may_go_.pass();
			  syscall(SYS_exit, 3);
			  return 99;
		  }))
	{
	}

	void let_the_leader_go()
	{
		may_go_.open();
		ASSERT_TRUE(eventually(
			[this] { return leader_is(child_.pid, 'Z'); }));
	}

	void let_the_process_exit()
	{
		may_exit_.open();
		by_exit_group_.open();
	}

	gate may_go_, may_exit_, by_exit_group_;
	child child_;
};

TEST_F(leader_gone, before_its_threads_is_no_exit)
{
	ASSERT_NO_FATAL_FAILURE(let_the_leader_go());
	EXPECT_EQ(running, poll_now(child_.fd));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING),
		  info_of(child_.fd).state);
	EXPECT_EQ(1, write_to(child_.fd, "0"));
	let_the_process_exit();
	EXPECT_EQ(POLLHUP, poll_over(child_.fd));
	EXPECT_EQ(5 << 8, info_of(child_.fd).status);
	EXPECT_EQ(5 << 8, child_.wait());
}

TEST_F(leader_gone, before_its_threads_can_still_be_opened)
{
	ASSERT_NO_FATAL_FAILURE(let_the_leader_go());

	unique_fd fd(open_process(child_.pid));

	ASSERT_LE(0, fd);
	EXPECT_EQ(running, poll_now(fd));
	EXPECT_EQ(info_of(child_.fd).id, info_of(fd).id);
	let_the_process_exit();
	EXPECT_TRUE(read_all(fd).starts_with("exited 5\n"));
}

/* Nobody has it open in between, so the module knows nothing of it. */
TEST_F(leader_gone, before_its_threads_can_be_opened_for_the_first_time)
{
	child_.fd.reset();
	ASSERT_NO_FATAL_FAILURE(let_the_leader_go());

	unique_fd fd(open_process(child_.pid));

	ASSERT_LE(0, fd);
	EXPECT_EQ(running, poll_now(fd));
	let_the_process_exit();
	EXPECT_TRUE(read_all(fd).starts_with("exited 5\n"));
}

TEST_F(leader_gone, before_its_threads_can_still_be_killed)
{
	ASSERT_NO_FATAL_FAILURE(let_the_leader_go());
	EXPECT_EQ(4, write_to(child_.fd, "KILL"));
	EXPECT_TRUE(read_all(child_.fd).starts_with("killed 9\n"));
	EXPECT_EQ(SIGKILL, child_.wait());
}

/* A target that is traced. */

/* Wait for the next stop or the end of a tracee. */
int tracee_status(pid_t pid)
{
	int status = -1;

	must(or_errno(waitpid(pid, &status, __WALL)));
	return status;
}

/* Its tracer is its parent, and sees it stop before it ends. */
class traced : public testing::Test {
protected:
	traced() : child_(start([this] { return may_exit_.pass() ? 7 : 1; })) {}

	void seize(long options = 0)
	{
		ASSERT_EQ(0,
			  ptrace(PTRACE_SEIZE, child_.pid, nullptr, options));
	}

	gate may_exit_;
	child child_;
};

TEST_F(traced, process_is_told_of_before_its_tracer_waits)
{
	ASSERT_NO_FATAL_FAILURE(seize());
	may_exit_.open();
	EXPECT_EQ(POLLHUP, poll_over(child_.fd));
	EXPECT_EQ(exited, poll_now(child_.fd));
	EXPECT_EQ(7 << 8, info_of(child_.fd).status);
	EXPECT_EQ(7 << 8, child_.wait());
}

TEST_F(traced, process_that_stops_has_not_exited)
{
	ASSERT_NO_FATAL_FAILURE(seize());
	ASSERT_EQ(0, ptrace(PTRACE_INTERRUPT, child_.pid, nullptr, nullptr));
	ASSERT_TRUE(WIFSTOPPED(tracee_status(child_.pid)));
	EXPECT_EQ(running, poll_now(child_.fd));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, child_.pid, nullptr, nullptr));
}

TEST_F(traced, process_that_is_about_to_exit_has_not_exited)
{
	ASSERT_NO_FATAL_FAILURE(seize(PTRACE_O_TRACEEXIT));
	may_exit_.open();

	int status = tracee_status(child_.pid);

	ASSERT_EQ(SIGTRAP | (PTRACE_EVENT_EXIT << 8), status >> 8);
	EXPECT_EQ(running, poll_now(child_.fd));
	EXPECT_EQ(1, write_to(child_.fd, "0"));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, child_.pid, nullptr, nullptr));
	EXPECT_TRUE(read_all(child_.fd).starts_with("exited 7\n"));
	EXPECT_EQ(7 << 8, child_.wait());
}

/* A signal goes to the tracer first. */
TEST_F(traced, process_is_signalled)
{
	ASSERT_NO_FATAL_FAILURE(seize());
	EXPECT_EQ(4, write_to(child_.fd, "TERM"));

	int status = tracee_status(child_.pid);

	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(SIGTERM, WSTOPSIG(status));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, child_.pid, nullptr, SIGTERM));
	EXPECT_TRUE(read_all(child_.fd).starts_with("killed 15\n"));
}

/* The tracer is somebody else, who reaps it before its parent may. */
TEST_F(traced, by_another_process_is_told_of_when_the_tracer_does_not_wait)
{
	gate is_seized, may_wait;
	child tracer = start_without_descriptor([&] {
		must(int(or_errno(
			ptrace(PTRACE_SEIZE, child_.pid, nullptr, nullptr))));
		is_seized.open();
		may_wait.pass();
		return tracee_status(child_.pid) >> 8;
	});

	ASSERT_TRUE(is_seized.pass());
	may_exit_.open();
	EXPECT_EQ(POLLHUP, poll_over(child_.fd));
	EXPECT_EQ(7 << 8, info_of(child_.fd).status);
	EXPECT_EQ(0, waitpid(child_.pid, nullptr, WNOHANG | __WALL))
		<< "the tracer has not let go of it";
	may_wait.open();
	EXPECT_EQ(7 << 8, tracer.wait());
	EXPECT_EQ(0u, info_of(child_.fd).attributes);
	EXPECT_EQ(7 << 8, child_.wait());
	EXPECT_EQ(PROCFD_ATTR_REAPED, info_of(child_.fd).attributes);
}

TEST_F(traced, by_one_that_dies_lives_on)
{
	gate is_seized;
	child tracer = start_without_descriptor([&] {
		must(int(or_errno(
			ptrace(PTRACE_SEIZE, child_.pid, nullptr, nullptr))));
		is_seized.open();
		return sleep_for_ever();
	});

	ASSERT_TRUE(is_seized.pass());
	kill(tracer.pid, SIGKILL);
	ASSERT_EQ(SIGKILL, tracer.wait());
	EXPECT_EQ(running, poll_now(child_.fd));
	may_exit_.open();
	EXPECT_TRUE(read_all(child_.fd).starts_with("exited 7\n"));
}

/* Some kernels wake those who wait for the process here, too early. */
TEST_F(leader_gone, before_its_threads_while_traced_is_no_exit)
{
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, child_.pid, nullptr, nullptr));

	child reader = start_without_descriptor([this] {
		return read_all(child_.fd).starts_with("exited 5\n") ? 0 : 1;
	});

	ASSERT_TRUE(sleeps_in(reader.pid, reader.pid, SYS_read));
	ASSERT_NO_FATAL_FAILURE(let_the_leader_go());
	EXPECT_EQ(running, poll_now(child_.fd));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING),
		  info_of(child_.fd).state);
	EXPECT_EQ(1, write_to(child_.fd, "0"));
	EXPECT_TRUE(sleeps_in(reader.pid, reader.pid, SYS_read));
	let_the_process_exit();
	EXPECT_EQ(0, reader.wait());
	EXPECT_EQ(5 << 8, info_of(child_.fd).status);
	EXPECT_EQ(5 << 8, child_.wait());
}

} // namespace
