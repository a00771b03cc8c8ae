// SPDX-License-Identifier: GPL-2.0-only
// As fault_test: each allocation and each copy fails once, here from a fork that
// is announced to whatever ends that, and in what makes a child quiet.
#include <string_view>

#include "fault.h"

namespace {

class faults_announce : public faults,
			public testing::WithParamInterface<std::uint32_t> {};

TEST_P(faults_announce, fork)
{
	device();
	each([] { return announce(GetParam()); },
	     [](int ret) {
		     if (ret < 0) {
			     EXPECT_ERROR(ENOENT, cancel());
			     return;
		     }
		     unique_fd fd(ret);

		     EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND),
			       info_of(fd).state);
		     EXPECT_OK(cancel());
	     });
	/* The argument, the process, the inode, the dentry and the file. */
	EXPECT_LE(5u, count);
	EXPECT_EQ(0, start([] { return 0; }, GetParam()).wait());
}

/* A fork that fails leaves the announcement, and one that succeeds binds it. */
TEST_P(faults_announce, the_fork_itself)
{
	unique_fd fd;

	device();
	const chance mine;
	for (unsigned nth = 1;; nth++) {
		ASSERT_GT(too_many, nth);
		fd.reset(must(announce(GetParam())));
		mine.set(nth);
		const pid_t pid = or_errno(::fork());
		if (!pid)
			_exit(7);
		const bool taken = mine.taken();

		if (pid < 0) {
			ASSERT_TRUE(taken);
			/* EAGAIN is what fork(2) says of some allocations. */
			EXPECT_TRUE(pid == -ENOMEM || pid == -EAGAIN)
				<< name_of(pid);
			ASSERT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND),
				  info_of(fd).state);
			ASSERT_OK(cancel());
			continue;
		}
		procfd_info info;

		ASSERT_OK(get_info(fd, &info, PROCFD_INFO_WAIT,
				   PROCFD_DEADLINE_NONE));
		EXPECT_TRUE(info.attributes & PROCFD_ATTR_REAPED ||
			    info.pid == pid);
		EXPECT_EQ(7 << 8, info.status);
		EXPECT_EQ(7 << 8, wait_for(pid));
		EXPECT_ERROR(ENOENT, cancel());
		if (!taken) {
			printf("# %u faults\n", nth - 1);
			break;
		}
	}
}

/* Closed before its fork, it is dropped, whether or not the inode stays. */
TEST_P(faults_announce, the_last_close)
{
	for (bool stays : {false, true}) {
		int fd = must(announce(GetParam()));
		unique_fd path(stays ? must(reopen(fd, O_PATH)) : -1);

		each([&] { return or_errno(close(fd)); },
		     [&](int ret) {
			     EXPECT_OK(ret);
			     EXPECT_ERROR(ENOENT, cancel());
			     if (stays) {
				     unique_fd again(
					     must(reopen(path, O_RDWR)));

				     EXPECT_EQ(std::uint32_t(
						       PROCFD_STATE_DROPPED),
					       info_of(again).state);
			     }
			     fd = must(announce(GetParam()));
			     if (stays)
				     path.reset(must(reopen(fd, O_PATH)));
		     });
		EXPECT_EQ(0, close(fd));
	}
}

INSTANTIATE_TEST_SUITE_P(, faults_announce,
			 testing::Values(0, PROCFD_KILL_ON_CLOSE, PROCFD_QUIET,
					 PROCFD_TREE),
			 [](const auto &info) {
				 switch (info.param) {
				 case PROCFD_KILL_ON_CLOSE:
					 return std::string("kill_on_close");
				 case PROCFD_QUIET:
					 return std::string("quiet");
				 case PROCFD_TREE:
					 return std::string("tree");
				 default:
					 return std::string("plain");
				 }
			 });

