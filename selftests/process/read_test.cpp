// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading waits, and gives the exit record as text: to every reader, for ever.
 */
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "common.h"

namespace {

/* The same descriptor as a file of its own, with an offset of its own. */
unique_fd reopen(int fd, int flags)
{
	std::string path = "/proc/self/fd/" + std::to_string(fd);

	return unique_fd(must(or_errno(open(path.c_str(), flags | O_CLOEXEC))));
}

ssize_t read_some(int fd, std::string *text, std::size_t size)
{
	std::vector<char> part(size);
	ssize_t n = or_errno(read(fd, part.data(), size));

	if (n > 0)
		text->append(part.data(), std::size_t(n));
	return n;
}

std::string pread_all(int fd)
{
	char text[2 * PROCFD_RECORD_MAX];
	ssize_t n = or_errno(pread(fd, text, sizeof(text), 0));

	return n < 0 ? std::string() : std::string(text, std::size_t(n));
}

/* The record's text. */

TEST(record, begins_with_a_line_of_two_words)
{
	child c = start_zombie(7);
	std::istringstream text(read_all(c.fd));
	std::string line;

	ASSERT_TRUE(std::getline(text, line));
	EXPECT_EQ("exited 7", line);
}

TEST(record, goes_on_with_a_key_and_a_number_in_each_line)
{
	child c = start_zombie(7);
	std::string text = read_all(c.fd);
	std::istringstream lines(text);
	std::map<std::string, std::string> values;
	std::string line;

	ASSERT_TRUE(text.ends_with('\n'));
	std::getline(lines, line);
	while (std::getline(lines, line)) {
		std::size_t space = line.find(' ');

		ASSERT_NE(std::string::npos, space) << line;
		EXPECT_TRUE(values.emplace(line.substr(0, space),
					   line.substr(space + 1))
				    .second)
			<< line;
	}
	for (const auto &[key, value] : values)
		EXPECT_EQ(std::string::npos,
			  value.find_first_not_of("0123456789"))
			<< key;

	procfd_info info = info_of(c.fd);

	EXPECT_EQ(std::to_string(info.id), values["id"]);
	EXPECT_EQ(std::to_string(info.utime_usec), values["utime_usec"]);
	EXPECT_EQ(std::to_string(info.stime_usec), values["stime_usec"]);
	EXPECT_EQ(std::to_string(info.maxrss_kb), values["maxrss_kb"]);
	EXPECT_EQ(std::to_string(info.minflt), values["minflt"]);
	EXPECT_EQ(std::to_string(info.majflt), values["majflt"]);
	EXPECT_EQ(std::to_string(info.started_ns), values["started_ns"]);
	EXPECT_EQ(std::to_string(info.exited_ns), values["exited_ns"]);
	EXPECT_EQ(0u, values.count("pid")) << "differs by reader";
}

TEST(record, is_shorter_than_it_may_be)
{
	child c = start_zombie();

	EXPECT_GT(std::size_t(PROCFD_RECORD_MAX), read_all(c.fd).size());
}

/* Buffers and offsets. */

class read_dead : public testing::Test {
protected:
	read_dead() : child_(start_zombie(7)), text_(pread_all(child_.fd)) {}

