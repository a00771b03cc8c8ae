// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors made by those whom AppArmor confines: it is asked for every
 * signal, about the maker and not the writer, and about each use of a file.
 */
#include <algorithm>
#include <optional>
#include <string>

#include "apparmor.h"
#include "fs.h"

namespace {

const need apparmor(missing_apparmor);

/* A child that ends when it is let, since who confines us forbids to kill it. */
class patient_child {
public:
	explicit patient_child(int fd = -1)
		: child_(start_without_descriptor([this, fd] {
			  close(fd);
			  return may_exit_.pass() ? 0 : 1;
		  }))
	{
	}
	~patient_child()
	{
		may_exit_.open();
		child_.wait();
	}

	pid_t pid() const { return child_.pid; }

private:
	gate may_exit_;
	child child_;
};

/* May use descriptors without a name and be signalled, but signal nobody. */
class authority_without_signals : public testing::Test {
protected:
	apparmor_profile profile_{"procfd_authority_test",
				  "  /** r,\n"
				  "  / rw,\n"
				  "  /dev/procfd rw,\n"
				  "  signal (receive),\n",
				  "flags=(attach_disconnected)"};
};

TEST_F(authority_without_signals, opens_nobody_with_EPERM)
{
	child c = start_sleeper();

	EXPECT_EQ(-EACCES,
		  profile_.confined([&c] { return or_errno(kill(c.pid, 0)); }));
	EXPECT_EQ(-EPERM,
		  profile_.confined([&c] { return open_process(c.pid); }));
}

/* Whatever errno the security module refuses signals with. */
TEST_F(authority_without_signals, opens_its_own_child)
{
	EXPECT_EQ(0, profile_.confined([] {
		patient_child c;

		if (kill(c.pid(), 0) == 0 || errno != EACCES)
			return -ENOTRECOVERABLE;

		unique_fd fd(open_process(c.pid()));

		return fd < 0 ? int(fd) : 0;
	}));
}

TEST_F(authority_without_signals, writes_with_EACCES)
{
	EXPECT_EQ(-EACCES, profile_.confined([] {
		unique_fd fd(must(announce()));
		patient_child c(fd);

		return int(write_to(fd, "TERM"));
	}));
}

/* The writer may do what it likes, and that is not what counts. */
TEST_F(authority_without_signals, is_what_it_gives_to_others)
{
	int sockets[2];
	gate may_exit;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
				sockets));

	std::optional<child> maker(start_without_descriptor([&] {
		return -profile_.confined([&] {
			unique_fd fd(must(announce()));
			patient_child c(fd);

			send_fd(sockets[1], fd);
			return may_exit.pass() ? 0 : -ETIMEDOUT;
		});
	}));
	unique_fd fd(must(recv_fd(sockets[0])));

	EXPECT_EQ(0, kill(info_of(fd).pid, 0));
	EXPECT_EQ(-EACCES, write_to(fd, "TERM"));
	may_exit.open();
	EXPECT_EQ(0, maker->wait());
	EXPECT_EQ(POLLHUP, poll_over(fd));
	EXPECT_TRUE(read_all(fd).starts_with("exited 0\n"));
	close(sockets[0]);
	close(sockets[1]);
}

/*
 * A descriptor without a name is nowhere, which AppArmor refuses to those who
 * made it unless their profile has attach_disconnected and then the rule "/ rw".
 */
int use_a_descriptor_of_ones_own()
{
	child c = start([] { return 7; });
	char text[PROCFD_RECORD_MAX];

	/* What is no read or write is not asked about. */
	if (poll_over(c.fd) != POLLHUP || info_of(c.fd).status != 7 << 8)
		return -ENOTRECOVERABLE;

	const ssize_t written = write_to(c.fd, "0");

	if (written != -ESRCH && written != -EACCES)
		return -ENOTRECOVERABLE;

	const ssize_t n = or_errno(pread(c.fd, text, sizeof(text), 0));

	return (n < 0) == (written == -EACCES) ? std::min(int(n), 0) :
						 -ENOTRECOVERABLE;
}

constexpr const char *everything_that_has_a_path = "  /** rw,\n"
						   "  signal,\n";

TEST(authority_of_the_confined, is_of_no_use_where_the_nameless_is_refused)
{
	const apparmor_profile profile("procfd_disconnected_test",
				       everything_that_has_a_path);

	EXPECT_EQ(-EACCES, profile.confined(use_a_descriptor_of_ones_own));
}

TEST(authority_of_the_confined, is_used_where_the_profile_attaches_the_nameless)
{
	const apparmor_profile profile("procfd_attached_test",
				       std::string(everything_that_has_a_path) +
					       "  / rw,\n",
				       "flags=(attach_disconnected)");

	EXPECT_EQ(0, profile.confined(use_a_descriptor_of_ones_own));
}

/* What has a name is somewhere, and its authority is not asked for. */
class names_under_apparmor : public names_test {};

TEST_F(names_under_apparmor, are_opened_by_their_path)
{
	child c = start_sleeper();

	ASSERT_EQ(0, link(c.fd, "his"));
	ASSERT_EQ(0, link(c.fd, "other"));

	const apparmor_profile profile("procfd_names_test",
				       "  /dev/procfd rw,\n  " + at("his") +
					       " rw,\n");

	EXPECT_EQ(0, profile.confined([this] {
		unique_fd fd(open_path(at("his"), O_RDWR));

		return write_to(fd, "0") == 1 ? 0 : -ENOTRECOVERABLE;
	}));
	EXPECT_EQ(-EACCES, profile.confined([this] {
		return try_open(at("other"), O_RDONLY);
	}));
}

} // namespace
