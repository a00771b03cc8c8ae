// SPDX-License-Identifier: GPL-2.0-only
/*
 * The binary interface: its numbers, how its structs grow, and which error a
 * call with several faults gets. Built for -m64 and for -m32, so that whoever
 * changes a number breaks a build, and compat_ioctl is used by what it is for.
 */
#include <array>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "common.h"

static_assert(PROCFD_ABI == 2);
static_assert(PROCFD_FS_MAGIC == 0x70666473);
static_assert(PROCFD_RECORD_MAX == 512);

static_assert(PROCFD_NONBLOCK == 1);
static_assert(PROCFD_KILL_ON_CLOSE == 2);
static_assert(PROCFD_QUIET == 4);
static_assert(PROCFD_TREE == 8);
static_assert(PROCFD_TREE_DEPTH == 8);
static_assert(PROCFD_FEATURE_AUTOREAP == 1);
static_assert(PROCFD_LINK_REPLACE == 1);
static_assert(PROCFD_LINK_REPLACE_DEAD == 2);
static_assert(PROCFD_LINK_DURABLE == 4);
static_assert(PROCFD_STATE_UNBOUND == 1);
static_assert(PROCFD_STATE_RUNNING == 2);
static_assert(PROCFD_STATE_EXITED == 3);
static_assert(PROCFD_STATE_DROPPED == 4);
static_assert(PROCFD_INFO_STATE == 1);
static_assert(PROCFD_INFO_IDS == 2);
static_assert(PROCFD_INFO_STATUS == 4);
static_assert(PROCFD_INFO_RUSAGE == 8);
static_assert(PROCFD_INFO_TREE == 16);
static_assert(PROCFD_SCOPE_PROCESS == 0);
static_assert(PROCFD_SCOPE_MAIN == 1);
static_assert(PROCFD_SCOPE_GROUP == 2);
static_assert(PROCFD_SCOPE_TREE == 3);
static_assert(PROCFD_INFO_WAIT == 1);
static_assert(PROCFD_DEADLINE_NONE == 0xffffffffffffffffULL);
static_assert(PROCFD_ATTR_KILL_ON_CLOSE == 1);
static_assert(PROCFD_ATTR_QUIET == 2);
static_assert(PROCFD_ATTR_REAPED == 4);

static_assert(sizeof(procfd_query) == 40);
static_assert(PROCFD_QUERY_SIZE_VER0 == 40);
static_assert(offsetof(procfd_query, abi) == 0);
static_assert(offsetof(procfd_query, fork_flags) == 4);
static_assert(offsetof(procfd_query, open_flags) == 8);
static_assert(offsetof(procfd_query, info_flags) == 12);
static_assert(offsetof(procfd_query, flink_flags) == 16);
static_assert(offsetof(procfd_query, reserved) == 20);
static_assert(offsetof(procfd_query, info_mask) == 24);
static_assert(offsetof(procfd_query, features) == 32);

static_assert(sizeof(procfd_fork) == 8);
static_assert(PROCFD_FORK_SIZE_VER0 == 8);
static_assert(offsetof(procfd_fork, flags) == 0);
static_assert(offsetof(procfd_fork, reserved) == 4);

static_assert(sizeof(procfd_open) == 8);
static_assert(PROCFD_OPEN_SIZE_VER0 == 8);
static_assert(offsetof(procfd_open, pid) == 0);
static_assert(offsetof(procfd_open, flags) == 4);

static_assert(sizeof(procfd_flink) == 24);
static_assert(PROCFD_FLINK_SIZE_VER0 == 24);
static_assert(offsetof(procfd_flink, fd) == 0);
static_assert(offsetof(procfd_flink, dirfd) == 4);
static_assert(offsetof(procfd_flink, name) == 8);
static_assert(offsetof(procfd_flink, flags) == 16);
static_assert(offsetof(procfd_flink, reserved) == 20);

