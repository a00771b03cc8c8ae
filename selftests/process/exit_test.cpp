// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a process ended, and what it used: the exit record beside what the parent
 * is told by wait4(2).
 */
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common.h"

namespace {

/* Wait for the record, without reaping. */
procfd_info exit_info(const child &c)
{
	procfd_info info;

	must(get_info(c.fd, &info, PROCFD_INFO_WAIT, PROCFD_DEADLINE_NONE));
	return info;
}

std::string first_line(const child &c)
{
	std::string text = read_all(c.fd);

	return text.substr(0, text.find('\n'));
}

TEST(exit, every_code_is_told)
{
	for (int code = 0; code < 256; code++) {
		child c = start([code] { return code; });

		EXPECT_EQ("exited " + std::to_string(code), first_line(c));
		EXPECT_EQ(code << 8, info_of(c.fd).status);
		EXPECT_EQ(code << 8, c.wait());
	}
}

TEST(exit, only_the_low_byte_of_a_code_counts)
{
	child c = start([] { return 0x1207; });

	EXPECT_EQ("exited 7", first_line(c));
}

/* The same for all threads, whoever calls it. */
TEST(exit, exit_group_by_another_thread_gives_its_code)
{
	child c = start([] {
		std::thread([] { _exit(5); }).detach();
		return sleep_for_ever();
	});

	EXPECT_EQ(5 << 8, exit_info(c).status);
	EXPECT_EQ("exited 5", first_line(c));
	EXPECT_EQ(5 << 8, c.wait());
}

/* Whose code that is has changed between kernels; the parent is told the same. */
TEST(exit, of_one_thread_after_another_is_what_the_parent_is_told)
{
	child c = start([] {
		gate leader_is_going;

		std::thread([&leader_is_going] {
			const pid_t pid = getpid();

			leader_is_going.pass();
			eventually([pid] {
				return slurp("/proc/" + std::to_string(pid) +
					     "/stat")
					       .find(") Z ") !=
				       std::string::npos;
			});
			syscall(SYS_exit, 5);
		}).detach();
		leader_is_going.open();
		syscall(SYS_exit, 3);
		return 1;
	});

	const int status = exit_info(c).status;

	EXPECT_EQ("exited " + std::to_string(status >> 8), first_line(c));
	EXPECT_EQ(status, c.wait());
	EXPECT_TRUE(status == 3 << 8 || status == 5 << 8) << status;
}

/* Signals that end a process by default. */

[[noreturn]] void die_of(int sig)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer, *mask;
	} dfl{};
	sigset_t none;

	/* The C library keeps 32 and 33 for itself, so ask the kernel. */
	syscall(SYS_rt_sigaction, sig, &dfl, nullptr, 8);
	sigemptyset(&none);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
	syscall(SYS_kill, getpid(), sig);
	_exit(99);
}

bool is_fatal(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
	case SIGWINCH:
		return false;
	default:
		return true;
	}
}

std::vector<int> fatal_signals()
{
	std::vector<int> signals;

	for (int sig = 1; sig <= 64; sig++)
		if (is_fatal(sig))
			signals.push_back(sig);
	return signals;
}

std::string signal_number(const testing::TestParamInfo<int> &p)
{
	return std::to_string(p.param);
}

class exit_by_signal : public testing::TestWithParam<int> {};

TEST_P(exit_by_signal, is_told_as_killed)
{
	child c = start([] {
		const rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		die_of(GetParam());
		return 99;
	});

	EXPECT_EQ("killed " + std::to_string(GetParam()), first_line(c));
	EXPECT_EQ(GetParam(), info_of(c.fd).status);
	EXPECT_EQ(GetParam(), c.wait());
}

INSTANTIATE_TEST_SUITE_P(, exit_by_signal, testing::ValuesIn(fatal_signals()),
			 signal_number);

class exit_with_core : public testing::TestWithParam<int> {
protected:
	void SetUp() override
	{
		char pattern[] = "/tmp/procfd-core-XXXXXX";

		/* A helper that the pattern pipes to would need to exist. */
		unique_fd core(
			must(or_errno(open("/proc/sys/kernel/core_pattern",
					   O_WRONLY | O_CLOEXEC))));

		pattern_ = slurp("/proc/sys/kernel/core_pattern");
		must(int(write_to(core, "core")));
		directory_ = mkdtemp(pattern);
	}

	void TearDown() override
	{
		unique_fd core(
			must(or_errno(open("/proc/sys/kernel/core_pattern",
					   O_WRONLY | O_CLOEXEC))));

		must(int(write_to(core, pattern_)));
		unlink((directory_ + "/core").c_str());
		rmdir(directory_.c_str());
	}