	child child_;
	const std::string text_;
};

TEST_F(read_dead, ends_at_the_end)
{
	std::string text;

	EXPECT_LT(0, read_some(child_.fd, &text, PROCFD_RECORD_MAX));
	EXPECT_EQ(0, read_some(child_.fd, &text, PROCFD_RECORD_MAX));
	EXPECT_EQ(text_, text);
}

/* As a shell's `read` does it, which may take no byte too many. */
TEST_F(read_dead, by_single_bytes)
{
	std::string text;

	while (read_some(child_.fd, &text, 1) == 1)
		;
	EXPECT_EQ(text_, text);
}

TEST_F(read_dead, by_buffers_that_divide_nothing)
{
	std::string text;

	EXPECT_EQ(7, read_some(child_.fd, &text, 7));
	EXPECT_EQ(text_.substr(0, 7), text);
	while (read_some(child_.fd, &text, 7) > 0)
		;
	EXPECT_EQ(text_, text);
}

TEST_F(read_dead, into_several_buffers)
{
	char one[3], two[PROCFD_RECORD_MAX];
	iovec v[] = {{one, sizeof(one)}, {two, sizeof(two)}};
	ssize_t n = or_errno(readv(child_.fd, v, 2));

	ASSERT_EQ(ssize_t(text_.size()), n);
	EXPECT_EQ(text_, std::string(one, 3) + std::string(two, n - 3));
}

TEST_F(read_dead, of_nothing_gives_nothing)
{
	EXPECT_EQ(0, or_errno(read(child_.fd, nullptr, 0)));
	EXPECT_EQ(text_, read_all(child_.fd));
}

TEST_F(read_dead, into_a_bad_address_is_EFAULT_and_loses_nothing)
{
	EXPECT_EQ(-EFAULT, or_errno(read(child_.fd, bad_address(), 10)));
	EXPECT_EQ(text_, read_all(child_.fd));
}

TEST_F(read_dead, again_from_the_start_after_lseek)
{
	EXPECT_EQ(text_, read_all(child_.fd));
	EXPECT_EQ(0, lseek(child_.fd, 0, SEEK_SET));
	EXPECT_EQ(text_, read_all(child_.fd));
}

TEST_F(read_dead, from_where_lseek_went)
{
	EXPECT_EQ(7, lseek(child_.fd, 7, SEEK_SET));
	EXPECT_EQ(9, lseek(child_.fd, 2, SEEK_CUR));
	EXPECT_EQ(text_.substr(9), read_all(child_.fd));
}

TEST_F(read_dead, lseek_knows_the_end)
{
	EXPECT_EQ(off_t(text_.size()), lseek(child_.fd, 0, SEEK_END));
	EXPECT_EQ("", read_all(child_.fd));
	EXPECT_EQ(off_t(text_.size()) - 5, lseek(child_.fd, -5, SEEK_END));
	EXPECT_EQ(text_.substr(text_.size() - 5), read_all(child_.fd));
}

TEST_F(read_dead, beyond_the_end_gives_nothing)
{
	EXPECT_EQ(100000, lseek(child_.fd, 100000, SEEK_SET));
	EXPECT_EQ("", read_all(child_.fd));
}

TEST_F(read_dead, lseek_before_the_start_is_EINVAL)
{
	EXPECT_EQ(-EINVAL, or_errno(lseek(child_.fd, -1, SEEK_SET)));
}

TEST_F(read_dead, pread_gives_it_again_and_moves_nothing)
{
	EXPECT_EQ(text_, pread_all(child_.fd));
	EXPECT_EQ(text_, pread_all(child_.fd));
	EXPECT_EQ(0, lseek(child_.fd, 0, SEEK_CUR));

	char part[4];

	ASSERT_EQ(4, pread(child_.fd, part, 4, 3));
	EXPECT_EQ(text_.substr(3, 4), std::string(part, 4));
}

TEST_F(read_dead, after_the_zombie_is_gone)
{
	ASSERT_EQ(7 << 8, child_.wait());
	EXPECT_EQ(text_, read_all(child_.fd));
}

TEST_F(read_dead, reopened_has_an_offset_of_its_own)
{
	EXPECT_EQ(text_, read_all(child_.fd));
	EXPECT_EQ(text_, read_all(reopen(child_.fd, O_RDONLY)));
}

TEST_F(read_dead, duplicate_shares_the_offset)
{
	unique_fd copy(must(or_errno(fcntl(child_.fd, F_DUPFD_CLOEXEC, 0))));
	std::string text;

	EXPECT_EQ(7, read_some(child_.fd, &text, 7));
	EXPECT_EQ(text_.substr(7), read_all(copy));
}

TEST_F(read_dead, is_not_undone_by_opening_with_O_TRUNC)
{
	unique_fd truncated = reopen(child_.fd, O_RDWR | O_TRUNC);

	EXPECT_EQ(text_, read_all(truncated));
	EXPECT_EQ(text_, read_all(child_.fd));
}

TEST_F(read_dead, needs_a_descriptor_for_reading)
{
	char byte;

	EXPECT_EQ(-EBADF,
		  or_errno(read(reopen(child_.fd, O_WRONLY), &byte, 1)));
}

TEST_F(read_dead, cannot_be_spliced)
{
	int fds[2];

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));

	unique_fd out(fds[0]), in(fds[1]);

	EXPECT_EQ(-EINVAL,
		  or_errno(splice(child_.fd, nullptr, in, nullptr, 100, 0)));
}