static_assert(sizeof(procfd_info) == 192);
static_assert(PROCFD_INFO_SIZE_VER0 == 104);
static_assert(PROCFD_INFO_SIZE_VER1 == 192);
static_assert(offsetof(procfd_info, mask) == 0);
static_assert(offsetof(procfd_info, flags) == 8);
static_assert(offsetof(procfd_info, state) == 12);
static_assert(offsetof(procfd_info, deadline_ns) == 16);
static_assert(offsetof(procfd_info, id) == 24);
static_assert(offsetof(procfd_info, pid) == 32);
static_assert(offsetof(procfd_info, status) == 36);
static_assert(offsetof(procfd_info, attributes) == 40);
static_assert(offsetof(procfd_info, reserved) == 44);
static_assert(offsetof(procfd_info, utime_usec) == 48);
static_assert(offsetof(procfd_info, stime_usec) == 56);
static_assert(offsetof(procfd_info, maxrss_kb) == 64);
static_assert(offsetof(procfd_info, minflt) == 72);
static_assert(offsetof(procfd_info, majflt) == 80);
static_assert(offsetof(procfd_info, started_ns) == 88);
static_assert(offsetof(procfd_info, exited_ns) == 96);
static_assert(offsetof(procfd_info, live) == 104);
static_assert(offsetof(procfd_info, born) == 112);
static_assert(offsetof(procfd_info, born_dead) == 120);
static_assert(offsetof(procfd_info, main_id) == 128);
static_assert(offsetof(procfd_info, main_pid) == 136);
static_assert(offsetof(procfd_info, ended_main_status) == 140);
static_assert(offsetof(procfd_info, ended_main_id) == 144);
static_assert(offsetof(procfd_info, tree_utime_usec) == 152);
static_assert(offsetof(procfd_info, tree_stime_usec) == 160);
static_assert(offsetof(procfd_info, tree_maxrss_kb) == 168);
static_assert(offsetof(procfd_info, tree_minflt) == 176);
static_assert(offsetof(procfd_info, tree_majflt) == 184);

static_assert(sizeof(procfd_signal) == 24);
static_assert(PROCFD_SIGNAL_SIZE_VER0 == 24);
static_assert(offsetof(procfd_signal, signal) == 0);
static_assert(offsetof(procfd_signal, scope) == 4);
static_assert(offsetof(procfd_signal, flags) == 8);
static_assert(offsetof(procfd_signal, reserved) == 12);
static_assert(offsetof(procfd_signal, sent) == 16);
static_assert(offsetof(procfd_signal, refused) == 20);

static_assert(sizeof(procfd_member) == 32);
static_assert(offsetof(procfd_member, id) == 0);
static_assert(offsetof(procfd_member, parent_id) == 8);
static_assert(offsetof(procfd_member, started_ns) == 16);
static_assert(offsetof(procfd_member, pid) == 24);
static_assert(offsetof(procfd_member, reserved) == 28);

static_assert(sizeof(procfd_members) == 16);
static_assert(PROCFD_MEMBERS_SIZE_VER0 == 16);
static_assert(offsetof(procfd_members, members) == 0);
static_assert(offsetof(procfd_members, count) == 8);
static_assert(offsetof(procfd_members, reserved) == 12);

static_assert(PROCFD_IOC_QUERY == 0x8028d600);
static_assert(PROCFD_IOC_FORK == 0x4008d601);
static_assert(PROCFD_IOC_CANCEL == 0x0000d602);
static_assert(PROCFD_IOC_OPEN == 0x4008d603);
static_assert(PROCFD_IOC_FLINK == 0x4018d604);
static_assert(PROCFD_IOC_INFO == 0xc0c0d610);
static_assert(PROCFD_IOC_SET_KILL_ON_CLOSE == 0x4004d611);
static_assert(PROCFD_IOC_SIGNAL == 0xc018d612);
static_assert(PROCFD_IOC_MEMBERS == 0xc010d613);

