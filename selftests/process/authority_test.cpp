// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose rights a signal is sent with: those of whoever made the descriptor, as
 * kill(2) would judge them at that moment, and never the writer's.
 */
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "set_uid.h"

namespace {

constexpr uid_t nobody = 65534;
constexpr uid_t another = 65533;

/*
 * This program as another one, set-uid: `--become-root FD GATE` becomes root
 * wholly, tells FD, and ends with GATE; `--signal-oneself FD TEXT` becomes root,
 * writes TEXT to FD, its own descriptor, and closes it; `--fork-and-exit` has a
 * child.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc == 2 && std::string_view(argv[1]) == "--fork-and-exit") {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, nullptr, 0);
		_exit(geteuid() == 0 ? 0 : 97);
	}
	if (argc == 4 && std::string_view(argv[1]) == "--become-root") {
		char byte;

		if (setresuid(0, 0, 0) || write(atoi(argv[2]), "", 1) != 1)
			_exit(98);
		/* The writing end is the test's, which outlives nothing. */
		_exit(read(atoi(argv[3]), &byte, 1) == 1 ? byte : 42);
	}
	if (argc == 4 && std::string_view(argv[1]) == "--signal-oneself") {
		const int fd = atoi(argv[2]);
		const std::string_view text = argv[3];

		if (setresuid(0, 0, 0))
			_exit(98);

		const ssize_t ret =
			or_errno(write(fd, text.data(), text.size()));

		close(fd);
		_exit(ret == ssize_t(text.size()) ? 0 : int(-ret));
	}
}

/* A pipe whose ends stay open across exec. */
struct pipe_across_exec {
	unique_fd out, in;

	pipe_across_exec()
	{
		int fds[2];

		must(or_errno(pipe(fds)));
		out.reset(fds[0]);
		in.reset(fds[1]);
	}
	bool came() const
	{
		char byte;

		return poll_for(out, POLLIN, patience_ms()) & POLLIN &&
		       read(out, &byte, 1) == 1;
	}
};

/* Run body() as @uid in a process of its own; its exit status. */
template <typename F>
int as(uid_t uid, F body)
{
	device();

	child c = start_without_descriptor([uid, &body] {
		become(uid);
		return body();
	});
	int status = c.wait();

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool has_ended(const child &c, int status)
{
	return poll_over(c.fd) == POLLHUP && info_of(c.fd).status == status;
}

TEST(authority, of_the_maker_outlives_the_maker_s_rights)
{
	child c = start_sleeper();

	EXPECT_EQ(0, as(nobody, [&c] {
			  if (kill(c.pid, SIGTERM) == 0 || errno != EPERM)
				  return 1;
			  return write_to(c.fd, "TERM") == 4 ? 0 : 2;
		  }));
	EXPECT_TRUE(has_ended(c, SIGTERM));
}

TEST(authority, of_the_maker_is_what_a_check_tells)
{
	child c = start_sleeper();

	EXPECT_EQ(0, as(nobody,
			[&c] { return write_to(c.fd, "0\n") == 2 ? 0 : 1; }));
}

TEST(authority, goes_with_a_descriptor_that_is_sent)
{
	child c = start_sleeper();
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets));
	send_fd(sockets[0], c.fd);
	EXPECT_EQ(0, as(nobody, [&sockets] {
			  unique_fd fd(recv_fd(sockets[1]));

			  return write_to(fd, "TERM") == 4 ? 0 : 1;
		  }));
	EXPECT_TRUE(has_ended(c, SIGTERM));
	close(sockets[0]);
	close(sockets[1]);
}

/* Which the file's mode decides, as for any file. */
TEST(authority, comes_from_the_inode_when_it_is_reopened)
{
	child c = start_sleeper();
	const std::string path = "/proc/self/fd/" + std::to_string(c.fd);

	auto reopen_and_write = [&path] {
		unique_fd again(
			or_errno(open(path.c_str(), O_WRONLY | O_CLOEXEC)));

		return again < 0		    ? -again :
		       write_to(again, "TERM") == 4 ? 0 :
						      1;
	};

	EXPECT_EQ(EACCES, as(nobody, reopen_and_write));
	ASSERT_EQ(0, fchown(c.fd, nobody, nobody));
	EXPECT_EQ(EACCES, as(another, reopen_and_write));
	EXPECT_EQ(0, as(nobody, reopen_and_write));
	EXPECT_TRUE(has_ended(c, SIGTERM));
}

