// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who sees what the module does. Rules that were written for kill(2), link(2) and
 * rename(2) do not match an ioctl or a write: that is so, and SECURITY.md says it.
 * The rules that it gives instead do.
 */
#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>

#include "apparmor.h"
#include "flink_common.h"

#ifndef AUDIT_FILTERKEY
#define AUDIT_FILTERKEY 210
#endif

namespace {

/* An ioctl of the module by another of its sizes; the tail is zero. */
struct longer_flink {
	procfd_flink args;
	std::uint64_t tail;
};

#define LONGER_FLINK _IOW(PROCFD_IOC_MAGIC, 0x04, longer_flink)

int flink_by_another_number(int fd, int dirfd, const char *name)
{
	longer_flink args{};

	args.args.fd = fd;
	args.args.dirfd = dirfd;
	args.args.name = std::uint64_t(std::uintptr_t(name));
	return ioc(device(), LONGER_FLINK, &args);
}

/* Two files in a directory of tmpfs, and a process. */
class filters : public testing::Test {
protected:
	filters() : fs_("tmpfs", "tmpfs")
	{
		must(fs_.error);
		file = make_file(fs_.dir, "source", "new");
		make_file(fs_.dir, "victim", "old");
	}
	~filters() override
	{
		file.reset();
		remove_all(fs_.dir);
	}

	mounted fs_;
	unique_fd file;
	child sleeper = start_sleeper();
};

/* seccomp(2). */

constexpr sock_filter load(std::uint32_t offset)
{
	return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}

/* The half of an argument that ioctl(2) takes its command from. */
constexpr std::uint32_t low_half(std::uint32_t offset)
{
	return offset + (std::endian::native == std::endian::big ? 4 : 0);
}

/* Refuse the system call if what was loaded is @value. */
void refuse_if(std::vector<sock_filter> &filter, std::uint32_t value)
{
	filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES));
}