namespace {

constexpr unsigned long size_mask = 0x3fffUL << 16;

constexpr unsigned long with_size(unsigned long command, std::size_t size)
{
	return (command & ~size_mask) | (size << 16);
}

constexpr unsigned long direction_mask = 3UL << 30;

/* The last bytes before memory that cannot be touched. */
class page_end {
public:
	page_end()
	{
		long size = sysconf(_SC_PAGESIZE);

		base_ = mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		end_ = static_cast<char *>(base_) + size;
		must(or_errno(mprotect(end_, size, PROT_NONE)));
	}
	~page_end() { munmap(base_, 2 * sysconf(_SC_PAGESIZE)); }
	char *before(std::size_t size) const { return end_ - size; }

private:
	void *base_;
	char *end_;
};

struct command {
	const char *name;
	unsigned long number;
	/* Of the struct now, and in the first version. */
	std::size_t size, first_size;
	bool on_descriptor;
	/* What valid input gives, with nothing of it set but this: */
	int valid;
};

void PrintTo(const command &c, std::ostream *os)
{
	*os << c.name;
}

const command query = {"QUERY",
		       PROCFD_IOC_QUERY,
		       sizeof(procfd_query),
		       PROCFD_QUERY_SIZE_VER0,
		       false,
		       0};
const command fork_ = {"FORK",
		       PROCFD_IOC_FORK,
		       sizeof(procfd_fork),
		       PROCFD_FORK_SIZE_VER0,
		       false,
		       0};
const command open_ = {"OPEN",
		       PROCFD_IOC_OPEN,
		       sizeof(procfd_open),
		       PROCFD_OPEN_SIZE_VER0,
		       false,
		       0};
/* Of descriptor 0 under no name: everything has been decoded by then. */
const command flink_ = {
	"FLINK", PROCFD_IOC_FLINK, sizeof(procfd_flink), PROCFD_FLINK_SIZE_VER0,
	false,	 -EFAULT};
const command info = {"INFO",
		      PROCFD_IOC_INFO,
		      sizeof(procfd_info),
		      PROCFD_INFO_SIZE_VER0,
		      true,
		      0};
const command signal_ = {"SIGNAL",
			 PROCFD_IOC_SIGNAL,
			 sizeof(procfd_signal),
			 PROCFD_SIGNAL_SIZE_VER0,
			 true,
			 0};
/* Not of a tree: likewise. */
const command members = {"MEMBERS",
			 PROCFD_IOC_MEMBERS,
			 sizeof(procfd_members),
			 PROCFD_MEMBERS_SIZE_VER0,
			 true,
			 -EINVAL};

/* Each command that takes a struct, on a descriptor that it is for. */
class abi_struct : public testing::TestWithParam<command> {
protected:
	abi_struct() : self_(must(open_process(0))) {}
	~abi_struct() { cancel(); }

	/* What became of it; a new descriptor counts as 0. */
	int call(std::size_t size, const void *arg)
	{
		const command &c = GetParam();
		int ret = ioc(c.on_descriptor ? int(self_) : device(),
			      with_size(c.number, size), arg);

		if (ret > 0) {
			close(ret);
			ret = 0;
		}
		return ret;
	}

