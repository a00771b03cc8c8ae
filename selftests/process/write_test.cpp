// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writing sends signals: as text, as bytes, and not at all when the writer has
 * slipped.
 */
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "common.h"

namespace {

using namespace std::string_literals;
using signals = std::set<int>;

/*
 * A process that blocks every signal: what it was sent stays pending, can be
 * seen at once, and even what is ignored by default is kept.
 */
class target {
public:
	target()
		: child_(start([this] {
			  /* The C library would leave out its own two. */
			  const std::uint64_t all = ~0ull;

			  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all,
				  nullptr, sizeof(all));
			  blocked_.open();
			  return sleep_for_ever();
		  }))
	{
		must(blocked_.pass() ? 0 : -ETIMEDOUT);
	}

	int fd() const { return child_.fd; }
	child &process() { return child_; }

	/* Both those of the process and those of its thread. */
	signals pending() const
	{
		const std::string status = slurp(
			"/proc/" + std::to_string(child_.pid) + "/status");
		signals all;

		for (const char *key : {"SigPnd:\t", "ShdPnd:\t"}) {
			std::size_t at = status.find(key) + strlen(key);
			std::uint64_t mask =
				std::stoull(status.substr(at, 16), nullptr, 16);

			for (int sig = 1; sig <= 64; sig++)
				if (mask & 1ull << (sig - 1))
					all.insert(sig);
		}
		return all;
	}

private:
	gate blocked_;
	child child_;
};

struct written {
	std::string bytes;
	signals sent;
};

void PrintTo(const written &w, std::ostream *os)
{
	*os << testing::PrintToString(w.bytes);
}

class write_sends : public testing::TestWithParam<written> {};

TEST_P(write_sends, what_it_says)
{
	const written &w = GetParam();
	target t;

	EXPECT_EQ(ssize_t(w.bytes.size()), write_to(t.fd(), w.bytes));
	EXPECT_EQ(w.sent, t.pending());
}

INSTANTIATE_TEST_SUITE_P(
	name, write_sends,
	testing::Values(written{"HUP", {1}}, written{"INT", {2}},
			written{"QUIT", {3}}, written{"ILL", {4}},
			written{"TRAP", {5}}, written{"ABRT", {6}},
			written{"BUS", {7}}, written{"FPE", {8}},
			written{"USR1", {10}}, written{"SEGV", {11}},
			written{"USR2", {12}}, written{"PIPE", {13}},
			written{"ALRM", {14}}, written{"TERM", {15}},
			written{"STKFLT", {16}}, written{"CHLD", {17}},
			written{"CONT", {18}}, written{"TSTP", {20}},
			written{"TTIN", {21}}, written{"TTOU", {22}},
			written{"URG", {23}}, written{"XCPU", {24}},
			written{"XFSZ", {25}}, written{"VTALRM", {26}},
			written{"PROF", {27}}, written{"WINCH", {28}},
			written{"IO", {29}}, written{"PWR", {30}},
			written{"SYS", {31}}));

INSTANTIATE_TEST_SUITE_P(
	other_name, write_sends,
	testing::Values(written{"IOT", {6}}, written{"CLD", {17}},
			written{"POLL", {29}}, written{"SIGIOT", {6}},
			written{"SIGCLD", {17}}, written{"SIGPOLL", {29}}));

INSTANTIATE_TEST_SUITE_P(
	spelling, write_sends,
	testing::Values(written{"SIGTERM", {15}}, written{"term", {15}},
			written{"Term", {15}}, written{"sigterm", {15}},
			written{"sIgTeRm", {15}}, written{"SIGSEGV", {11}},
			written{"SIGSYS", {31}}));

