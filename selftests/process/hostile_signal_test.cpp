// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user cannot signal what kill(2) would not let the maker of the
 * descriptor signal: not by any choice of user ids, not from a user namespace
 * where he has every capability, and not by the hand of a set-uid program.
 */
#include <deque>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fs.h"
#include "set_uid.h"

namespace {

/*
 * This program as a set-uid one, `--say`: writes to its output what a user had
 * it say, and tells by its status what became of that: 0, or the errno.
 * `--repeat`: writes to descriptor 3 what it reads from its input.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	if (argc != 2)
		return;
	if (std::string_view(argv[1]) == "--say") {
		const ssize_t ret = write_to(STDOUT_FILENO, "KILL\n");

		_exit(geteuid() ? 99 : ret < 0 ? int(-ret) : 0);
	}
	if (std::string_view(argv[1]) == "--repeat") {
		const std::string all = read_all(STDIN_FILENO);

		_exit(geteuid() || write_to(3, all) != ssize_t(all.size()));
	}
}

/* Real, effective and saved ids; -1 stands for root of a user namespace. */
struct uids {
	uid_t real, effective, saved;
};

std::string to_string(const uids &u)
{
	return std::to_string(u.real) + "/" + std::to_string(u.effective) +
	       "/" + std::to_string(u.saved);
}

constexpr uid_t some[] = {0, 1000, 1001};

class hostile_ids : public testing::Test {
protected:
	static void SetUpTestSuite()
	{
		enter_own_mounts();
		device();
	}

	void SetUp() override
	{
		for (uid_t real : some)
			for (uid_t effective : some)
				for (uid_t saved : some) {
					targets_.emplace_back();
					are_.push_back(
						{real, effective, saved});
					ASSERT_EQ(0, targets_.back().set_uids(
							     real, effective,
							     saved));
				}
	}

	/* The number of a target of which kill(2) and we think otherwise. */
	int first_difference() const
	{
		for (std::size_t i = 0; i < targets_.size(); i++) {
			const pid_t pid = targets_[i].pid();
			const bool may = kill(pid, 0) == 0;
			unique_fd fd(open_process(pid));

			if (may ? fd < 0 || write_to(fd, "0") != 1 :
				  fd != -EPERM)
				return int(i) + 1;
		}
		return 0;
	}

	std::string which(int difference) const
	{
		return difference <= 0 ?
			       std::to_string(difference) :
			       to_string(are_[std::size_t(difference) - 1]);
	}

	std::deque<servant> targets_;
	std::vector<uids> are_;
};

TEST_F(hostile_ids, open_and_signal_exactly_whom_kill_may)
{
	for (uid_t real : some)
		for (uid_t effective : some) {
			int difference = apart([&] {
				must(or_errno(setgroups(0, nullptr)));
				must(or_errno(
					setresuid(real, effective, effective)));
				return first_difference();
			});

			EXPECT_EQ(0, difference)
				<< to_string({real, effective, effective})
				<< " to " << which(difference);
		}
}

/* All capabilities, and none of them counts out here. */
TEST_F(hostile_ids, open_and_signal_no_more_from_a_user_namespace)
{
	for (const user &who : {alice, bob, nobody}) {
		int difference = as(who, [&] {
			enter_user_namespace();
			return first_difference();
		});

		EXPECT_EQ(0, difference)
			<< who.uid << " to " << which(difference);
	}
	EXPECT_EQ(-EPERM, as(nobody, [&] {
		enter_user_namespace();
		return open_process(targets_.front().pid());
	}));
}

/* A set-uid program that is given descriptors to write to and to read from. */
class hostile_set_uid : public testing::Test {
protected:
	static void SetUpTestSuite() { device(); }

	/* The target was nobody's and has become root, as one does by exec. */
	static void become_root(servant &target, const set_uid_program &program)
	{
		must(target.exec(program.path()));
		must(target.set_uids(0, 0, 0));
		must(kill(target.pid(), 0) < 0 && errno == EPERM ? 0 : -EBADE);
	}

	/* Run it with these for its input, output and 3: its exit status. */
	int run(const char *what, int input, int output, int three) const
	{
		child c = start_without_descriptor([&] {
			must(or_errno(dup2(input, 0)));
			must(or_errno(dup2(output, 1)));
			must(or_errno(dup2(three, 3)));
			execl(program_.path(), "set_uid", what, nullptr);
			return 98;
		});
		const int status = c.wait();

		return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
	}