	unique_fd self_;
};

class abi_input : public abi_struct {};
class abi_output : public abi_struct {};

TEST_P(abi_struct, of_its_own_size_is_taken)
{
	std::vector<char> arg(GetParam().size);

	EXPECT_EQ(GetParam().valid, call(arg.size(), arg.data()));
}

TEST_P(abi_struct, of_its_own_size_is_not_touched_beyond)
{
	page_end page;
	char *arg = page.before(GetParam().size);

	EXPECT_EQ(GetParam().valid, call(GetParam().size, arg));
}

TEST_P(abi_struct, too_short_is_EINVAL)
{
	std::vector<char> arg(GetParam().size);

	EXPECT_EQ(-EINVAL, call(GetParam().first_size - 1, arg.data()));
	EXPECT_EQ(-EINVAL, call(0, arg.data()));
}

TEST_P(abi_struct, of_its_first_size_is_taken_and_not_touched_beyond)
{
	page_end page;
	char *arg = page.before(GetParam().first_size);

	EXPECT_EQ(GetParam().valid, call(GetParam().first_size, arg));
}

TEST_P(abi_struct, longer_with_a_zero_tail_is_taken)
{
	std::vector<char> arg(GetParam().size + 64);

	EXPECT_EQ(GetParam().valid, call(arg.size(), arg.data()));
}

TEST_P(abi_input, longer_with_something_in_the_tail_is_E2BIG)
{
	std::vector<char> arg(GetParam().size + 64);

	arg.back() = 1;
	EXPECT_EQ(-E2BIG, call(arg.size(), arg.data()));
}

TEST_P(abi_output, longer_gets_a_zero_tail)
{
	std::vector<char> arg(GetParam().size + 64, 0);

	/* What gives and takes must take zero there. */
	if (GetParam().number == PROCFD_IOC_QUERY)
		arg.assign(arg.size(), 'x');

	EXPECT_EQ(0, call(arg.size(), arg.data()));
	EXPECT_EQ(std::vector<char>(64),
		  std::vector<char>(arg.end() - 64, arg.end()));
}

TEST_P(abi_struct, at_a_bad_address_is_EFAULT)
{
	EXPECT_EQ(-EFAULT, call(GetParam().size, bad_address()));
	EXPECT_EQ(-EFAULT, call(GetParam().size, nullptr));
}

TEST_P(abi_struct, that_reaches_into_a_bad_address_is_EFAULT)
{
	page_end page;
	char *arg = page.before(GetParam().size - 1);

	EXPECT_EQ(-EFAULT, call(GetParam().size, arg));
}

TEST_P(abi_struct, too_short_at_a_bad_address_is_EINVAL)
{
	EXPECT_EQ(-EINVAL, call(GetParam().first_size - 1, bad_address()));
}

TEST_P(abi_struct, with_another_direction_is_ENOTTY)
{
	const command &c = GetParam();
	std::vector<char> arg(c.size);

	EXPECT_EQ(-ENOTTY, ioc(c.on_descriptor ? int(self_) : device(),
			       c.number ^ direction_mask, arg.data()));
}

TEST_P(abi_struct, on_the_other_kind_of_descriptor_is_ENOTTY)
{
	const command &c = GetParam();
	std::vector<char> arg(c.size);

	EXPECT_EQ(-ENOTTY, ioc(c.on_descriptor ? device() : int(self_),
			       c.number, arg.data()));
}

std::string command_name(const testing::TestParamInfo<command> &p)
{
	return p.param.name;
}

INSTANTIATE_TEST_SUITE_P(, abi_struct,
			 testing::Values(query, fork_, open_, flink_, info,
					 signal_, members),
			 command_name);
INSTANTIATE_TEST_SUITE_P(, abi_input,
			 testing::Values(fork_, open_, flink_, info, signal_,
					 members),
			 command_name);
INSTANTIATE_TEST_SUITE_P(, abi_output, testing::Values(query, info, signal_),
			 command_name);

TEST(abi_query, names_all_that_is_known_and_nothing_else)
{
	procfd_query query;

	memset(&query, 'x', sizeof(query));
	ASSERT_EQ(0, ioc(device(), PROCFD_IOC_QUERY, &query));
	EXPECT_EQ(2u, query.abi);
	EXPECT_EQ(PROCFD_NONBLOCK | PROCFD_KILL_ON_CLOSE | PROCFD_QUIET |
			  PROCFD_TREE,
		  query.fork_flags);
	EXPECT_EQ(PROCFD_NONBLOCK, query.open_flags);
	EXPECT_EQ(PROCFD_INFO_WAIT, query.info_flags);
	EXPECT_EQ(PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD |
			  PROCFD_LINK_DURABLE,
		  query.flink_flags);
	EXPECT_EQ(0u, query.reserved);
	EXPECT_EQ(PROCFD_INFO_STATE | PROCFD_INFO_IDS | PROCFD_INFO_STATUS |
			  PROCFD_INFO_RUSAGE | PROCFD_INFO_TREE,
		  query.info_mask);
	EXPECT_EQ(0u, query.features & ~PROCFD_FEATURE_AUTOREAP);
}

TEST(abi_query, works_for_a_device_opened_to_read_only)
{
	unique_fd fd(must(or_errno(open(PROCFD_DEVICE, O_RDONLY | O_CLOEXEC))));
	procfd_query query;

	EXPECT_EQ(0, ioc(fd, PROCFD_IOC_QUERY, &query));
}

TEST(abi_unknown, command_of_the_device_is_ENOTTY)
{
	EXPECT_EQ(-ENOTTY, ioc(device(), _IO(PROCFD_IOC_MAGIC, 0x7f), nullptr));
	EXPECT_EQ(-ENOTTY,
		  ioc(device(), _IOW('x', 0x01, procfd_fork), nullptr));
	EXPECT_EQ(-ENOTTY, ioc(device(), TCGETS, nullptr));
}

TEST(abi_unknown, command_of_a_descriptor_is_ENOTTY)
{
	unique_fd self(must(open_process(0)));

	EXPECT_EQ(-ENOTTY, ioc(self, _IO(PROCFD_IOC_MAGIC, 0x7f), nullptr));
	EXPECT_EQ(-ENOTTY, ioc(self, TCGETS, nullptr));
}

TEST(abi_unknown, command_is_ENOTTY_in_one_without_an_argument_too)
{
	procfd_fork args{};

	/* These two are not extensible, so any other size is another command. */
	EXPECT_EQ(-ENOTTY,
		  ioc(device(), with_size(PROCFD_IOC_CANCEL, 4), &args));

	child c = start_sleeper();

	EXPECT_EQ(-ENOTTY,
		  ioc(c.fd, with_size(PROCFD_IOC_SET_KILL_ON_CLOSE, 8), &args));
}

TEST(abi_unknown, bits_of_fork_are_EINVAL)
{
	for (std::uint32_t bit = 1u << 4; bit; bit <<= 1)
		EXPECT_EQ(-EINVAL, announce(bit)) << bit;
	EXPECT_EQ(-ENOENT, cancel()) << "nothing may have been announced";
}

TEST(abi_unknown, bits_of_open_are_EINVAL)
{
	for (std::uint32_t bit = 1u << 1; bit; bit <<= 1)
		EXPECT_EQ(-EINVAL, open_process(0, bit)) << bit;
}

TEST(abi_unknown, bits_of_info_are_EINVAL)
{
	unique_fd self(must(open_process(0)));
	procfd_info info;

	for (std::uint32_t bit = 1u << 1; bit; bit <<= 1)
		EXPECT_EQ(-EINVAL, get_info(self, &info, bit)) << bit;
}

TEST(abi_unknown, bits_of_flink_are_EINVAL)
{
	for (std::uint32_t bit = 1u << 3; bit; bit <<= 1)
		EXPECT_EQ(-EINVAL, flink(device(), AT_FDCWD, "name", bit))
			<< bit;
}

TEST(abi_reserved, field_of_fork_must_be_zero)
{
	procfd_fork args{};

	args.reserved = 1;
	EXPECT_EQ(-EINVAL, ioc(device(), PROCFD_IOC_FORK, &args));
	EXPECT_EQ(-ENOENT, cancel()) << "nothing may have been announced";
}

TEST(abi_reserved, field_of_info_must_be_zero)
{
	unique_fd self(must(open_process(0)));
	procfd_info info{};

	info.reserved = 1;
	EXPECT_EQ(-EINVAL, ioc(self, PROCFD_IOC_INFO, &info));
}

TEST(abi_reserved, field_of_flink_must_be_zero)
{
	procfd_flink args{};

	args.fd = device();
	args.dirfd = AT_FDCWD;
	args.name = std::uintptr_t("name");
	args.reserved = 1;
	EXPECT_EQ(-EINVAL, ioc(device(), PROCFD_IOC_FLINK, &args));
}

TEST(abi_reserved, argument_of_cancel_must_be_zero)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(-EINVAL, ioc(device(), PROCFD_IOC_CANCEL, &fd));
	EXPECT_EQ(0, cancel()) << "it must still have been announced";
}