TEST_F(read_dead, cannot_be_mapped)
{
	EXPECT_EQ(MAP_FAILED,
		  mmap(nullptr, 4096, PROT_READ, MAP_SHARED, child_.fd, 0));
	EXPECT_EQ(ENODEV, errno);
}

/* Reading while it runs. */

class read_alive : public testing::Test {
protected:
	/* Exits with 7 when told to. */
	read_alive()
		: child_(start([this] { return may_exit_.pass() ? 7 : 1; }))
	{
	}

	gate may_exit_;
	child child_;
};

/* Reads in a thread of its own, which has gone to sleep when this is made. */
class reader {
public:
	reader(int fd, std::size_t size = PROCFD_RECORD_MAX)
	{
		thread_ = std::thread([this, fd, size] {
			tid_ = sys_gettid();
			has_tid_.open();
			result_ = read_some(fd, &text_, size);
		});
		must(has_tid_.pass() && sleeps_in(getpid(), tid_, SYS_read) ?
			     0 :
			     -ETIMEDOUT);
	}
	~reader()
	{
		if (thread_.joinable())
			thread_.join();
	}
	void interrupt()
	{
		must(-pthread_kill(thread_.native_handle(), SIGUSR1));
	}
	pid_t tid() const { return tid_; }
	ssize_t result()
	{
		thread_.join();
		return result_;
	}
	const std::string &text()
	{
		if (thread_.joinable())
			thread_.join();
		return text_;
	}

private:
	gate has_tid_;
	pid_t tid_ = 0;
	ssize_t result_ = 0;
	std::string text_;
	std::thread thread_;
};

TEST_F(read_alive, blocks_until_the_exit)
{
	reader r(child_.fd);

	may_exit_.open();
	EXPECT_TRUE(r.text().starts_with("exited 7\n")) << r.text();
}

TEST_F(read_alive, gives_each_file_the_whole_record)
{
	unique_fd one = reopen(child_.fd, O_RDONLY),
		  two = reopen(child_.fd, O_RDONLY);
	reader a(child_.fd), b(one), c(two);

	may_exit_.open();

	const std::string text = a.text();

	EXPECT_TRUE(text.starts_with("exited 7\n")) << text;
	EXPECT_EQ(text, b.text());
	EXPECT_EQ(text, c.text());
}

/* They share the offset, and must not share the bytes by chance. */
TEST_F(read_alive, gives_holders_of_one_file_the_whole_record_by_pread)
{
	constexpr int count = 8;
	int fds[2];

	ASSERT_EQ(0, pipe2(fds, O_CLOEXEC));

	unique_fd out(fds[0]), in(fds[1]);
	std::vector<child> readers;

	for (int i = 0; i < count; i++)
		readers.push_back(start_without_descriptor([&] {
			std::string text = pread_all(child_.fd);

			return write_to(in, text) == ssize_t(text.size()) ? 0 :
									    1;
		}));
	for (const child &r : readers)
		EXPECT_TRUE(sleeps_in(r.pid, r.pid, SYS_pread64));
	may_exit_.open();
	for (child &r : readers)
		EXPECT_EQ(0, r.wait());
	in.reset();

	const std::string text = pread_all(child_.fd);
	std::string all;

	EXPECT_FALSE(text.empty());
	for (int i = 0; i < count; i++)
		all += text;
	EXPECT_EQ(all, read_all(out));
}

TEST_F(read_alive, of_nothing_gives_nothing_at_once)
{
	EXPECT_EQ(0, or_errno(read(child_.fd, nullptr, 0)));
}

TEST_F(read_alive, with_nonblock_is_EAGAIN)
{
	unique_fd fd(must(open_process(child_.pid, PROCFD_NONBLOCK)));
	char byte;

	EXPECT_EQ(-EAGAIN, or_errno(read(fd, &byte, 1)));
	EXPECT_EQ(-EAGAIN, or_errno(pread(fd, &byte, 1, 0)));
}