	std::string pattern_, directory_;
};

TEST_P(exit_with_core, is_told_as_dumped)
{
	child c = start([this] {
		const rlimit core = {RLIM_INFINITY, RLIM_INFINITY};

		must(or_errno(chdir(directory_.c_str())));
		must(or_errno(setrlimit(RLIMIT_CORE, &core)));
		die_of(GetParam());
		return 99;
	});

	EXPECT_EQ("dumped " + std::to_string(GetParam()), first_line(c));
	EXPECT_EQ(GetParam() | 0x80, info_of(c.fd).status);
	EXPECT_EQ(GetParam() | 0x80, c.wait());
}

INSTANTIATE_TEST_SUITE_P(, exit_with_core,
			 testing::Values(SIGQUIT, SIGILL, SIGTRAP, SIGABRT,
					 SIGBUS, SIGFPE, SIGSEGV, SIGXCPU,
					 SIGXFSZ, SIGSYS),
			 signal_number);

TEST(exit, of_a_fault_is_the_signal)
{
	child c = start([] {
		const rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		/* The tests of a sanitizer are not what is tested here. */
		*static_cast<volatile int *>(mmap(nullptr, 4096, PROT_NONE,
						  MAP_PRIVATE | MAP_ANONYMOUS,
						  -1, 0)) = 1;
		return 99;
	});

	EXPECT_EQ("killed 11", first_line(c));
}

/* A stopped process has not ended. */
TEST(exit, is_not_a_stop)
{
	child c = start_sleeper();
	int status;

	kill(c.pid, SIGSTOP);
	ASSERT_EQ(c.pid, waitpid(c.pid, &status, WUNTRACED | __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(c.fd));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info_of(c.fd).state);
}

/* What it used. */

struct ended {
	procfd_info info;
	rusage usage;
};

ended end_of(child &&c)
{
	ended e;
	int status;

	e.info = exit_info(c);
	must(or_errno(wait4(c.pid, &status, __WALL, &e.usage)));
	c.forget();
	return e;
}

std::uint64_t usec(const timeval &t)
{
	return std::uint64_t(t.tv_sec) * 1000000 + std::uint64_t(t.tv_usec);
}

void burn(clockid_t clock, std::uint64_t ns)
{
	while (now_ns(clock) < ns)
		;
}

constexpr std::uint64_t burnt_ns = 50000000;

/* Its own record has the time, and no more than its parent was told of. */
void expect_all_that_was_burnt(const ended &e)
{
	std::uint64_t ours = e.info.utime_usec + e.info.stime_usec;
	std::uint64_t parent_s =
		usec(e.usage.ru_utime) + usec(e.usage.ru_stime);

	EXPECT_GE(ours, burnt_ns / 1000 - 2);
	EXPECT_LE(ours, parent_s + 2);
}

/*
 * A process goes on for some microseconds after its record is made, and the
 * kernel divides what it used between user and system by how much it was, so
 * only the sums can be compared.
 */
TEST(exit_usage, time_is_what_the_process_used)
{
	ended e = end_of(start([] {
		burn(CLOCK_PROCESS_CPUTIME_ID, burnt_ns);
		return 0;
	}));

	expect_all_that_was_burnt(e);
}

/* Many that are shorter than a tick, which is how the kernel divides time. */
TEST(exit_usage, time_of_threads_that_ended_before_counts)
{
	constexpr int count = 40;
	ended e = end_of(start([] {
		for (int i = 0; i < count; i++)
			std::thread([] {
				burn(CLOCK_THREAD_CPUTIME_ID, burnt_ns / count);
			}).join();
		return 0;
	}));

	expect_all_that_was_burnt(e);
}

TEST(exit_usage, time_of_threads_that_end_with_it_counts)
{
	ended e = end_of(start([] {
		gate burnt;

		std::thread([&burnt] {
			burn(CLOCK_THREAD_CPUTIME_ID, burnt_ns);
			burnt.open();
			sleep_for_ever();
		}).detach();
		burnt.pass();
		return 0;
	}));

	EXPECT_GE(e.info.utime_usec + e.info.stime_usec, burnt_ns / 1000 - 2);
}