INSTANTIATE_TEST_SUITE_P(
	realtime, write_sends,
	testing::Values(written{"RTMIN", {34}}, written{"RTMAX", {64}},
			written{"SIGRTMIN", {34}}, written{"SIGRTMAX", {64}},
			written{"rtmin", {34}}, written{"RTMIN+1", {35}},
			written{"RTMIN+15", {49}}, written{"RTMIN+30", {64}},
			written{"RTMIN+0", {34}}, written{"RTMAX-14", {50}},
			written{"RTMAX-1", {63}}, written{"RTMAX-30", {34}},
			written{"SIGRTMIN+3", {37}},
			written{"sigrtmax-3", {61}}));

INSTANTIATE_TEST_SUITE_P(number, write_sends,
			 testing::Values(written{"1", {1}}, written{"15", {15}},
					 written{"32", {32}},
					 written{"33", {33}},
					 written{"34", {34}},
					 written{"64", {64}},
					 written{"015", {15}},
					 written{"0000000000000015", {15}}));

INSTANTIATE_TEST_SUITE_P(check, write_sends,
			 testing::Values(written{"0", {}}, written{"0\n", {}},
					 written{"0 0", {}}, written{"00", {}},
					 written{"\0"s, {}},
					 written{"\0\0"s, {}}));

/* What the commands of a shell leave around a word. */
INSTANTIATE_TEST_SUITE_P(
	from_a_shell, write_sends,
	testing::Values(written{"TERM\n", {15}}, written{"15\n", {15}},
			written{" 15\n", {15}}, written{"15\r\n", {15}},
			written{"\tTERM\n", {15}}, written{"  TERM  ", {15}},
			written{"\n\nTERM\n\n", {15}},
			written{"\v\f\r\t\n TERM", {15}}));

INSTANTIATE_TEST_SUITE_P(several, write_sends,
			 testing::Values(written{"HUP TERM", {1, 15}},
					 written{"HUP\nTERM\n", {1, 15}},
					 written{"1 2 3", {1, 2, 3}},
					 written{"SIGHUP\t15  usr1 0 RTMIN+2",
						 {1, 10, 15, 36}},
					 written{"HUP HUP", {1}}));

INSTANTIATE_TEST_SUITE_P(
	raw, write_sends,
	testing::Values(written{"\1", {1}}, written{"\017", {15}},
			written{"\037", {31}}, written{"\010\016", {8, 14}},
			written{"\1\2\3", {1, 2, 3}}, written{"\017\0"s, {15}},
			written{"\0\017"s, {15}},
			/* USR1 is the byte 10, and here it is not alone. */
			written{"\0\n"s, {10}}, written{"\n\017", {10, 15}},
			written{"\0\v\f\r"s, {11, 12, 13}}));

/* Every slip that must not be taken for something else. */

class write_refuses : public testing::TestWithParam<std::string> {};

TEST_P(write_refuses, and_sends_nothing)
{
	target t;

	EXPECT_EQ(-EINVAL, write_to(t.fd(), GetParam()));
	EXPECT_EQ(signals{}, t.pending());
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(t.fd()));
}

/*
 * `echo $SIG` or `printf '%s\t' $SIG` with SIG unset, and their relatives: a
 * newline is SIGUSR1, a tab is SIGKILL.
 */
INSTANTIATE_TEST_SUITE_P(blank, write_refuses,
			 testing::Values("\n", "\t", "\v", "\f", "\r", " ",
					 "\n\n", "  ", " \n", "\t\n", "\r\n",
					 "\t\t", "\v\v", "\t\n\v\f\r ",
					 "    \n    "));

INSTANTIATE_TEST_SUITE_P(unknown, write_refuses,
			 testing::Values("BOGUS", "TERMX", "TER", "T", "SIG",
					 "SIGSIGTERM", "SIG15", "EXIT", "NULL",
					 "SIG\n", "RT", "RTMIN1", "TERM+1",
					 "RTMIN+", "RTMAX-", "RTMIN-1",
					 "RTMAX+1", "RTMIN+31", "RTMAX-31",
					 "RTMIN+-1", "RTMIN+x", "RTMIN +1",
					 "RTMIN+4294967296"));