TEST(abi_order, of_fork_unknown_tail_before_unknown_flag)
{
	std::array<std::uint32_t, 4> arg = {~0u, 0, 0, 1};

	EXPECT_EQ(-E2BIG, ioc(device(), with_size(PROCFD_IOC_FORK, sizeof(arg)),
			      arg.data()));
}

TEST(abi_order, of_fork_unknown_flag_before_busy)
{
	unique_fd fd(must(announce()));

	EXPECT_EQ(-EINVAL, announce(~0u));
	EXPECT_EQ(-EBUSY, announce());
	EXPECT_EQ(0, cancel());
}

TEST(abi_order, of_open_unknown_tail_before_unknown_flag)
{
	std::array<std::uint32_t, 4> arg = {0, ~0u, 0, 1};

	EXPECT_EQ(-E2BIG, ioc(device(), with_size(PROCFD_IOC_OPEN, sizeof(arg)),
			      arg.data()));
}

TEST(abi_order, of_open_unknown_flag_before_nobody_there)
{
	EXPECT_EQ(-EINVAL, open_process(0x7fffffff, ~0u));
	EXPECT_EQ(-ESRCH, open_process(0x7fffffff));
}

TEST(abi_order, of_info_mode_before_everything)
{
	unique_fd self(must(open_process(0)));
	std::string path = "/proc/self/fd/" + std::to_string(self);
	unique_fd writer(
		must(or_errno(open(path.c_str(), O_WRONLY | O_CLOEXEC))));

	EXPECT_EQ(-EBADF, ioc(writer, PROCFD_IOC_INFO, bad_address()));
	EXPECT_EQ(-EBADF, ioc(writer, with_size(PROCFD_IOC_INFO, 8), nullptr));
}

