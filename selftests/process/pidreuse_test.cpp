// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pid that has become another's: the descriptor means the one that it was
 * made for, and never touches the newcomer.
 */
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <linux/sched.h>

#include "common.h"

namespace {

constexpr short exited = POLLIN | POLLRDNORM | POLLHUP;

/* The kernel's RESERVED_PIDS: once past them pids go round from here. */
constexpr pid_t pid_min = 300;
constexpr pid_t pid_max = 400;

/* Ways to make a process that has a given pid. Each returns a sleeper. */

struct way {
	const char *name;
	child (*create)(pid_t pid);
};

/* Ask for it, as those do who restore a process. */
child by_set_tid(pid_t pid)
{
	clone_args args{};

	args.exit_signal = SIGCHLD;
	args.set_tid = std::uint64_t(std::uintptr_t(&pid));
	args.set_tid_size = 1;

	child c(must(or_errno(pid_t(syscall(SYS_clone3, &args, sizeof(args))))),
		unique_fd());

	if (!c.pid) {
		die_with_parent();
		sleep_for_ever();
	}
	return c;
}

/* Let it come round, in a small_pid_max. */
child by_going_round(pid_t pid)
{
	for (int i = 0; i < 2 * pid_max; i++) {
		child c = start_without_descriptor(sleep_for_ever);

		if (c.pid == pid)
			return c;
	}
	must(-ETIMEDOUT);
	return child(-1, unique_fd());
}

/* While this exists there are few pids, and the next comes round soon. */
class small_pid_max {
public:
	small_pid_max()
		: max_(must(or_errno(open("/proc/sys/kernel/pid_max",
					  O_RDWR | O_CLOEXEC)))),
		  before_(read_all(max_))
	{
		set(std::to_string(pid_max));
		/* On a machine that has just booted, the next would not. */
		while (start_without_descriptor([] { return 0; }).pid < pid_min)
			;
	}
	~small_pid_max() { set(before_); }

private:
	void set(const std::string &value)
	{
		must(int(
			or_errno(pwrite(max_, value.data(), value.size(), 0))));
	}

	unique_fd max_;
	std::string before_;
};

class pid_reuse : public testing::TestWithParam<way> {
protected:
	/* Has exited with 7, and was reaped; another has its pid. */
	void reuse()
	{
		child c = start([] { return 7; }, flags_);

		old_pid_ = c.pid;
		old_ = std::move(c.fd);
		opened_.reset(must(open_process(old_pid_)));
		ASSERT_EQ(flags_ & PROCFD_QUIET && kernel_reaps() ? -ECHILD :
								    7 << 8,
			  c.wait());
		newcomer_.emplace(GetParam().create(old_pid_));
		ASSERT_EQ(old_pid_, newcomer_->pid);
	}

	/* It has no handler, so anything that it was sent would have ended it. */
	bool newcomer_lives()
	{
		unique_fd fd(must(open_process(newcomer_->pid)));

		if (poll_now(fd) != (POLLOUT | POLLWRNORM))
			return false;
		must(int(write_to(fd, "USR2")));
		return poll_over(fd) == POLLHUP &&
		       info_of(fd).status == SIGUSR2;
	}

	std::optional<small_pid_max> small_ =
		GetParam().create == by_going_round ?
			std::optional<small_pid_max>(std::in_place) :
			std::nullopt;
	std::uint32_t flags_ = 0;
	pid_t old_pid_ = -1;
	unique_fd old_, opened_;
	std::optional<child> newcomer_;
};

TEST_P(pid_reuse, does_not_make_a_write_reach_the_newcomer)
{
	ASSERT_NO_FATAL_FAILURE(reuse());
	for (int fd : {int(old_), int(opened_)}) {
		EXPECT_EQ(-ESRCH, write_to(fd, "0"));
		EXPECT_EQ(-ESRCH, write_to(fd, "KILL"));
		EXPECT_EQ(-ESRCH, write_to(fd, "\017"));
	}
	EXPECT_TRUE(newcomer_lives());
}

TEST_P(pid_reuse, does_not_change_what_is_known)
{
	ASSERT_NO_FATAL_FAILURE(reuse());

	procfd_info info = info_of(old_);

	EXPECT_EQ(exited, poll_now(old_));
	EXPECT_EQ(exited, poll_now(opened_));
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_EXITED), info.state);
	EXPECT_EQ(7 << 8, info.status);
	EXPECT_EQ(0, info.pid) << "it is the newcomer's";
	EXPECT_EQ(PROCFD_ATTR_REAPED, info.attributes);
	EXPECT_TRUE(read_all(old_).starts_with("exited 7\n"));
	EXPECT_TRUE(read_all(opened_).starts_with("exited 7\n"));
}

TEST_P(pid_reuse, is_seen_by_the_id)
{
	ASSERT_NO_FATAL_FAILURE(reuse());

	unique_fd fd(open_process(old_pid_));

	ASSERT_LE(0, fd);
	EXPECT_EQ(old_pid_, info_of(fd).pid);
	EXPECT_NE(info_of(old_).id, info_of(fd).id);
	EXPECT_EQ(std::uint32_t(PROCFD_STATE_RUNNING), info_of(fd).state);
}

TEST_P(pid_reuse, does_not_kill_the_newcomer_on_close)
{
	flags_ = PROCFD_KILL_ON_CLOSE;
	ASSERT_NO_FATAL_FAILURE(reuse());
	ASSERT_EQ(PROCFD_ATTR_KILL_ON_CLOSE,
		  info_of(old_).attributes & PROCFD_ATTR_KILL_ON_CLOSE);
	old_.reset();
	opened_.reset();
	EXPECT_TRUE(newcomer_lives());
}

/* The quiet one has left nothing behind that goes by the pid. */
TEST_P(pid_reuse, does_not_make_the_newcomer_quiet)
{
	flags_ = PROCFD_QUIET;
	ASSERT_NO_FATAL_FAILURE(reuse());
	kill(newcomer_->pid, SIGTERM);
	EXPECT_EQ(SIGTERM, wait_for(newcomer_->forget(), 0));
}

TEST_P(pid_reuse, shows_in_fdinfo_as_it_was)
{
	ASSERT_NO_FATAL_FAILURE(reuse());

	const std::string text =
		slurp("/proc/self/fdinfo/" + std::to_string(old_));

	EXPECT_NE(std::string::npos, text.find("procfd_state:\texited\n"))
		<< text;
	EXPECT_NE(std::string::npos, text.find("procfd_status:\t1792\n"))
		<< text;
}

INSTANTIATE_TEST_SUITE_P(, pid_reuse,
			 testing::Values(way{"set_tid", by_set_tid},
					 way{"small_pid_max", by_going_round}),
			 [](const auto &p) {
				 return std::string(p.param.name);
			 });

} // namespace