INSTANTIATE_TEST_SUITE_P(not_a_number, write_refuses,
			 testing::Values("65", "100", "-1", "-9", "+9", "9.",
					 "1.5", "0x9", "1e1", "9x", "9TERM",
					 "4294967305", "18446744073709551625",
					 "99999999999999999999999999999999"));

INSTANTIATE_TEST_SUITE_P(separated, write_refuses,
			 testing::Values("HUP,TERM", "HUP;TERM", "HUP:TERM",
					 "1,2", "$SIG", "-TERM", "-s TERM",
					 "TERM!", "\"TERM\"", "{}TERM"));

/* A letter or digit anywhere makes it text, and these bytes are not text. */
INSTANTIATE_TEST_SUITE_P(mixed, write_refuses,
			 testing::Values("TERM\0"s, "TERM\0HUP"s, "\0TERM"s,
					 "TERM\017"s, "\0179"s, "9\0"s,
					 "\xc3\xa9TERM"s, "TERM\xa0HUP"s,
					 "TERM\x85"s));

INSTANTIATE_TEST_SUITE_P(raw, write_refuses,
			 testing::Values("\x80"s, "\xff"s, "["s, "_"s, "~"s,
					 "\017\xff"s, "\xff\017"s, "\017["s,
					 "\xc3\xa9"s,
					 /* `echo '?'`, rows of dashes, a bar */
					 "?"s, "?\n"s, "--------\n"s, "#"s,
					 "[=====>  ]\r"s, "...\n"s, "@"s, "!"s,
					 "\"\"\""s,
					 /* 32 among raw bytes */
					 "\017 "s, " \017"s, "\001 \002"s));

INSTANTIATE_TEST_SUITE_P(in_the_middle, write_refuses,
			 testing::Values("TERM BOGUS", "HUP TERM 65",
					 "BOGUS TERM", "1 2 -3", "KILL BOGUS",
					 "9 65", "\011\xff"s, "STOP x"));

/* SIGKILL and SIGSTOP do not stay pending. */

class write_kills : public testing::TestWithParam<std::string> {};

TEST_P(write_kills, at_once)
{
	child c = start_sleeper();

	EXPECT_EQ(ssize_t(GetParam().size()), write_to(c.fd, GetParam()));
	EXPECT_EQ(SIGKILL, c.wait());
}

/* `echo 9` is not signal 57, and the byte 9 is not white space. */
INSTANTIATE_TEST_SUITE_P(, write_kills,
			 testing::Values("KILL", "SIGKILL", "kill\n", "9",
					 "9\n", "  9\n", "\t\0"s, "\0\t"s));

TEST(write, stops_and_continues)
{
	child c = start_sleeper();
	int status;

	ASSERT_EQ(4, write_to(c.fd, "STOP"));
	ASSERT_EQ(c.pid, waitpid(c.pid, &status, WUNTRACED | __WALL));
	EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ASSERT_EQ(4, write_to(c.fd, "CONT"));
	ASSERT_EQ(c.pid, waitpid(c.pid, &status, WCONTINUED | __WALL));
	EXPECT_TRUE(WIFCONTINUED(status));
}

/* Standard signals merge while pending, so count with one that queues. */
TEST(write, sends_as_many_as_it_says)
{
	int fds[2];

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));

	unique_fd out(fds[0]), in(fds[1]);
	gate blocked, all_sent;
	child c = start([&] {
		timespec at_once{};
		sigset_t set;
		int n = 0;

		sigemptyset(&set);
		sigaddset(&set, SIGRTMIN);
		sigprocmask(SIG_BLOCK, &set, nullptr);
		blocked.open();
		all_sent.pass();
		while (sigtimedwait(&set, nullptr, &at_once) == SIGRTMIN)
			n++;
		return n;
	});

	ASSERT_TRUE(blocked.pass());
	EXPECT_EQ(17, write_to(c.fd, "RTMIN 34 rtmin+0\n"));
	EXPECT_EQ(5, write_to(c.fd, "34 34"));
	all_sent.open();
	EXPECT_EQ(5 << 8, c.wait());
}