	set_uid_program program_, servant_{helper_path("helper_servant")};
};

TEST_F(hostile_set_uid, writes_with_the_rights_of_the_maker)
{
	EXPECT_EQ(0, as(nobody, [&] {
			  servant target(nobody);

			  /* While it is ours, it may be signalled. */
			  if (run("--say", 0, target.fd(), 2) != 0 ||
			      target.next_signal() != -EPIPE)
				  return 1;

			  servant other(nobody);

			  become_root(other, servant_);

			  const int ret = run("--say", 0, other.fd(), 2);

			  /* We cannot kill it, but tell it to exit. */
			  return ret != EPERM			  ? 2 :
				 !other.has_no_signal()		  ? 3 :
				 other.exit_and_reap(7) != 7 << 8 ? 4 :
								    0;
		  }));
}

TEST_F(hostile_set_uid, reads_what_the_holder_could_have_read)
{
	EXPECT_EQ(0, as(nobody, [&] {
			  int fds[2];

			  must(or_errno(pipe2(fds, O_CLOEXEC)));

			  unique_fd out(fds[0]), in(fds[1]);
			  child dead = start_zombie(7);

			  if (run("--repeat", dead.fd, 1, in) != 0)
				  return 1;
			  in.reset();
			  return read_all(out) == record_of(dead.fd) ? 0 : 2;
		  }));
}

/* One that is opened to write only is not read by root's hand either. */
TEST_F(hostile_set_uid, reads_nothing_that_the_holder_could_not)
{
	EXPECT_EQ(0, as(nobody, [&] {
			  child dead = start_zombie(7);
			  unique_fd writing(must(open_path(
				  "/proc/self/fd/" + std::to_string(dead.fd),
				  O_WRONLY)));

			  return run("--repeat", writing, 1, 2) == 99 ? 0 : 1;
		  }));
}

TEST_F(hostile_set_uid, kills_nobody_by_closing_the_last_copy)
{
	EXPECT_EQ(0, as(nobody, [&] {
			  servant target(nobody, PROCFD_KILL_ON_CLOSE);
			  unique_fd last(must(or_errno(
				  fcntl(target.fd(), F_DUPFD_CLOEXEC, 0))));

			  become_root(target, servant_);
			  target.close_fd();

			  /* The program's output, and nobody else has it. */
			  pid_t pid = must(or_errno(fork()));

			  if (!pid) {
				  must(or_errno(dup2(last, 1)));
				  last.reset();
				  execl(program_.path(), "set_uid", "--say",
					nullptr);
				  _exit(98);
			  }
			  last.reset();
			  return wait_for(pid) != EPERM << 8	   ? 1 :
				 !target.has_no_signal()	   ? 2 :
				 target.exit_and_reap(7) != 7 << 8 ? 3 :
								     0;
		  }));
}

/*
 * The init of a pid namespace is protected from those in it, who gain nothing
 * by somebody outside who writes for them: neither could do it alone.
 */
TEST(hostile_in_a_pid_namespace, kills_no_init_by_a_hand_outside)
{
	gate never;
	int sockets[2];

	device();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));

	child parent = start_without_descriptor([&] {
		must(or_errno(unshare(CLONE_NEWPID)));

		const pid_t init = must(or_errno(fork()));

		if (!init) {
			become(nobody);
			must(or_errno(kill(getpid(), SIGKILL)));
			send_fd(sockets[1], must(open_process(0)));
			_exit(never.pass());
		}
		return wait_for(init) == SIGKILL ? 0 : 1;
	});
	unique_fd fd(must(recv_fd(sockets[0])));
	const pid_t init = info_of(fd).pid;

	EXPECT_EQ(-EPERM,
		  as(alice, [=] { return or_errno(kill(init, SIGKILL)); }));
	EXPECT_EQ(9, as(alice, [&] { return int(write_to(fd, "KILL STOP")); }));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(fd));

	/* Who is outside makes descriptors that are. */
	unique_fd outside(must(open_process(init)));

	EXPECT_EQ(4, write_to(outside, "KILL"));
	EXPECT_EQ(0, parent.wait());
	close(sockets[0]);
	close(sockets[1]);
}

/* Nor by a descriptor that root made outside. */
TEST(hostile_in_a_pid_namespace, kills_no_init_with_a_descriptor_from_outside)
{
	device();
	must(or_errno(unshare(CLONE_NEWPID)));

	gate written, may_exit;
	unique_fd fd(must(announce()));
	pid_t init = must(or_errno(fork()));

	if (!init) {
		die_with_parent();

		child inside = start_without_descriptor([&] {
			become(nobody);
			return write_to(fd, "KILL") == 4 &&
					       write_to(fd, "TERM") == 4 ?
				       0 :
				       1;
		});

		if (inside.wait() != 0)
			_exit(1);
		written.open();
		_exit(may_exit.pass() ? 7 : 2);
	}
	ASSERT_TRUE(written.pass());
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(fd));
	may_exit.open();
	EXPECT_EQ(POLLHUP, poll_over(fd));
	EXPECT_EQ(7 << 8, info_of(fd).status);
	EXPECT_EQ(7 << 8, wait_for(init));
}

} // namespace