/* Nobody's descriptor, made while the process was nobody's. */
class target_that_became_root : public testing::Test {
protected:
	/*
	 * The maker sends its descriptor and stays, so that the target's parent
	 * is alive. @flags are those of its fork.
	 */
	void make(std::uint32_t flags = 0)
	{
		int sockets[2];

		must(or_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
					 0, sockets)));
		device();
		maker_.emplace(start_without_descriptor([&] {
			become(nobody);

			unique_fd fd(must(announce(flags)));
			pid_t pid = must(or_errno(fork()));

			if (!pid) {
				fd.reset();
				end_.in.reset();
				execl(program_.path(), "set_uid",
				      "--become-root",
				      std::to_string(is_root_.in).c_str(),
				      std::to_string(end_.out).c_str(),
				      nullptr);
				return 99;
			}
			send_fd(sockets[1], fd);
			fd.reset();
			return may_exit_.pass() ? 0 : 1;
		}));
		fd_.reset(must(recv_fd(sockets[0])));
		close(sockets[0]);
		close(sockets[1]);
		must(is_root_.came() ? 0 : -ETIMEDOUT);
		watch_.reset(must(open_process(info_of(fd_).pid)));
	}

	~target_that_became_root()
	{
		if (watch_ >= 0)
			write_to(watch_, "KILL");
	}

	bool lives()
	{
		must(int(or_errno(write(end_.in, "\7", 1))));
		return poll_over(watch_) == POLLHUP &&
		       info_of(watch_).status == 7 << 8;
	}

	set_uid_program program_;
	pipe_across_exec is_root_, end_;
	gate may_exit_;
	std::optional<child> maker_;
	unique_fd fd_, watch_;
};

TEST_F(target_that_became_root, is_EPERM)
{
	make();
	EXPECT_EQ(-EPERM, write_to(fd_, "0"));
	EXPECT_EQ(-EPERM, write_to(fd_, "TERM"));
	EXPECT_EQ(-EPERM, write_to(fd_, "\017"));
	EXPECT_TRUE(lives());
}

/* We are root, and it is not our authority that counts. */
TEST_F(target_that_became_root, is_EPERM_for_root_with_that_descriptor)
{
	make();
	ASSERT_EQ(0u, geteuid());
	ASSERT_EQ(0, kill(info_of(fd_).pid, 0));

	std::string path = "/proc/self/fd/" + std::to_string(fd_);
	unique_fd again(must(or_errno(open(path.c_str(), O_RDWR | O_CLOEXEC))));

	EXPECT_EQ(-EPERM, write_to(fd_, "TERM"));
	EXPECT_EQ(-EPERM, write_to(again, "TERM"));
	EXPECT_TRUE(lives());
}

TEST_F(target_that_became_root, is_EPERM_for_its_maker)
{
	make();
	EXPECT_EQ(EPERM,
		  as(nobody, [this] { return int(-write_to(fd_, "TERM")); }));
	EXPECT_TRUE(lives());
}

TEST_F(target_that_became_root, can_still_be_waited_for)
{
	make();
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(fd_));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info_of(fd_).state);
	EXPECT_TRUE(lives());
	EXPECT_TRUE(read_all(fd_).starts_with("exited 7\n"));
}

TEST_F(target_that_became_root, is_not_killed_by_the_last_close)
{
	make(PROCFD_KILL_ON_CLOSE);
	ASSERT_EQ(PROCFD_ATTR_KILL_ON_CLOSE, info_of(fd_).attributes);
	fd_.reset();
	EXPECT_TRUE(lives());
}

/* Root has one of its own, and rights for it. */
TEST_F(target_that_became_root, can_be_signalled_by_root_s_own_descriptor)
{
	make();
	EXPECT_EQ(4, write_to(watch_, "TERM"));
	EXPECT_EQ(POLLHUP, poll_over(fd_));
	EXPECT_EQ(SIGTERM, info_of(fd_).status);
}

/* SIGCONT within a session is the writer's, by the kernel's own rule. */
TEST_F(target_that_became_root, gets_SIGCONT_within_the_session)
{
	make();
	EXPECT_EQ(4, write_to(fd_, "CONT"));
	EXPECT_EQ(-EPERM, write_to(fd_, "TERM"));
	EXPECT_TRUE(lives());
}

TEST_F(target_that_became_root, gets_no_SIGCONT_from_another_session)
{
	make();
	EXPECT_EQ(EPERM, as(nobody, [this] {
			  setsid();
			  return int(-write_to(fd_, "CONT"));
		  }));
	EXPECT_TRUE(lives());
}