void install(std::vector<sock_filter> filter)
{
	sock_fprog program{};

	filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	program.len = static_cast<unsigned short>(filter.size());
	program.filter = filter.data();
	must(or_errno(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
	must(or_errno(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)));
}

/* Every call that signals, links or renames, but for the module's. */
void forbid_system_calls()
{
	std::vector<sock_filter> filter = {load(offsetof(seccomp_data, nr))};

	for (const long nr : {SYS_kill, SYS_tkill, SYS_tgkill,
			      SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
			      SYS_pidfd_send_signal, SYS_linkat, SYS_renameat2})
		refuse_if(filter, std::uint32_t(nr));
#ifdef SYS_link /* Not all machines have these. */
	refuse_if(filter, SYS_link);
#endif
#ifdef SYS_rename
	refuse_if(filter, SYS_rename);
#endif
#ifdef SYS_renameat
	refuse_if(filter, SYS_renameat);
#endif
	install(filter);
}

/* The ioctl, whatever size its number has: magic number and number alone. */
void forbid_ioctl(std::uint32_t command)
{
	std::vector<sock_filter> filter = {
		load(offsetof(seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		load(low_half(offsetof(seccomp_data, args[1]))),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff),
	};

	refuse_if(filter, command & 0xffff);
	install(filter);
}

/* What @body returns, 0 or -errno, in a process that has done @confine. */
template <typename C, typename F>
int after(C confine, F body)
{
	child c = start_without_descriptor([&] {
		device();
		confine();
		return -body();
	});
	const int status = c.wait();

	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

using seccomp_filter = filters;

TEST_F(seccomp_filter, for_kill_does_not_apply_to_a_write)
{
	EXPECT_OK(after(forbid_system_calls, [&] {
		if (kill(sleeper.pid, 0) == 0 || errno != EACCES)
			return -ENOTRECOVERABLE;
		return std::min(int(write_to(sleeper.fd, "TERM")), 0);
	}));
	EXPECT_EQ(SIGTERM, WTERMSIG(sleeper.wait()));
}

TEST_F(seccomp_filter, for_linkat_and_renameat_does_not_apply_to_flink)
{
	EXPECT_OK(after(forbid_system_calls, [&] {
		if (linkat_fd(file, fs_.dir, "x") != -EACCES ||
		    !renameat(fs_.dir, "source", fs_.dir, "victim"))
			return -ENOTRECOVERABLE;
		return flink(file, fs_.dir, "victim", PROCFD_LINK_REPLACE);
	}));
	EXPECT_EQ("new", content_of(fs_.dir, "victim"));
}

TEST_F(seccomp_filter, for_the_ioctl_applies_to_flink_of_any_size)
{
	const auto confine = [] { forbid_ioctl(PROCFD_IOC_FLINK); };

	EXPECT_ERROR(EACCES, after(confine, [&] {
			     return flink(file, fs_.dir, "victim",
					  PROCFD_LINK_REPLACE);
		     }));
	EXPECT_OK(after(
		[] {},
		[&] { return flink_by_another_number(file, fs_.dir, "x"); }));
	EXPECT_ERROR(EACCES, after(confine, [&] {
			     return flink_by_another_number(file, fs_.dir, "y");
		     }));
	EXPECT_EQ("old", content_of(fs_.dir, "victim"));
}

TEST_F(seccomp_filter, for_the_ioctls_leaves_no_descriptor_to_be_made)
{
	EXPECT_ERROR(
		EACCES,
		after([] { forbid_ioctl(PROCFD_IOC_OPEN); },
		      [&] { return std::min(open_process(sleeper.pid), 0); }));
	EXPECT_ERROR(EACCES, after([] { forbid_ioctl(PROCFD_IOC_FORK); },
				   [] { return std::min(announce(), 0); }));
}

/* AppArmor. */

class apparmor_rule : public filters {
protected:
	void SetUp() override
	{
		if (const std::string why = missing_apparmor(); !why.empty())
			GTEST_SKIP() << why;
	}

	apparmor_profile profile(const std::string &permissions,
				 const std::string &device = "rw") const
	{
		return {"procfd_filters_test",
			"  /** r,\n  /dev/procfd " + device + ",\n  " +
				fs_.path + "/** " + permissions + ",\n"};
	}
};

TEST_F(apparmor_rule, without_l_is_one_that_flink_does_not_ask_for)
{
	const apparmor_profile without_l = profile("rw");

	EXPECT_ERROR(EACCES, without_l.confined([&] {
		return linkat_fd(file, fs_.dir, "x");
	}));
	EXPECT_OK(
		without_l.confined([&] { return flink(file, fs_.dir, "x"); }));
	EXPECT_OK(without_l.confined([&] {
		return flink(file, fs_.dir, "victim", PROCFD_LINK_REPLACE);
	}));
}

TEST_F(apparmor_rule, without_w_forbids_flink)
{
	const apparmor_profile without_w = profile("rl");

	EXPECT_ERROR(EACCES, without_w.confined([&] {
		return flink(file, fs_.dir, "x");
	}));
	EXPECT_ERROR(EACCES, without_w.confined([&] {
		return flink(file, fs_.dir, "victim", PROCFD_LINK_REPLACE);
	}));
	EXPECT_EQ("old", content_of(fs_.dir, "victim"));
}

TEST_F(apparmor_rule, without_w_for_the_device_forbids_all_of_it)
{
	const auto try_open = [] {
		return std::min(or_errno(open(PROCFD_DEVICE, O_RDWR)), 0);
	};

	EXPECT_OK(profile("rwl").confined(try_open));
	EXPECT_ERROR(EACCES, profile("rwl", "r").confined(try_open));
}

/* audit(8), spoken to as auditctl and auditd do. */

/* What auditctl makes of a line of audit.rules. */
class audit_rule {
public:
	/* -S CALL -S CALL ... */
	explicit audit_rule(const std::vector<long> &calls)
	{
		rule().flags = AUDIT_FILTER_EXIT;
		rule().action = AUDIT_ALWAYS;
		for (const long nr : calls)
			rule().mask[AUDIT_WORD(nr)] |= AUDIT_BIT(nr);
		text(AUDIT_FILTERKEY, key);
	}
	/* -w PATH -p w, of a directory */
	static audit_rule watch(const std::string &path)
	{
		audit_rule of_all({});

		std::fill_n(of_all.rule().mask, AUDIT_BITMASK_SIZE, ~0U);
		of_all.text(AUDIT_DIR, path);
		return of_all.field(AUDIT_PERM, AUDIT_PERM_WRITE);
	}

	audit_rule &field(std::uint32_t type, std::uint32_t value,
			  std::uint32_t op = AUDIT_EQUAL)
	{
		const std::uint32_t n = rule().field_count++;

		rule().fields[n] = type;
		rule().values[n] = value;
		rule().fieldflags[n] = op;
		return *this;
	}

	const std::string &bytes() const { return bytes_; }

	static constexpr const char *key = "procfd-filters-test";

private:
	audit_rule_data &rule()
	{
		return *reinterpret_cast<audit_rule_data *>(bytes_.data());
	}
	/* Texts follow the structure, in the order of their fields. */
	void text(std::uint32_t type, const std::string &value)
	{
		field(type, std::uint32_t(value.size()));
		bytes_ += value;
		rule().buflen += std::uint32_t(value.size());
	}

	std::string bytes_ = std::string(sizeof(audit_rule_data), 0);
};

/* -a always,exit -S ioctl -F a1&=NUMBER: every size of the ioctl, and few others */
audit_rule of_ioctl(std::uint32_t command)
{
	return audit_rule({SYS_ioctl})
		.field(AUDIT_ARG1, command & 0xffff, AUDIT_BIT_TEST);
}

/* A record, as the daemon gets it. */
struct record {
	int type;
	std::string text;
};

/* What auditd and auditctl speak to. */
class audit_socket {
public:
	audit_socket()
		: socket_(or_errno(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
					  NETLINK_AUDIT)))
	{
	}

	/* What the kernel answers, 0 or -errno. */
	int talk(int type, const std::string &data = "")
	{
		std::vector<char> message(NLMSG_SPACE(data.size()));
		nlmsghdr head{};
		int answer = 0;

		head.nlmsg_len = std::uint32_t(NLMSG_LENGTH(data.size()));
		head.nlmsg_type = static_cast<std::uint16_t>(type);
		head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
		memcpy(message.data(), &head, sizeof(head));
		memcpy(message.data() + NLMSG_HDRLEN, data.data(), data.size());
		if (send(socket_, message.data(), message.size(), 0) < 0)
			return -errno;
		while (!receive(&answer))
			;
		return answer;
	}

	/* One message. True for an answer; records are kept. */
	bool receive(int *answer = nullptr)
	{
		alignas(nlmsghdr) char message[16384];

		if (!(poll_for(socket_, POLLIN, patience_ms()) & POLLIN))
			must(-ETIMEDOUT);

		const int n = must(int(
			or_errno(recv(socket_, message, sizeof(message), 0))));
		const auto *head = reinterpret_cast<nlmsghdr *>(message);

		if (head->nlmsg_type == NLMSG_ERROR) {
			nlmsgerr error;

			memcpy(&error, message + NLMSG_HDRLEN, sizeof(error));
			if (answer)
				*answer = error.error;
			return true;
		}
		heard.push_back({head->nlmsg_type,
				 {message + NLMSG_HDRLEN,
				  std::size_t(n) - NLMSG_HDRLEN}});
		return false;
	}

	/* The kernel's status, or -errno. */
	int get(audit_status *status)
	{
		if (const int error = talk(AUDIT_GET))
			return error;
		while (heard.empty() || heard.back().type != AUDIT_GET)
			receive();
		*status = {};
		memcpy(status, heard.back().text.data(),
		       std::min(heard.back().text.size(), sizeof(*status)));
		return 0;
	}

	void set(std::uint32_t what, std::uint32_t value)
	{
		audit_status status{};

		status.mask = what;
		(what == AUDIT_STATUS_PID ? status.pid : status.enabled) =
			value;
		must(talk(AUDIT_SET,
			  std::string(reinterpret_cast<const char *>(&status),
				      sizeof(status))));
	}

	std::vector<record> heard;

private:
	unique_fd socket_;
};

/* Why nobody can be the daemon here, or nothing. */
std::string why_no_audit()
{
	audit_status status;

	if (const int error = audit_socket().get(&status); error)
		return std::string("no audit: ") + strerror(-error);
	if (status.pid)
		return "another program has the records of audit";
	return status.enabled > 1 ? "the rules of audit are locked" : "";
}

/* The daemon, which has one rule. */
class auditor {
public:
	explicit auditor(const audit_rule &rule) : rule_(rule)
	{
		audit_status before;

		must(socket_.get(&before));
		enabled_before_ = before.enabled;
		socket_.set(AUDIT_STATUS_ENABLED, 1);
		socket_.set(AUDIT_STATUS_PID, std::uint32_t(getpid()));
		must(socket_.talk(AUDIT_ADD_RULE, rule_.bytes()));
	}
	auditor(auditor &&) = delete;
	~auditor()
	{
		must(socket_.talk(AUDIT_DEL_RULE, rule_.bytes()));
		socket_.set(AUDIT_STATUS_PID, 0);
		socket_.set(AUDIT_STATUS_ENABLED, enabled_before_);
	}

	/*
	 * The records of the events in which the rule matched while @body ran, in a
	 * process that is audited, as those are that were forked since.
	 */
	template <typename F>
	std::vector<record> hear(F body)
	{
		socket_.heard.clear();
		EXPECT_OK(after([] {}, body));
		/* What we say ourselves comes after all that was said before. */
		must(socket_.talk(AUDIT_USER, std::string(end) + '\0'));
		while (!is_over())
			socket_.receive();

		std::vector<record> matched;

		for (const record &r : socket_.heard)
			if (is_of_the_rule(r))
				matched.push_back(r);
		return matched;
	}

private:
	static constexpr const char *end = "procfd-filters-end";

	bool is_over() const
	{
		return std::any_of(socket_.heard.begin(), socket_.heard.end(),
				   [](const record &r) {
					   return r.type == AUDIT_USER &&
						  r.text.find(end) !=
							  std::string::npos;
				   });
	}

	/* "audit(1234567890.123:456):", the same in all records of an event. */
	static std::string event_of(const record &r)
	{
		return r.text.substr(0, r.text.find("):"));
	}

	bool is_of_the_rule(const record &r) const
	{
		return std::any_of(
			socket_.heard.begin(), socket_.heard.end(),
			[&](const record &other) {
				return other.type == AUDIT_SYSCALL &&
				       other.text.find(audit_rule::key) !=
					       std::string::npos &&
				       event_of(other) == event_of(r);
			});
	}

	audit_socket socket_;
	audit_rule rule_;
	std::uint32_t enabled_before_;
};

bool has(const std::vector<record> &records, int type,
	 const std::string &text = "")
{
	const bool found = std::any_of(
		records.begin(), records.end(), [&](const record &r) {
			return r.type == type &&
			       r.text.find(text) != std::string::npos;
		});

	for (const record &r : records)
		if (!found)
			printf("# %d %s\n", r.type, r.text.c_str());
	return found;
}

class audit : public filters {
protected:
	void SetUp() override
	{
		if (const std::string why = why_no_audit(); !why.empty())
			GTEST_SKIP() << why;
	}

	int frename() const
	{
		return flink(file, fs_.dir, "victim", PROCFD_LINK_REPLACE);
	}
	static std::string inode_of(int fd)
	{
		return " inode=" + std::to_string(stat_of(fd).st_ino) + " ";
	}
	std::string pid_of_sleeper() const
	{
		return "opid=" + std::to_string(sleeper.pid) + " ";
	}
};

TEST_F(audit, watch_of_a_directory_does_not_match_flink)
{
	auditor watch(audit_rule::watch(fs_.path));

	EXPECT_TRUE(watch.hear([&] { return frename(); }).empty());
	EXPECT_TRUE(
		watch.hear([&] { return flink(file, fs_.dir, "x"); }).empty());
	EXPECT_TRUE(has(watch.hear([&] {
		return or_errno(renameat(fs_.dir, "x", fs_.dir, "y"));
	}),
			AUDIT_PATH, "name=\"y\""));
}

/* Both by their inodes: the call has a name, and no path that audit could note. */
TEST_F(audit, rule_for_the_ioctl_matches_flink_and_tells_file_and_directory)
{
	auditor of_flink(of_ioctl(PROCFD_IOC_FLINK));
	const auto is_told = [&](const std::vector<record> &records) {
		return has(records, AUDIT_PATH, inode_of(file)) &&
		       has(records, AUDIT_PATH, inode_of(fs_.dir));
	};

	EXPECT_TRUE(is_told(of_flink.hear([&] { return frename(); })));
	EXPECT_TRUE(is_told(
		of_flink.hear([&] { return flink(file, fs_.dir, "x"); })));
	EXPECT_TRUE(is_told(of_flink.hear(
		[&] { return flink_by_another_number(file, fs_.dir, "y"); })));
	/* The other ioctls are not meant. */
	EXPECT_TRUE(of_flink.hear([&] {
				    procfd_info info;

				    return get_info(sleeper.fd, &info);
			    })
			    .empty());
}

TEST_F(audit, rule_for_the_ioctls_matches_those_that_make_a_descriptor)
{
	{
		auditor of_open(of_ioctl(PROCFD_IOC_OPEN));

		EXPECT_TRUE(has(of_open.hear([&] {
			return std::min(open_process(sleeper.pid), 0);
		}),
				AUDIT_SYSCALL));
	}
	auditor of_fork(of_ioctl(PROCFD_IOC_FORK));

	EXPECT_TRUE(has(of_fork.hear([] { return std::min(announce(), 0); }),
			AUDIT_SYSCALL));
}

TEST_F(audit, rule_for_kill_does_not_match_a_write)
{
	auditor of_kill(audit_rule(
		{SYS_kill, SYS_tkill, SYS_tgkill, SYS_pidfd_send_signal}));

	EXPECT_TRUE(of_kill.hear([&] {
				   return std::min(
					   int(write_to(sleeper.fd, "CONT")),
					   0);
			   })
			    .empty());
	EXPECT_TRUE(has(of_kill.hear([&] {
		return or_errno(kill(sleeper.pid, SIGCONT));
	}),
			AUDIT_OBJ_PID, pid_of_sleeper()));
}

/*
 * By whom, since a rule cannot say to what. The kernel notes whom a call signals
 * only if there is a rule for kill as well.
 */
TEST_F(audit, rule_for_write_and_kill_tells_who_was_signalled)
{
	auditor of_write(
		audit_rule({SYS_write, SYS_kill}).field(AUDIT_UID, alice));

	EXPECT_TRUE(has(of_write.hear([&] {
		must(or_errno(setreuid(alice, uid_t(-1))));
		return std::min(int(write_to(sleeper.fd, "CONT")), 0);
	}),
			AUDIT_OBJ_PID, pid_of_sleeper()));
}

TEST_F(audit, watch_of_the_names_matches_who_opens_one_for_writing)
{
	mounted names_fs(PROCFD_FS_TYPE, "procfd");
	ASSERT_OK(names_fs.error);
	ASSERT_OK(flink(sleeper.fd, names_fs.dir, "x"));
	{
		const std::string path = names_fs.path + "/x";
		auditor watch(audit_rule::watch(names_fs.path));

		EXPECT_TRUE(has(watch.hear([&] {
			return std::min(or_errno(open(path.c_str(), O_WRONLY)),
					0);
		}),
				AUDIT_PATH, path));
		EXPECT_TRUE(
			watch.hear([&] {
				     return std::min(or_errno(open(path.c_str(),
								   O_RDONLY)),
						     0);
			     }).empty());
	}
	remove_all(names_fs.dir);
}

} // namespace