TEST(write, of_nothing_does_nothing)
{
	target t;

	EXPECT_EQ(0, write_to(t.fd(), ""));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, from_several_buffers_is_one_write)
{
	target t;
	char one[] = "TE", two[] = "RM\n";
	iovec v[] = {{one, 2}, {two, 3}};

	EXPECT_EQ(5, or_errno(writev(t.fd(), v, 2)));
	EXPECT_EQ(signals{SIGTERM}, t.pending());
}

TEST(write, is_not_continued_by_the_next)
{
	target t;

	EXPECT_EQ(-EINVAL, write_to(t.fd(), "TE"));
	EXPECT_EQ(-EINVAL, write_to(t.fd(), "RM"));
	EXPECT_EQ(1, write_to(t.fd(), "1"));
	EXPECT_EQ(1, write_to(t.fd(), "5"));
	EXPECT_EQ((signals{1, 5}), t.pending());
}

TEST(write, of_a_page_is_read_to_its_end)
{
	target t;
	std::string bytes(4096, ' ');

	bytes.replace(0, 4, "HUP ");
	bytes.replace(4092, 4, "TERM");
	EXPECT_EQ(4096, write_to(t.fd(), bytes));
	EXPECT_EQ((signals{1, 15}), t.pending());
}

TEST(write, of_a_page_is_checked_to_its_end)
{
	target t;
	std::string bytes(4096, ' ');

	bytes.replace(0, 4, "HUP ");
	bytes.replace(4092, 4, "TERX");
	EXPECT_EQ(-EINVAL, write_to(t.fd(), bytes));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, of_more_than_can_be_checked_sends_nothing)
{
	target t;
	std::string bytes = "TERM" + std::string(1 << 20, ' ');

	EXPECT_EQ(-EMSGSIZE, write_to(t.fd(), bytes));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, of_one_byte_more_than_a_page_sends_nothing)
{
	target t;
	std::string bytes = "TERM" + std::string(4093, ' ');

	EXPECT_EQ(-EMSGSIZE, write_to(t.fd(), bytes));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, from_a_bad_address_is_EFAULT)
{
	target t;

	EXPECT_EQ(-EFAULT, or_errno(write(t.fd(), bad_address(), 4)));
	EXPECT_EQ(signals{}, t.pending());
}

/* Half of it can be read, and that half is a signal. */
TEST(write, from_a_half_bad_address_sends_nothing)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *two = static_cast<char *>(
		mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	target t;

	ASSERT_EQ(0, mprotect(two + page, page, PROT_NONE));
	memcpy(two + page - 5, "TERM ", 5);
	EXPECT_EQ(-EFAULT, or_errno(write(t.fd(), two + page - 5, 9)));
	EXPECT_EQ(signals{}, t.pending());
	munmap(two, 2 * page);
}

TEST(write, needs_a_descriptor_for_writing)
{
	target t;
	std::string path = "/proc/self/fd/" + std::to_string(t.fd());
	unique_fd reader(
		must(or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC))));

	EXPECT_EQ(-EBADF, write_to(reader, "TERM"));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, at_an_offset_is_ESPIPE)
{
	target t;

	EXPECT_EQ(-ESPIPE, or_errno(pwrite(t.fd(), "TERM", 4, 0)));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, at_an_offset_of_a_reopened_one_is_ESPIPE)
{
	target t;
	std::string path = "/proc/self/fd/" + std::to_string(t.fd());
	unique_fd again(must(or_errno(open(path.c_str(), O_RDWR | O_CLOEXEC))));

	EXPECT_EQ(-ESPIPE, or_errno(pwrite(again, "TERM", 4, 0)));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write, does_not_care_for_nonblock)
{
	target t;

	ASSERT_EQ(0, fcntl(t.fd(), F_SETFL, O_NONBLOCK));
	EXPECT_EQ(4, write_to(t.fd(), "TERM"));
	EXPECT_EQ(signals{SIGTERM}, t.pending());
}