/* The first that fails ends it, and what was consumed is told. */
TEST_F(target_that_became_root, makes_a_write_end_where_it_may_go_no_further)
{
	make();
	EXPECT_EQ(5, write_to(fd_, "CONT TERM\n"));
	EXPECT_EQ(8, write_to(fd_, "18\n  18 TERM CONT\n"));
	EXPECT_EQ(1, write_to(fd_, "\022\017"));
	EXPECT_EQ(2, write_to(fd_, "\022\022\017\022"));
	EXPECT_EQ(-EPERM, write_to(fd_, "TERM CONT"));
	EXPECT_EQ(-EPERM, write_to(fd_, "\017\022"));
	EXPECT_TRUE(lives());
}

TEST_F(target_that_became_root, can_be_opened_by_its_parent_alone)
{
	make();

	const pid_t pid = info_of(fd_).pid;

	EXPECT_EQ(EPERM, as(nobody, [pid] { return -open_process(pid); }))
		<< "this nobody is not its parent";
	EXPECT_TRUE(lives());
}

/* OPEN by the parent, which may not signal it: it may wait, and only that. */
TEST(authority, of_a_parent_that_may_not_signal_is_to_wait)
{
	set_uid_program program;
	pipe_across_exec is_root, end;

	device();
	EXPECT_EQ(0, as(nobody, [&] {
			  child c = start_without_descriptor([&] {
				  end.in.reset();
				  execl(program.path(), "set_uid",
					"--become-root",
					std::to_string(is_root.in).c_str(),
					std::to_string(end.out).c_str(),
					nullptr);
				  return 99;
			  });

			  if (!is_root.came())
				  return 1;
			  if (kill(c.pid, 0) == 0 || errno != EPERM)
				  return 2;

			  unique_fd fd(open_process(c.pid));

			  if (fd < 0)
				  return 3;
			  if (write_to(fd, "0") != -EPERM ||
			      write_to(fd, "TERM") != -EPERM)
				  return 4;

			  /* The parent is a process, and not a thread of it. */
			  unique_fd by_thread;

			  std::thread([&] {
				  by_thread.reset(open_process(c.pid));
			  }).join();
			  must(int(or_errno(write(end.in, "\7", 1))));
			  if (by_thread < 0)
				  return 5;
			  if (!read_all(fd).starts_with("exited 7\n"))
				  return 6;
			  return c.wait() == 7 << 8 ? 0 : 7;
		  }));
}

/*
 * The kernel lets a process signal itself, whoever has given it the words. A user
 * who has a set-uid program write to their own descriptor for it must not have it
 * signal itself: their kill(2) would be EPERM.
 */

struct words {
	const char *name;
	const char *text;
	std::uint32_t flags;
	/* Of the program: how it ends, and what its write said. */
	int outcome;
};

class set_uid_program_s_own : public testing::TestWithParam<words> {};

TEST_P(set_uid_program_s_own, descriptor_has_the_rights_of_its_maker)
{
	const words &w = GetParam();
	set_uid_program program;

	device();
	EXPECT_EQ(w.outcome, as(nobody, [&] {
			  unique_fd fd(must(announce(w.flags)));
			  child c(must(or_errno(fork())), unique_fd());

			  if (!c.pid) {
				  /* As its output: without close-on-exec. */
				  must(or_errno(dup2(fd, STDOUT_FILENO)));
				  execl(program.path(), "set_uid",
					"--signal-oneself", "1", w.text,
					nullptr);
				  _exit(99);
			  }

			  /* The last copy is the program's. */
			  const pid_t pid = c.forget();
			  int status = 0;

			  fd.reset();
			  must(or_errno(waitpid(pid, &status, WUNTRACED)));
			  if (WIFSTOPPED(status)) {
				  /* It is root's: only the test can end it. */
				  return 128 + WSTOPSIG(status);
			  }
			  return WIFEXITED(status) ? WEXITSTATUS(status) :
						     128 + WTERMSIG(status);
		  }));
}

INSTANTIATE_TEST_SUITE_P(
	, set_uid_program_s_own,
	testing::Values(words{"kill", "KILL", 0, EPERM},
			words{"stop", "STOP", 0, EPERM},
			words{"byte", "\017", 0, EPERM},
			words{"check", "0", 0, EPERM},
			/* Which anyone of the session may send, by kill(2). */
			words{"cont", "CONT", 0, 0},
			words{"close", "0", PROCFD_KILL_ON_CLOSE, EPERM}),
	[](const auto &p) { return std::string(p.param.name); });