TEST(abi_order, of_info_unknown_tail_before_unknown_flag)
{
	unique_fd self(must(open_process(0)));
	std::vector<char> arg(sizeof(procfd_info) + 8, 1);

	EXPECT_EQ(-E2BIG, ioc(self, with_size(PROCFD_IOC_INFO, arg.size()),
			      arg.data()));
}

/* We do not exit here: whoever waits first hangs. */
TEST(abi_order, of_info_unknown_flag_and_reserved_before_waiting)
{
	unique_fd self(must(open_process(0)));
	procfd_info info{};

	info.flags = PROCFD_INFO_WAIT | 1u << 31;
	info.deadline_ns = PROCFD_DEADLINE_NONE;
	EXPECT_EQ(-EINVAL, ioc(self, PROCFD_IOC_INFO, &info));
	info.flags = PROCFD_INFO_WAIT;
	info.reserved = 1;
	EXPECT_EQ(-EINVAL, ioc(self, PROCFD_IOC_INFO, &info));
}

TEST(abi_order, of_kill_on_close_mode_address_value_descriptor)
{
	child c = start_sleeper();
	std::string path = "/proc/self/fd/" + std::to_string(c.fd);
	unique_fd reader(
		must(or_errno(open(path.c_str(), O_RDONLY | O_CLOEXEC))));
	unique_fd opened(must(open_process(c.pid)));

	EXPECT_EQ(-EBADF,
		  ioc(reader, PROCFD_IOC_SET_KILL_ON_CLOSE, bad_address()));
	EXPECT_EQ(-EFAULT,
		  ioc(opened, PROCFD_IOC_SET_KILL_ON_CLOSE, bad_address()));
	EXPECT_EQ(-EINVAL, set_kill_on_close(opened, 2));
	EXPECT_EQ(-EINVAL, set_kill_on_close(opened, 1));
}

/* Only an output: nothing of it may be looked at. */
TEST(abi_info, output_fields_may_hold_anything_on_the_way_in)
{
	unique_fd self(must(open_process(0)));
	procfd_info info;

	memset(&info, 0xff, sizeof(info));
	info.flags = 0;
	info.deadline_ns = 0;
	info.reserved = 0;
	EXPECT_EQ(0, ioc(self, PROCFD_IOC_INFO, &info));
	EXPECT_EQ(getpid(), info.pid);
	EXPECT_EQ(0, info.status);
	EXPECT_EQ(0u, info.reserved);
	EXPECT_EQ(0u, info.exited_ns);
}

} // namespace