/* What a member makes is a member, or there is none, or it dies before it runs. */
TEST_F(faults, a_fork_in_a_tree)
{
	unique_fd fd(must(announce(PROCFD_TREE)));
	child c = start_without_descriptor([&] {
		const chance mine;
		std::uint64_t dead = 0;

		for (unsigned nth = 1; nth < too_many; nth++) {
			mine.set(nth);
			const pid_t pid = or_errno(::fork());
			if (!pid)
				_exit(7);
			const bool taken = mine.taken();

			if (pid < 0) {
				if (pid != -ENOMEM && pid != -EAGAIN)
					return 1;
				continue;
			}
			const int status = wait_for(pid);

			if (status == SIGKILL)
				dead++;
			else if (status != 7 << 8)
				return 2;
			if (info_of(fd).born_dead != dead)
				return 3;
			if (!taken)
				return dead ? 0 : 4;
		}
		return 5;
	});

	EXPECT_EQ(0, c.wait());
	EXPECT_EQ(POLLHUP, poll_over(fd));
}

class faults_tree : public faults {
protected:
	faults_tree()
		: fd_(must(announce(PROCFD_TREE))),
		  c_(start_without_descriptor(sleep_for_ever))
	{
	}

	unique_fd fd_;
	child c_;
};

TEST_F(faults_tree, signal)
{
	procfd_signal args;

	each(
		[&] {
			args = {};
			args.signal = SIGURG;
			args.scope = PROCFD_SCOPE_TREE;
			return ioc(fd_, PROCFD_IOC_SIGNAL, &args);
		},
		[&](int ret) { EXPECT_EQ(ret ? 0u : 1u, args.sent); });
	/* The argument, what notes the pass, and the answer. */
	EXPECT_LE(3u, count);
}

TEST_F(faults_tree, members)
{
	procfd_member one;
	procfd_members args;

	each(
		[&] {
			args = {std::uint64_t(std::uintptr_t(&one)), 1, 0};
			return ioc(fd_, PROCFD_IOC_MEMBERS, &args);
		},
		[&](int ret) {
			if (!ret) {
				EXPECT_EQ(c_.pid, one.pid);
			}
		});
	EXPECT_LE(3u, count);
}

TEST_F(faults, cancel_has_none)
{
	unique_fd fd(must(announce()));

	each([] { return cancel(); }, [](int ret) { EXPECT_OK(ret); });
	EXPECT_EQ(0u, count);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_DROPPED), info_of(fd).state);
}

/*
 * A process that awaits a fork and has a quiet child, as it execs and as it
 * exits. It tells by its exit status.
 */

enum outcome {
	unharmed,
	execed,
	not_execed,
	wrong = 99,
	/* What the C library says of a fault as the new program starts. */
	not_started = 127,
};

/*
 * Kill a quiet child, and cancel what is announced: is the one seen by a wait
 * that does not look for it, and the other still there, as they should be?
 */
bool ends(int device, int quiet, int waited, int cancelled)
{
	const pid_t pid = info_of(quiet).pid;

	kill(pid, SIGKILL);

	const short events = poll_over(quiet);
	const int wait = wait_for(pid, 0);
	const int cancel = ioc(device, PROCFD_IOC_CANCEL, nullptr);

	if (events == POLLHUP && wait == waited && cancel == cancelled)
		return true;
	fprintf(stderr, "# events %#x, wait %d, cancel %d\n", unsigned(events),
		wait, cancel);
	return false;
}

/* This program once it is exec'd: `--execed COUNTER QUIET`, two descriptors. */
__attribute__((constructor)) void after_the_exec(int argc, char **argv)
{
	if (argc != 4 || std::string_view(argv[1]) != "--execed")
		return;

	const bool taken = chance(unique_fd(atoi(argv[2]))).taken();

	/*
	 * Not device(), which is in .bss: 6.1 does not look whether that could
	 * be cleared.
	 */
	unique_fd own(must(or_errno(open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC))));

	/* SIGCHLD comes of whom the old program had made quiet. */
	if (!ends(own, atoi(argv[3]), SIGKILL, -ENOENT))
		_exit(wrong);
	_exit(taken ? execed : unharmed);
}