/* Of one's own user, or root's: as always. */
TEST(authority, lets_a_process_signal_itself)
{
	for (uid_t uid : {0u, nobody})
		EXPECT_EQ(0, as(uid, [] {
				  sigset_t set, pending;

				  sigemptyset(&set);
				  sigaddset(&set, SIGUSR1);
				  sigprocmask(SIG_BLOCK, &set, nullptr);

				  unique_fd fd(must(open_process(0)));

				  if (write_to(fd, "USR1") != 4)
					  return 1;
				  sigpending(&pending);
				  return sigismember(&pending, SIGUSR1) ? 0 : 2;
			  }));
}

/* Root's descriptor for itself is root's also when it is nobody's process. */
TEST(authority, of_a_process_for_itself_outlives_its_rights)
{
	EXPECT_EQ(0, as(0, [] {
			  unique_fd fd(must(open_process(0)));

			  become(nobody);
			  return write_to(fd, "0") == 1 ? 0 : 1;
		  }));
}

/* One could own the first child of a set-uid program. */
TEST(authority, of_an_announcement_ends_with_the_exec_of_a_set_uid_program)
{
	set_uid_program program;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));
	device();
	EXPECT_EQ(0, as(nobody, [&] {
			  unique_fd fd(must(announce(PROCFD_QUIET)));

			  send_fd(sockets[1], fd);
			  must(or_errno(fcntl(fd, F_SETFD, 0)));
			  execl(program.path(), "set_uid", "--fork-and-exit",
				nullptr);
			  return 99;
		  }));

	unique_fd fd(recv_fd(sockets[0]));

	EXPECT_EQ(POLLERR | POLLHUP, poll_now(fd));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), info_of(fd).state);
	close(sockets[0]);
	close(sockets[1]);
}

/* Who a signal comes from, for the one that gets it. */

struct sender {
	int code;
	pid_t pid;
	uid_t uid;
};

/* A process of @uid that tells who sent it SIGUSR1. */
class receiver {
public:
	explicit receiver(uid_t uid)
	{
		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));

		unique_fd out(fds[0]), in(fds[1]);
		gate is_blocked;

		device();
		child_.emplace(start([&] {
			siginfo_t info;
			sigset_t set;

			become(uid);
			sigemptyset(&set);
			sigaddset(&set, SIGUSR1);
			sigprocmask(SIG_BLOCK, &set, nullptr);
			is_blocked.open();
			if (sigwaitinfo(&set, &info) != SIGUSR1)
				return 1;

			sender s = {info.si_code, info.si_pid, info.si_uid};

			return write(in, &s, sizeof(s)) == sizeof(s) ? 0 : 2;
		}));
		must(is_blocked.pass() ? 0 : -ETIMEDOUT);
		out_ = std::move(out);
	}

	child &process() { return *child_; }

	sender got()
	{
		sender s{};

		must(read(out_, &s, sizeof(s)) == sizeof(s) ? 0 : -EIO);
		return s;
	}

private:
	std::optional<child> child_;
	unique_fd out_;
};

TEST(authority_told, is_pid_of_the_writer_and_uid_of_the_maker)
{
	receiver r(0);
	pid_t writer = -1;

	/* Root's descriptor, and a writer that is nobody. */
	child c = start_without_descriptor([&r] {
		become(nobody);
		return write_to(r.process().fd, "USR1") == 4 ? 0 : 1;
	});

	writer = c.pid;
	ASSERT_EQ(0, c.wait());

	sender s = r.got();

	EXPECT_EQ(SI_USER, s.code);
	EXPECT_EQ(writer, s.pid);
	EXPECT_EQ(0u, s.uid);
}

TEST(authority_told, is_uid_of_the_maker_when_root_writes)
{
	receiver r(nobody);
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));
	EXPECT_EQ(0, as(nobody, [&] {
			  unique_fd fd(must(open_process(r.process().pid)));

			  send_fd(sockets[1], fd);
			  return 0;
		  }));

	unique_fd fd(recv_fd(sockets[0]));

	EXPECT_EQ(4, write_to(fd, "USR1"));

	sender s = r.got();

	EXPECT_EQ(SI_USER, s.code);
	EXPECT_EQ(getpid(), s.pid);
	EXPECT_EQ(nobody, s.uid);
	close(sockets[0]);
	close(sockets[1]);
}

} // namespace