TEST_F(read_alive, with_nonblock_set_later_is_EAGAIN)
{
	char byte;

	ASSERT_EQ(0, fcntl(child_.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-EAGAIN, or_errno(read(child_.fd, &byte, 1)));
}

TEST_F(read_alive, with_RWF_NOWAIT_is_EAGAIN)
{
	char byte;
	iovec v{&byte, 1};

	EXPECT_EQ(-EAGAIN, or_errno(preadv2(child_.fd, &v, 1, -1, RWF_NOWAIT)));
	EXPECT_EQ(-EAGAIN, or_errno(preadv2(child_.fd, &v, 1, 0, RWF_NOWAIT)));
}

/* Another open file, which has to say anew that it can be asked so. */
TEST_F(read_alive, with_RWF_NOWAIT_reopened_gives_the_record_after_the_exit)
{
	unique_fd again = reopen(child_.fd, O_RDONLY);
	char text[PROCFD_RECORD_MAX];
	iovec v{text, sizeof(text)};

	EXPECT_EQ(-EAGAIN, or_errno(preadv2(again, &v, 1, 0, RWF_NOWAIT)));
	may_exit_.open();
	wait_for_zombie(child_.pid);

	const ssize_t n = or_errno(preadv2(again, &v, 1, 0, RWF_NOWAIT));

	ASSERT_LT(0, n);
	EXPECT_EQ(pread_all(child_.fd), std::string(text, std::size_t(n)));
}

TEST_F(read_alive, with_nonblock_gives_the_record_after_the_exit)
{
	unique_fd fd(must(open_process(child_.pid, PROCFD_NONBLOCK)));

	may_exit_.open();
	wait_for_zombie(child_.pid);
	EXPECT_TRUE(read_all(fd).starts_with("exited 7\n"));
}

/* Not even at the offset of an end that does not exist yet. */
TEST_F(read_alive, blocks_wherever_the_offset_is)
{
	ASSERT_EQ(7, lseek(child_.fd, 7, SEEK_SET));

	reader r(child_.fd, 1);

	may_exit_.open();
	EXPECT_EQ("7", r.text());
}

TEST_F(read_alive, lseek_finds_an_empty_file)
{
	EXPECT_EQ(0, lseek(child_.fd, 0, SEEK_END));
}

TEST_F(read_alive, a_blocked_reader_does_not_block_a_writer_of_the_same_file)
{
	reader r(child_.fd);

	EXPECT_EQ(5, write_to(child_.fd, "TERM\n"));
	EXPECT_TRUE(r.text().starts_with("killed 15\n")) << r.text();
}

TEST_F(read_alive, a_blocked_reader_does_not_block_an_lseek)
{
	reader r(child_.fd);

	EXPECT_EQ(0, lseek(child_.fd, 0, SEEK_CUR));
	may_exit_.open();
}

TEST_F(read_alive, a_blocked_reader_keeps_the_process_known)
{
	const int raw = child_.fd.release();
	reader r(raw);

	close(raw);
	may_exit_.open();
	EXPECT_TRUE(r.text().starts_with("exited 7\n")) << r.text();
}

TEST_F(read_alive, is_interrupted_by_a_signal)
{
	handle_SIGUSR1(0);

	reader r(child_.fd);

	r.interrupt();
	EXPECT_TRUE(handled().pass());
	EXPECT_EQ(-EINTR, r.result());
}

TEST_F(read_alive, goes_on_after_a_signal_with_SA_RESTART)
{
	handle_SIGUSR1(SA_RESTART);

	reader r(child_.fd);

	r.interrupt();
	EXPECT_TRUE(handled().pass());
	EXPECT_TRUE(sleeps_in(getpid(), r.tid(), SYS_read));
	may_exit_.open();
	EXPECT_TRUE(r.text().starts_with("exited 7\n")) << r.text();
}

TEST_F(read_alive, ends_with_the_reader_when_that_is_killed)
{
	child r = start_without_descriptor([this] {
		char byte;

		return int(read(child_.fd, &byte, 1));
	});

	ASSERT_TRUE(sleeps_in(r.pid, r.pid, SYS_read));
	kill(r.pid, SIGKILL);
	EXPECT_EQ(SIGKILL, r.wait());
}

/* Whoever waits first. */

TEST(read, with_SIGCHLD_ignored)
{
	child c = start_without_descriptor([] {
		signal(SIGCHLD, SIG_IGN);

		child target = start([] { return 7; });

		target.forget();
		if (!read_all(target.fd).starts_with("exited 7\n"))
			return 1;
		/* There never was a zombie. */
		return wait_for(-1) == -ECHILD ? 0 : 2;
	});

	EXPECT_EQ(0, c.wait());
}

TEST(read, with_SA_NOCLDWAIT)
{
	child c = start_without_descriptor([] {
		struct sigaction action {};

		action.sa_handler = SIG_DFL;
		action.sa_flags = SA_NOCLDWAIT;
		must(or_errno(sigaction(SIGCHLD, &action, nullptr)));

		child target = start([] { return 7; });

		target.forget();
		return read_all(target.fd).starts_with("exited 7\n") ? 0 : 1;
	});

	EXPECT_EQ(0, c.wait());
}

TEST(read, when_another_thread_s_waitpid_has_won)
{
	child c = start([] { return 7; });

	std::thread([&c] { EXPECT_EQ(7 << 8, wait_for(-1)); }).join();
	c.forget();
	EXPECT_TRUE(read_all(c.fd).starts_with("exited 7\n"));
}

TEST(read, after_the_holder_of_the_first_descriptor_is_gone)
{
	child c = start([] { return 7; });
	unique_fd fd(must(open_process(c.pid)));

	c.fd.reset();
	ASSERT_EQ(7 << 8, c.wait());
	EXPECT_TRUE(read_all(fd).starts_with("exited 7\n"));
}

/* Writing and the offset. */

TEST_F(read_alive, write_leaves_the_offset_alone)
{
	EXPECT_EQ(2, write_to(child_.fd, "0\n"));
	EXPECT_EQ(0, lseek(child_.fd, 0, SEEK_CUR));
	may_exit_.open();
	EXPECT_TRUE(read_all(child_.fd).starts_with("exited 7\n"));
}

TEST_F(read_alive, write_does_not_use_the_offset)
{
	ASSERT_EQ(4, lseek(child_.fd, 4, SEEK_SET));
	EXPECT_EQ(4, write_to(child_.fd, "KILL"));
	EXPECT_EQ(4, lseek(child_.fd, 0, SEEK_CUR));
	EXPECT_TRUE(read_all(child_.fd).starts_with("ed 9\n"));
}

/* What a shell does: the descriptor is its number 3. */

int shell(int fd, const char *script)
{
	child c = start_without_descriptor([fd, script] {
		unique_fd copy(must(or_errno(fcntl(fd, F_DUPFD, 10))));

		must(or_errno(dup2(copy, 3)));
		execl("/bin/sh", "sh", "-c", script, nullptr);
		return 99;
	});
	int status = c.wait();

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(shell, reads_the_first_line)
{
	child c = start([] { return 7; });

	EXPECT_EQ(0, shell(c.fd, "read how code <&3 && "
				 "[ \"$how $code\" = 'exited 7' ]"));
}

TEST(shell, reads_line_after_line)
{
	child c = start_zombie();

	EXPECT_EQ(0, shell(c.fd, "read how code <&3 && read key value <&3 && "
				 "[ $key = id ] && [ $value -gt 0 ]"));
}

TEST(shell, writes_and_reads_one_file)
{
	child c = start_sleeper();

	EXPECT_EQ(0, shell(c.fd, "exec 4<>/proc/self/fd/3; echo HUP >&4 && "
				 "read how code <&4 && "
				 "[ \"$how $code\" = 'killed 1' ]"));
}

TEST(shell, cats_it)
{
	child c = start([] { return 7; });

	EXPECT_EQ(0,
		  shell(c.fd, "[ \"$(cat <&3 | head -n 1)\" = 'exited 7' ]"));
}

} // namespace