TEST(exit_usage, time_of_children_does_not_count)
{
	ended e = end_of(start([] {
		return start_without_descriptor([] {
			       burn(CLOCK_PROCESS_CPUTIME_ID, burnt_ns);
			       return 0;
		       })
			.wait();
	}));
	std::uint64_t with_children =
		usec(e.usage.ru_utime) + usec(e.usage.ru_stime);

	ASSERT_GE(with_children, burnt_ns / 1000 - 2);
	/* Its own is at most what is left. */
	EXPECT_LE(e.info.utime_usec + e.info.stime_usec,
		  with_children - (burnt_ns / 1000 - 2));
}

int touch(std::size_t size)
{
	char *memory =
		static_cast<char *>(mmap(nullptr, size, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	madvise(memory, size, MADV_NOHUGEPAGE);
	for (std::size_t i = 0; i < size; i += 4096)
		static_cast<volatile char *>(memory)[i] = 1;
	munmap(memory, size);
	return 0;
}

TEST(exit_usage, memory_is_the_most_that_it_had)
{
	ended e = end_of(start([] { return touch(16 << 20); }));

	EXPECT_GE(e.info.maxrss_kb, 16u << 10);
	EXPECT_EQ(std::uint64_t(e.usage.ru_maxrss), e.info.maxrss_kb);
}

TEST(exit_usage, memory_and_faults_of_children_do_not_count)
{
	ended e = end_of(start([] {
		return start_without_descriptor([] { return touch(16 << 20); })
			.wait();
	}));

	ASSERT_GE(e.usage.ru_maxrss, 16 << 10);
	EXPECT_LT(e.info.maxrss_kb, 16u << 10);
	EXPECT_LE(e.info.minflt + (16 << 20) / 4096,
		  std::uint64_t(e.usage.ru_minflt));
}

TEST(exit_usage, faults_are_counted)
{
	ended e = end_of(start([] { return touch(4 << 20); }));

	EXPECT_GE(e.info.minflt, (4u << 20) / 4096);
	EXPECT_EQ(std::uint64_t(e.usage.ru_minflt), e.info.minflt);
	EXPECT_EQ(std::uint64_t(e.usage.ru_majflt), e.info.majflt);
}

TEST(exit_usage, faults_of_threads_count)
{
	ended e = end_of(start([] {
		std::thread([] { touch(4 << 20); }).join();
		return 0;
	}));

	EXPECT_GE(e.info.minflt, (4u << 20) / 4096);
	EXPECT_EQ(std::uint64_t(e.usage.ru_minflt), e.info.minflt);
}

TEST(exit_times, lie_between_what_happened_around_them)
{
	gate may_exit;
	const std::uint64_t before = now_ns(CLOCK_BOOTTIME);
	child c = start([&may_exit] { return may_exit.pass() ? 0 : 1; });
	const std::uint64_t started = now_ns(CLOCK_BOOTTIME);

	EXPECT_LE(before, info_of(c.fd).started_ns);
	EXPECT_LE(info_of(c.fd).started_ns, started);

	may_exit.open();

	procfd_info info = exit_info(c);

	EXPECT_LE(started, info.exited_ns);
	EXPECT_LE(info.exited_ns, now_ns(CLOCK_BOOTTIME));
}

/* Later than the exit, which is what counts. */
TEST(exit_times, are_not_changed_by_reaping)
{
	child c = start_zombie();
	const std::uint64_t exited = info_of(c.fd).exited_ns;

	ASSERT_EQ(0, c.wait());
	EXPECT_EQ(exited, info_of(c.fd).exited_ns);
}

/* The kernel keeps no such time: it is when somebody first looked. */
TEST(exit_times, of_a_zombie_that_nobody_had_open_are_of_the_first_open)
{
	child c = start([] { return 0; });

	c.fd.reset();
	wait_for_zombie(c.pid);

	const std::uint64_t before = now_ns(CLOCK_BOOTTIME);
	unique_fd first(must(open_process(c.pid)));
	const std::uint64_t after = now_ns(CLOCK_BOOTTIME);
	unique_fd second(must(open_process(c.pid)));
	const std::uint64_t exited = info_of(first).exited_ns;

	EXPECT_LE(before, exited);
	EXPECT_LE(exited, after);
	EXPECT_EQ(exited, info_of(second).exited_ns);
}

TEST(exit_times, of_an_open_come_from_the_process)
{
	child c = start_sleeper();
	unique_fd fd(must(open_process(c.pid)));

	EXPECT_EQ(info_of(c.fd).started_ns, info_of(fd).started_ns);
}

TEST(exit_record, agrees_between_fork_and_open)
{
	child c = start_sleeper();
	unique_fd fd(must(open_process(c.pid)));

	kill(c.pid, SIGKILL);
	c.wait();
	EXPECT_EQ(read_all(c.fd), read_all(fd));
}

} // namespace