/* Returns only if it has failed, and all is as it was. */
outcome exec_self(unsigned nth, int quiet)
{
	unique_fd self(must(or_errno(open("/proc/self/exe", O_PATH))));
	unique_fd counter(must(or_errno(open(counter_path, O_RDWR))));
	std::string name = "fault_fork_test", mode = "--execed",
		    first = std::to_string(counter),
		    second = std::to_string(must(or_errno(dup(quiet))));
	char *argv[] = {name.data(), mode.data(), first.data(), second.data(),
			nullptr};
	const chance mine(std::move(counter));

	must(or_errno(fcntl(self, F_SETFD, FD_CLOEXEC)));
	mine.set(nth);

	const int ret =
		or_errno(execveat(self, "", argv, environ, AT_EMPTY_PATH));

	/* E2BIG and ENOEXEC are what execve(2) says of some allocations. */
	if (!mine.taken() || (ret != -ENOMEM && ret != -EFAULT &&
			      ret != -E2BIG && ret != -ENOEXEC)) {
		fprintf(stderr, "# exec, fault %u: %s\n", nth,
			name_of(ret).c_str());
		return wrong;
	}
	return ends(device(), quiet, -ECHILD, 0) ? not_execed : wrong;
}

class faults_between : public faults {
protected:
	void SetUp() override
	{
		int fds[2];

		faults::SetUp();
		if (IsSkipped())
			return;
		must(or_errno(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC,
					 0, fds)));
		ours.reset(fds[0]);
		theirs.reset(fds[1]);
		device();
	}

	/*
	 * What is announced is sent first, the quiet child next; that one dies
	 * with its parent.
	 */
	template <typename F>
	child start_one(F body) const
	{
		return start(
			[&] {
				child quiet = start_sleeper(PROCFD_QUIET);
				unique_fd announced(must(announce()));

				quiet.forget();
				send_fd(theirs, announced);
				send_fd(theirs, quiet.fd);
				return body(quiet.fd);
			},
			PROCFD_QUIET);
	}

	unique_fd ours, theirs;
};

TEST_F(faults_between, exec)
{
	unsigned failed = 0, killed = 0;

	for (unsigned nth = 1;; nth++) {
		ASSERT_GT(too_many, nth);

		child c = start_one(
			[nth](int quiet) { return exec_self(nth, quiet); });
		unique_fd announced(recv_fd(ours)), quiet(recv_fd(ours));

		/* It is quiet itself, whatever has become of it. */
		ASSERT_EQ(POLLHUP, poll_over(c.fd));
		ASSERT_EQ(-ECHILD, wait_for(-1, WNOHANG));
		ASSERT_EQ(std::uint32_t(PROCFD_STATE_DROPPED),
			  info_of(announced).state);
		ASSERT_EQ(POLLHUP, poll_over(quiet));

		const int status = info_of(c.fd).status;

		if (WIFSIGNALED(status)) {
			/* There is no way back from the middle of an exec. */
			ASSERT_TRUE(WTERMSIG(status) == SIGKILL ||
				    WTERMSIG(status) == SIGSEGV)
				<< "fault " << nth << ": " << status;
			killed++;
			continue;
		}
		const int outcome = WEXITSTATUS(status);

		ASSERT_TRUE(outcome == unharmed || outcome == execed ||
			    outcome == not_execed || outcome == not_started)
			<< "fault " << nth << ": " << outcome;
		failed += outcome == not_execed;
		if (outcome == unharmed) {
			printf("# %u faults, %u times not exec'd, %u killed\n",
			       nth - 1, failed, killed);
			break;
		}
	}
	EXPECT_LT(0u, failed);
}

TEST_F(faults_between, exit)
{
	must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 1)));
	for (unsigned nth = 1;; nth++) {
		ASSERT_GT(too_many, nth);

		child c = start_one([nth](int) {
			const chance mine;

			mine.set(nth);
			_exit(7);
			return wrong;
		});
		unique_fd announced(recv_fd(ours)), quiet(recv_fd(ours));

		wait_for_zombie(c.pid);

		const bool taken =
			chance("/proc/" + std::to_string(c.pid) + "/fail-nth")
				.taken();

		ASSERT_EQ(7 << 8, info_of(c.fd).status) << "fault " << nth;
		ASSERT_EQ(std::uint32_t(PROCFD_STATE_DROPPED),
			  info_of(announced).state);
		/* Who adopts its child can wait for it. */
		ASSERT_EQ(SIGKILL, wait_for(info_of(quiet).pid, 0));
		ASSERT_EQ(7 << 8, c.wait());
		if (!taken) {
			printf("# %u faults\n", nth - 1);
			break;
		}
	}
	must(or_errno(prctl(PR_SET_CHILD_SUBREAPER, 0)));
}

} // namespace