/* Nor does it mean the end of anything, as for a pipe without readers. */
TEST(write, to_the_dead_raises_no_SIGPIPE)
{
	child zombie = start_zombie();
	child c = start_without_descriptor(
		[&zombie] { return -int(write_to(zombie.fd, "TERM")); });

	EXPECT_EQ(ESRCH << 8, c.wait());
}

class write_after_the_exit : public testing::TestWithParam<std::string> {};

TEST_P(write_after_the_exit, is_ESRCH_zombie_or_not)
{
	child c = start_zombie();

	EXPECT_EQ(-ESRCH, write_to(c.fd, GetParam()));
	ASSERT_EQ(0, kill(c.pid, 0)) << "still a zombie";
	c.wait();
	EXPECT_EQ(-ESRCH, write_to(c.fd, GetParam()));
}

INSTANTIATE_TEST_SUITE_P(, write_after_the_exit,
			 testing::Values("TERM", "0", "0\n", "\0"s, "\017",
					 "9"));

/* A slip is one, whether or not there is somebody to signal. */
class write_refuses_without_a_process
	: public testing::TestWithParam<std::string> {};

TEST_P(write_refuses_without_a_process, before_there_is_one_and_after)
{
	child c = start_zombie();
	unique_fd fd(must(announce()));

	EXPECT_EQ(-EINVAL, write_to(c.fd, GetParam())) << "a zombie";
	c.wait();
	EXPECT_EQ(-EINVAL, write_to(c.fd, GetParam())) << "reaped";
	EXPECT_EQ(-EINVAL, write_to(fd, GetParam())) << "unbound";
	must(cancel());
	EXPECT_EQ(-EINVAL, write_to(fd, GetParam())) << "dropped";
}

INSTANTIATE_TEST_SUITE_P(, write_refuses_without_a_process,
			 testing::Values("BOGUS", "\n"));

/* What a shell does: the descriptor is its number 3. */

int shell(int fd, const std::string &script)
{
	child c = start_without_descriptor([fd, &script] {
		unique_fd copy(must(or_errno(fcntl(fd, F_DUPFD, 10))));

		must(or_errno(dup2(copy, 3)));
		execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
		return 99;
	});
	int status = c.wait();

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class write_by_shell : public testing::TestWithParam<written> {};

TEST_P(write_by_shell, sends_what_was_meant)
{
	target t;

	EXPECT_EQ(0, shell(t.fd(), GetParam().bytes + " >&3"));
	EXPECT_EQ(GetParam().sent, t.pending());
}

INSTANTIATE_TEST_SUITE_P(, write_by_shell,
			 testing::Values(written{"echo TERM", {15}},
					 written{"echo 15", {15}},
					 written{"printf TERM", {15}},
					 written{"printf '%3d\\n' 15", {15}},
					 written{"printf '\\017'", {15}},
					 written{"echo 0", {}},
					 written{"echo HUP USR1", {1, 10}},
					 written{"kill -l 15", {15}}));

TEST(write_shell, of_an_unset_variable_fails)
{
	target t;

	EXPECT_NE(0, shell(t.fd(), "echo $SIG >&3"));
	EXPECT_NE(0, shell(t.fd(), "printf '%3s\\n' $SIG >&3"));
	EXPECT_EQ(signals{}, t.pending());
}

TEST(write_shell, tells_whether_it_runs)
{
	child c = start_sleeper();

	EXPECT_EQ(0, shell(c.fd, "echo 0 >&3"));
	kill(c.pid, SIGKILL);
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_NE(0, shell(c.fd, "echo 0 >&3"));
}

} // namespace
