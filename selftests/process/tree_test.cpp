// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_TREE: who is a member, how long the tree lasts, what is told of it, and whom
 * the scopes of a signal reach.
 */
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "fs.h"
#include "set_uid.h"
#include "threads.h"

extern char **environ;

namespace {

/*
 * This program as another one: `--become-root` is a set-uid program that says when it
 * has become root's alone, and stays until it is let go.
 */
__attribute__((constructor)) void helper(int argc, char **argv)
{
	char byte = 0;

	if (argc != 2 || std::string_view(argv[1]) != "--become-root")
		return;
	if (setresuid(0, 0, 0) || write(1, &byte, 1) != 1)
		_exit(99);
	_exit(int(read(0, &byte, 1)));
}

constexpr short alive = POLLOUT | POLLWRNORM;
constexpr short readable = POLLIN | POLLRDNORM;

/* Processes of a test stay until it lets go, or is gone. */
class leash {
public:
	leash()
	{
		int fds[2];

		must(or_errno(pipe(fds)));
		read_.reset(fds[0]);
		write_.reset(fds[1]);
		must(or_errno(fcntl(write_, F_SETFD, FD_CLOEXEC)));
		all().insert(this);
	}
	leash(leash &&) = delete;
	~leash() { all().erase(this); }
	/* In a process of the test: 0 once it is let go. */
	int stay()
	{
		char byte;

		for (leash *l : all())
			l->write_.reset();
		return int(read(read_, &byte, 1));
	}
	void let_go() { write_.reset(); }
	int end() const { return read_; }

private:
	/* Nobody who stays may keep another from being let go. */
	static std::set<leash *> &all()
	{
		static std::set<leash *> leashes;

		return leashes;
	}

	unique_fd read_, write_;
};

int send(int fd, int signal, std::uint32_t scope, procfd_signal *args)
{
	*args = {};
	args->signal = std::uint32_t(signal);
	args->scope = scope;
	return ioc(fd, PROCFD_IOC_SIGNAL, args);
}

int send(int fd, int signal, std::uint32_t scope)
{
	procfd_signal args;

	return send(fd, signal, scope, &args);
}

std::vector<procfd_member> members_of(int fd)
{
	std::vector<procfd_member> members(1000);
	procfd_members args{};

	args.members = std::uint64_t(std::uintptr_t(members.data()));
	args.count = std::uint32_t(members.size());
	must(ioc(fd, PROCFD_IOC_MEMBERS, &args));
	members.resize(args.count);
	return members;
}

bool is_tree(int fd)
{
	return info_of(fd).mask & PROCFD_INFO_TREE;
}

std::uint64_t live(int fd)
{
	return info_of(fd).live;
}

/* What a process of the tree does that has no more to do. */
[[noreturn]] void stay(leash &l)
{
	l.stay();
	_exit(0);
}

/* Ways to get away from one's parent. Each is called in the first process. */

struct way {
	const char *name;
	void (*get_away)(leash &l);
};

void by_fork(leash &l)
{
	if (!must(or_errno(fork())))
		stay(l);
}

void by_double_fork(leash &l)
{
	pid_t pid = must(or_errno(fork()));

	if (pid) {
		wait_for(pid);
		return;
	}
	setsid();
	if (!must(or_errno(fork())))
		stay(l);
	_exit(0);
}

void by_clone_parent(leash &l)
{
	if (!must(bare_fork(CLONE_PARENT)))
		stay(l);
}

void by_new_pid_namespace(leash &l)
{
	if (!must(bare_fork(CLONE_NEWPID)))
		stay(l);
}

void by_vfork_and_exec(leash &l)
{
	pid_t pid = must(or_errno(vfork()));

	if (!pid) {
		dup2(l.end(), 0);
		execl("/bin/cat", "cat", nullptr);
		_exit(99);
	}
}

void by_posix_spawn(leash &l)
{
	char cat[] = "cat";
	char *argv[] = {cat, nullptr};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, l.end(), 0);
	must(-posix_spawn(&pid, "/bin/cat", &actions, nullptr, argv, environ));
}

/* The thread is no process, and what it makes is one. */
void by_thread(leash &l)
{
	std::thread([&] {
		if (!must(bare_fork()))
			stay(l);
	}).join();
}

/* The first process of a tree, which does body() and exits with 7. */
template <typename F>
child start_tree(F body, std::uint32_t flags = 0)
{
	unique_fd fd(must(announce(PROCFD_TREE | flags)));
	pid_t pid = must(or_errno(fork()));

	if (!pid) {
		fd.reset();
		die_with_parent();
		body();
		_exit(7);
	}
	return child(pid, std::move(fd));
}

class tree_by : public testing::TestWithParam<way> {};

TEST_P(tree_by, is_a_member_until_it_exits)
{
	leash l;
	child c = start_tree([&] { GetParam().get_away(l); });

	ASSERT_EQ(POLLIN, poll_for(c.fd, POLLIN, patience_ms()));
	EXPECT_EQ(readable | alive, poll_now(c.fd));
	EXPECT_TRUE(eventually([&] { return live(c.fd) == 1; }));
	EXPECT_TRUE(read_all(c.fd).starts_with("exited 7\n"));
	EXPECT_EQ(7 << 8, c.wait());
	EXPECT_EQ(readable | alive, poll_now(c.fd)) << "reaped, and not over";

	l.let_go();
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(readable | POLLHUP, poll_now(c.fd));
	EXPECT_EQ(0u, live(c.fd));
}

TEST_P(tree_by, does_not_escape_a_signal_to_the_tree)
{
	leash l;
	child c = start_tree([&] { GetParam().get_away(l); });
	procfd_signal args;

	ASSERT_NE(0, poll_for(c.fd, POLLIN, patience_ms()));
	ASSERT_EQ(0, send(c.fd, SIGKILL, PROCFD_SCOPE_TREE, &args));
	EXPECT_EQ(1u, args.sent);
	EXPECT_EQ(0u, args.refused);
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

INSTANTIATE_TEST_SUITE_P(
	ways, tree_by,
	testing::Values(way{"fork", by_fork},
			way{"double_fork", by_double_fork},
			way{"clone_parent", by_clone_parent},
			way{"new_pid_namespace", by_new_pid_namespace},
			way{"vfork_and_exec", by_vfork_and_exec},
			way{"posix_spawn", by_posix_spawn},
			way{"thread", by_thread}),
	[](const auto &info) { return info.param.name; });

TEST(tree, of_one_process_ends_with_it)
{
	child c = start_tree([] {});

	EXPECT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(readable | POLLHUP, poll_now(c.fd));
	EXPECT_EQ(7 << 8, c.wait());
}

TEST(tree, is_not_what_other_descriptors_are)
{
	leash l;
	unique_fd fd(must(announce()));
	child c = start_without_descriptor([&] {
		by_fork(l);
		return 7;
	});

	EXPECT_EQ(POLLHUP, poll_over(fd)) << "at the exit of the process";
	EXPECT_FALSE(is_tree(fd));
	EXPECT_EQ(-EINVAL, send(fd, 0, PROCFD_SCOPE_TREE));

	procfd_members args{};

	EXPECT_EQ(-EINVAL, ioc(fd, PROCFD_IOC_MEMBERS, &args));
}

TEST(tree, of_a_fork_that_was_dropped_is_none)
{
	unique_fd fd(must(announce(PROCFD_TREE)));

	EXPECT_EQ(-ESRCH, send(fd, SIGKILL, PROCFD_SCOPE_TREE));
	ASSERT_EQ(0, cancel());
	EXPECT_EQ(POLLERR | POLLHUP, poll_now(fd));
	EXPECT_EQ(-ESRCH, send(fd, SIGKILL, PROCFD_SCOPE_TREE));
	EXPECT_FALSE(is_tree(fd));
}

TEST(tree, is_shared_by_a_descriptor_that_is_opened)
{
	leash l;
	child c = start_tree([&] { l.stay(); });
	unique_fd opened(must(open_process(c.pid)));

	EXPECT_TRUE(is_tree(opened));
	EXPECT_EQ(0, send(opened, SIGKILL, PROCFD_SCOPE_TREE));
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

/* INFO and MEMBERS */

TEST(tree_info, counts)
{
	leash l;
	gate ready;
	child c = start_tree([&] {
		by_fork(l);
		by_double_fork(l);
		ready.open();
		l.stay();
	});

	ASSERT_TRUE(ready.pass());
	ASSERT_TRUE(eventually([&] { return live(c.fd) == 3; }));

	procfd_info info = info_of(c.fd);

	EXPECT_EQ(4u, info.born) << "one was between";
	EXPECT_EQ(0u, info.born_dead);
	EXPECT_EQ(info.id, info.main_id);
	EXPECT_EQ(c.pid, info.main_pid);
	EXPECT_EQ(0u, info.ended_main_id);

	l.let_go();
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	info = info_of(c.fd);
	EXPECT_EQ(0u, info.live);
	EXPECT_EQ(4u, info.born);
	EXPECT_EQ(0u, info.main_id);
	EXPECT_EQ(0, info.main_pid);
	EXPECT_LE(info.minflt, info.tree_minflt);
	EXPECT_LE(info.maxrss_kb, info.tree_maxrss_kb);
}

TEST(tree_info, adds_up_what_those_used_that_have_exited)
{
	auto burn = [] {
		rusage used;

		do
			getrusage(RUSAGE_SELF, &used);
		while (used.ru_utime.tv_usec + used.ru_stime.tv_usec < 50000 &&
		       !used.ru_utime.tv_sec);
	};
	child c = start_tree([&] {
		for (int i = 0; i < 2; i++) {
			pid_t pid = must(or_errno(fork()));

			if (!pid) {
				burn();
				_exit(0);
			}
			wait_for(pid);
		}
	});

	ASSERT_EQ(POLLHUP, poll_over(c.fd));

	procfd_info info = info_of(c.fd);

	EXPECT_LE(100000u, info.tree_utime_usec + info.tree_stime_usec);
	EXPECT_GT(50000u, info.utime_usec + info.stime_usec)
		<< "the process's own";
	EXPECT_LT(info.minflt, info.tree_minflt);
}

TEST(tree_info, tells_the_main_process_and_how_it_ended)
{
	leash daemon, younger;
	gate ready;
	child c = start_tree([&] {
		if (!must(or_errno(fork()))) {
			by_fork(younger);
			ready.open();
			daemon.stay();
			_exit(5);
		}
		/* as a daemon's launcher */
	});

	ASSERT_TRUE(ready.pass());
	ASSERT_EQ(POLLIN, poll_for(c.fd, POLLIN, patience_ms()));
	ASSERT_TRUE(eventually([&] { return live(c.fd) == 2; }));

	procfd_info info = info_of(c.fd);
	const std::vector<procfd_member> members = members_of(c.fd);

	ASSERT_EQ(2u, members.size());
	EXPECT_EQ(members[0].id, info.main_id) << "the older one";
	EXPECT_EQ(members[0].pid, info.main_pid);
	EXPECT_EQ(members[0].id, members[1].parent_id);
	EXPECT_EQ(info.id, info.ended_main_id);
	EXPECT_EQ(7 << 8, info.ended_main_status);

	daemon.let_go();
	ASSERT_TRUE(eventually([&] { return live(c.fd) == 1; }));
	info = info_of(c.fd);
	EXPECT_EQ(members[0].id, info.ended_main_id);
	EXPECT_EQ(5 << 8, info.ended_main_status);
	EXPECT_EQ(members[1].id, info.main_id);

	younger.let_go();
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

TEST(tree_members, are_listed_in_the_order_of_birth)
{
	leash l;
	gate ready;
	child c = start_tree([&] {
		for (int i = 0; i < 3; i++)
			by_fork(l);
		ready.open();
		l.stay();
	});

	ASSERT_TRUE(ready.pass());

	const std::vector<procfd_member> members = members_of(c.fd);
	const procfd_info info = info_of(c.fd);

	ASSERT_EQ(4u, members.size());
	EXPECT_EQ(info.id, members[0].id);
	EXPECT_EQ(c.pid, members[0].pid);
	EXPECT_EQ(info.started_ns, members[0].started_ns);
	for (int i = 1; i < 4; i++) {
		EXPECT_EQ(info.id, members[i].parent_id);
		EXPECT_LE(members[i - 1].started_ns, members[i].started_ns);
		EXPECT_EQ(0, kill(members[i].pid, 0));
	}
}

TEST(tree_members, that_do_not_fit_are_counted)
{
	leash l;
	gate ready;
	child c = start_tree([&] {
		by_fork(l);
		ready.open();
		l.stay();
	});
	procfd_member one[2] = {};
	procfd_members args{};

	ASSERT_TRUE(ready.pass());
	ASSERT_EQ(0, ioc(c.fd, PROCFD_IOC_MEMBERS, &args));
	EXPECT_EQ(2u, args.count);

	args = {std::uint64_t(std::uintptr_t(one)), 1, 0};
	ASSERT_EQ(0, ioc(c.fd, PROCFD_IOC_MEMBERS, &args));
	EXPECT_EQ(2u, args.count);
	EXPECT_EQ(c.pid, one[0].pid);
	EXPECT_EQ(0, one[1].pid);
}

TEST(tree_members, errors)
{
	leash l;
	child c = start_tree([&] { l.stay(); });
	procfd_members args{};

	args.reserved = 1;
	EXPECT_EQ(-EINVAL, ioc(c.fd, PROCFD_IOC_MEMBERS, &args));
	args = {8, 1, 0};
	EXPECT_EQ(-EFAULT, ioc(c.fd, PROCFD_IOC_MEMBERS, &args));
	EXPECT_EQ(-EFAULT, ioc(c.fd, PROCFD_IOC_MEMBERS, nullptr));

	unique_fd writer(must(
		or_errno(open(("/proc/self/fd/" + std::to_string(c.fd)).c_str(),
			      O_WRONLY | O_CLOEXEC))));

	args = {};
	EXPECT_EQ(-EBADF, ioc(writer, PROCFD_IOC_MEMBERS, &args));
}

/* Scopes */

class tree_scope : public testing::Test {
protected:
	/* The first process, which leads a group, and two more in other groups. */
	tree_scope()
		: reports_(make_reports()), reports_end_(to_test),
		  c_(start_tree([this] {
			  setpgid(0, 0);
			  member("group\n", [] {});
			  member("outside\n", [] { setpgid(0, 0); });
			  report("first\n");
			  first_.stay();
		  }))
	{
		for (int i = 0; i < 3; i++)
			next_report();
	}

	static int make_reports()
	{
		int fds[2];

		must(or_errno(pipe2(fds, O_CLOEXEC)));
		to_test = fds[1];
		return fds[0];
	}

	static void report(const char *who)
	{
		/* Below PIPE_BUF, so in one piece. */
		must(int(or_errno(write(to_test, who, strlen(who)))));
	}

	template <typename F>
	void member(const char *who, F settle)
	{
		if (must(or_errno(fork())))
			return;
		settle();
		itself = who;
		for (int sig : {SIGHUP, SIGUSR1, SIGTERM})
			signal(sig, [](int) { report(itself); });
		report(who);
		stay(rest_);
	}

	std::string next_report()
	{
		std::string line;
		char byte;

		while (poll_for(reports_, POLLIN, patience_ms()) &&
		       read(reports_, &byte, 1) == 1 && byte != '\n')
			line += byte;
		return line;
	}

	static inline const char *itself;
	static inline int to_test;
	unique_fd reports_, reports_end_;
	leash first_, rest_;
	child c_;
};

TEST_F(tree_scope, tree_is_everybody)
{
	procfd_signal args;

	first_.let_go();
	ASSERT_EQ(POLLIN, poll_for(c_.fd, POLLIN, patience_ms()));
	ASSERT_EQ(0, send(c_.fd, SIGHUP, PROCFD_SCOPE_TREE, &args));
	EXPECT_EQ(2u, args.sent);

	std::set<std::string> all{next_report(), next_report()};

	EXPECT_EQ((std::set<std::string>{"group", "outside"}), all);
	rest_.let_go();
	EXPECT_EQ(POLLHUP, poll_over(c_.fd));
	EXPECT_EQ(-ESRCH, send(c_.fd, SIGHUP, PROCFD_SCOPE_TREE));
}

TEST_F(tree_scope, group_is_the_process_group_of_the_first)
{
	first_.let_go();
	ASSERT_EQ(POLLIN, poll_for(c_.fd, POLLIN, patience_ms()));
	ASSERT_EQ(7 << 8, c_.wait());
	ASSERT_EQ(0, send(c_.fd, SIGHUP, PROCFD_SCOPE_GROUP));
	EXPECT_EQ("group", next_report());
	ASSERT_EQ(0, send(c_.fd, SIGHUP, PROCFD_SCOPE_TREE));

	std::set<std::string> all{next_report(), next_report()};

	EXPECT_EQ((std::set<std::string>{"group", "outside"}), all)
		<< "the one outside had none before";
	rest_.let_go();
	EXPECT_EQ(POLLHUP, poll_over(c_.fd));
	EXPECT_EQ(-ESRCH, send(c_.fd, SIGHUP, PROCFD_SCOPE_GROUP));
}

TEST_F(tree_scope, main_is_the_first_and_then_the_oldest)
{
	/* It does not catch it. */
	ASSERT_EQ(0, send(c_.fd, SIGTERM, PROCFD_SCOPE_MAIN));
	ASSERT_EQ(POLLIN, poll_for(c_.fd, POLLIN, patience_ms()));
	EXPECT_EQ(SIGTERM, info_of(c_.fd).status);
	ASSERT_EQ(0, send(c_.fd, SIGHUP, PROCFD_SCOPE_MAIN));
	EXPECT_EQ("group", next_report());
	ASSERT_EQ(0, send(c_.fd, SIGKILL, PROCFD_SCOPE_MAIN));
	ASSERT_TRUE(eventually([&] { return live(c_.fd) == 1; }));
	ASSERT_EQ(0, send(c_.fd, SIGHUP, PROCFD_SCOPE_MAIN));
	EXPECT_EQ("outside", next_report());
	rest_.let_go();
	EXPECT_EQ(POLLHUP, poll_over(c_.fd));
	EXPECT_EQ(-ESRCH, send(c_.fd, SIGHUP, PROCFD_SCOPE_MAIN));
}

TEST_F(tree_scope, process_is_the_first_alone)
{
	ASSERT_EQ(0, send(c_.fd, SIGKILL, PROCFD_SCOPE_PROCESS));
	ASSERT_EQ(POLLIN, poll_for(c_.fd, POLLIN, patience_ms()));
	EXPECT_EQ(-ESRCH, send(c_.fd, SIGHUP, PROCFD_SCOPE_PROCESS));
	EXPECT_EQ(-ESRCH, write_to(c_.fd, "HUP"));
	EXPECT_EQ(2u, live(c_.fd));
}

TEST_F(tree_scope, is_a_word_before_the_signals)
{
	first_.let_go();
	ASSERT_EQ(POLLIN, poll_for(c_.fd, POLLIN, patience_ms()));
	EXPECT_EQ(8, write_to(c_.fd, "main HUP"));
	EXPECT_EQ("group", next_report());
	EXPECT_EQ(10, write_to(c_.fd, "Group HUP\n"));
	EXPECT_EQ("group", next_report());
	EXPECT_EQ(-ESRCH, write_to(c_.fd, "process HUP"));
	EXPECT_EQ(14, write_to(c_.fd, " tree 0 KILL\n\n"));
	EXPECT_EQ(POLLHUP, poll_over(c_.fd));
	EXPECT_EQ(-ESRCH, write_to(c_.fd, "tree KILL"));
}

TEST_F(tree_scope, alone_or_elsewhere_is_no_signal)
{
	for (const char *wrong :
	     {"tree", "tree ", "TERM tree", "tree main TERM", "trees TERM",
	      "tree\n\n", "all TERM"})
		EXPECT_EQ(-EINVAL, write_to(c_.fd, wrong)) << wrong;
	EXPECT_EQ(3u, live(c_.fd));
}

TEST(tree_signal, errors)
{
	leash l;
	child c = start_tree([&] { l.stay(); });
	procfd_signal args{};

	auto with = [&](auto change) {
		args = {};
		change();
		return ioc(c.fd, PROCFD_IOC_SIGNAL, &args);
	};

	EXPECT_EQ(0, with([] {})) << "the check";
	EXPECT_EQ(1u, args.sent);
	EXPECT_EQ(-EINVAL, with([&] { args.signal = 65; }));
	EXPECT_EQ(-EINVAL, with([&] { args.scope = 4; }));
	EXPECT_EQ(-EINVAL, with([&] { args.flags = 1; }));
	EXPECT_EQ(-EINVAL, with([&] { args.reserved = 1; }));
	EXPECT_EQ(-EINVAL, with([&] { args.sent = 1; }));
	EXPECT_EQ(-EINVAL, with([&] { args.refused = 1; }));
	EXPECT_EQ(-EFAULT, ioc(c.fd, PROCFD_IOC_SIGNAL, nullptr));

	unique_fd reader(must(
		or_errno(open(("/proc/self/fd/" + std::to_string(c.fd)).c_str(),
			      O_RDONLY | O_CLOEXEC))));

	args = {};
	EXPECT_EQ(-EBADF, ioc(reader, PROCFD_IOC_SIGNAL, &args));
}

/* A member of the user's own tree has become root by a set-uid program. */
TEST(tree_signal, passes_over_those_that_refuse)
{
	set_uid_program program;
	leash l;
	int ready[2];

	must(or_errno(pipe(ready)));
	EXPECT_EQ(0, as(alice, [&] {
			  child c = start_tree([&] {
				  if (!must(or_errno(fork()))) {
					  dup2(l.end(), 0);
					  dup2(ready[1], 1);
					  execl(program.path(), "program",
						"--become-root", nullptr);
					  _exit(99);
				  }
				  l.stay();
			  });
			  procfd_signal args;

			  if (!poll_for(ready[0], POLLIN, patience_ms()))
				  return 1;
			  if (send(c.fd, SIGTERM, PROCFD_SCOPE_TREE, &args))
				  return 2;
			  if (args.sent != 1 || args.refused != 1)
				  return 3;
			  if (!eventually([&] { return live(c.fd) == 1; }))
				  return 4;
			  if (send(c.fd, SIGKILL, PROCFD_SCOPE_TREE, &args) !=
			      -EPERM)
				  return 5;
			  if (args.sent || args.refused != 1)
				  return 6;
			  return send(c.fd, 0, PROCFD_SCOPE_MAIN) == -EPERM ?
					 0 :
					 7;
		  }));
	close(ready[0]);
	close(ready[1]);
}

/* Ends */

TEST(tree_close, kills_all)
{
	leash l;
	gate ready;
	child c = start_tree(
		[&] {
			by_double_fork(l);
			ready.open();
			l.stay();
		},
		PROCFD_KILL_ON_CLOSE);
	unique_fd watch(must(open_process(c.pid)));

	ASSERT_TRUE(ready.pass());
	ASSERT_TRUE(eventually([&] { return live(c.fd) == 2; }));
	c.fd.reset();
	EXPECT_EQ(POLLHUP, poll_over(watch));
	EXPECT_EQ(SIGKILL, c.wait());
}

TEST(tree_close, kills_the_rest_after_the_first_has_exited)
{
	leash l;
	child c = start_tree([&] { by_double_fork(l); }, PROCFD_KILL_ON_CLOSE);
	unique_fd watch(must(or_errno(dup(c.fd))));

	ASSERT_EQ(POLLIN, poll_for(c.fd, POLLIN, patience_ms()));

	const std::vector<procfd_member> members = members_of(c.fd);

	ASSERT_EQ(1u, members.size());

	unique_fd last(must(sys_pidfd_open(members[0].pid)));

	EXPECT_EQ(0, poll_now(last));
	watch.reset();
	EXPECT_EQ(0, poll_now(last)) << "there is one more copy";
	c.fd.reset();
	EXPECT_TRUE(poll_for(last, POLLIN, patience_ms()) & POLLIN);
}

TEST(tree_close, lets_the_members_go_where_nothing_else_was_asked)
{
	leash l;
	gate ready;
	child c = start_tree([&] {
		by_fork(l);
		ready.open();
		l.stay();
	});

	ASSERT_TRUE(ready.pass());
	c.fd.reset();

	unique_fd again(must(open_process(c.pid)));

	EXPECT_TRUE(eventually([&] { return !is_tree(again); }));
	EXPECT_EQ(alive, poll_now(again));
	EXPECT_EQ(-EINVAL, send(again, SIGKILL, PROCFD_SCOPE_TREE));
	EXPECT_EQ(0, send(again, SIGKILL, PROCFD_SCOPE_MAIN));
	EXPECT_EQ(POLLHUP, poll_over(again)) << "with the process";
}

/* Trees in trees */

TEST(tree_nested, is_a_part_of_the_outer)
{
	leash l;
	gate ready;
	child c = start_tree([&] {
		unique_fd inner(must(announce(PROCFD_TREE)));

		by_fork(l);
		if (live(inner) != 1)
			_exit(1);
		if (send(inner, 0, PROCFD_SCOPE_TREE))
			_exit(2);
		ready.open();
		l.stay();
	});

	ASSERT_TRUE(ready.pass());
	EXPECT_EQ(2u, live(c.fd));
	EXPECT_EQ(0, send(c.fd, SIGKILL, PROCFD_SCOPE_TREE));
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

TEST(tree_nested, is_not_the_outer)
{
	leash l;
	child c = start_tree([&] {
		unique_fd inner(must(announce(PROCFD_TREE)));

		by_fork(l);
		if (send(inner, SIGKILL, PROCFD_SCOPE_TREE))
			_exit(1);
		_exit(poll_over(inner) == POLLHUP ? 7 : 2);
	});

	EXPECT_EQ(7 << 8, c.wait());
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

/* The inner one's descriptor is gone, but the outer one's tells of its members. */
TEST(tree_nested, stays_with_the_outer)
{
	leash l;
	gate ready;
	child c = start_tree([&] {
		unique_fd inner(must(announce(PROCFD_TREE)));
		pid_t pid = must(or_errno(fork()));

		if (!pid) {
			by_fork(l);
			stay(l);
		}
		while (live(inner) != 2)
			sched_yield();
		inner.reset();
		inner.reset(must(open_process(pid)));
		if (!is_tree(inner))
			_exit(1);
		inner.reset();
		ready.open();
	});

	ASSERT_TRUE(ready.pass());
	EXPECT_EQ(7 << 8, c.wait());
	EXPECT_TRUE(eventually([&] { return live(c.fd) == 2; }));
	EXPECT_EQ(0, send(c.fd, SIGKILL, PROCFD_SCOPE_TREE));
	EXPECT_EQ(POLLHUP, poll_over(c.fd));
}

/* Each makes the next one, until it is refused: how many that were. */
int nest(int depth)
{
	int ret = announce(PROCFD_TREE);

	if (ret < 0)
		return ret == -ELOOP ? depth : 99;

	unique_fd fd(ret);
	pid_t pid = must(or_errno(fork()));

	if (!pid)
		_exit(nest(depth + 1));
	return WEXITSTATUS(wait_for(pid));
}

TEST(tree_nested, is_refused_below_eight)
{
	child c = start_without_descriptor([] { return nest(0); });

	EXPECT_EQ(PROCFD_TREE_DEPTH << 8, c.wait());
}

TEST(tree_nested, is_none_if_not_asked_for)
{
	child c = start_tree([&] {
		unique_fd fd(must(announce()));
		pid_t pid = must(or_errno(fork()));

		if (!pid)
			pause();

		bool plain = !is_tree(fd) &&
			     send(fd, 0, PROCFD_SCOPE_TREE) == -EINVAL;

		kill(pid, SIGKILL);
		wait_for(pid);
		_exit(plain ? 7 : 1);
	});

	EXPECT_EQ(7 << 8, c.wait());
	EXPECT_EQ(2u, info_of(c.fd).born);
}

/* Names */

class tree_name : public names_test {};

TEST_F(tree_name, is_dead_when_the_tree_is_over)
{
	leash l;
	child c = start_tree([&] { by_double_fork(l); });
	leash other_l;
	child other = start([&] { return other_l.stay(); });
	ASSERT_EQ(0, flink(c.fd, dir, "name"));
	ASSERT_EQ(POLLIN, poll_for(c.fd, POLLIN, patience_ms()));
	EXPECT_EQ(-EEXIST,
		  flink(other.fd, dir, "name", PROCFD_LINK_REPLACE_DEAD))
		<< "the daemon is still there";

	/* The name is all that is left, and has the rights to end it. */
	c.fd.reset();

	unique_fd name(must(or_errno(
		openat(dir, "name", O_RDWR | O_NONBLOCK | O_CLOEXEC))));

	EXPECT_TRUE(eventually([&] { return live(name) == 1; }));
	EXPECT_EQ(9, write_to(name, "tree KILL"));
	EXPECT_EQ(POLLHUP, poll_over(name));
	EXPECT_TRUE(eventually([&] {
		return flink(other.fd, dir, "name", PROCFD_LINK_REPLACE_DEAD) ==
		       0;
	}));
}

/* Storms: members that fork as fast as they can, and get away as far as they can. */

class tree_storm : public testing::Test {
protected:
	static constexpr int many = 60;

	static void vfork_and_exit()
	{
		if (!vfork())
			_exit(0);
	}

	/*
	 * Until a signal ends it. TERM has a handler, so that a fork that is under way
	 * goes on, and copying the memory takes its time. It is not blocked: what a
	 * process forks after a signal that it holds back does not get that, as with
	 * kill(2) of a group.
	 */
	[[noreturn]] static void rage(std::atomic<int> *alive, unsigned int n)
	{
		signal(SIGTERM, [](int) { _exit(0); });
		for (;;) {
			n = n * 1103515245 + 12345;
			if (n >> 16 & 1) {
				vfork_and_exit();
			}
			if (*alive > many) {
				if (n >> 17 & 1) {
					--*alive;
					_exit(0);
				}
				sched_yield();
				continue;
			}
			++*alive;

			pid_t pid = bare_fork(n >> 18 & 1 ? CLONE_PARENT : 0);

			if (pid < 0)
				--*alive;
			if (!pid) {
				setsid();
				n += unsigned(getpid());
			}
		}
	}

	void storm(int signal)
	{
		static char memory[4 << 20];
		auto *alive = static_cast<std::atomic<int> *>(
			mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0));

		memset(memory, 1, sizeof(memory));
		for (int i = 0; i < rounds() / 5 + 1; i++) {
			*alive = 1;

			child c = start_tree([&] {
				::signal(SIGCHLD, SIG_IGN);
				if (!must(or_errno(fork())))
					rage(alive, unsigned(i));
				sleep_for_ever();
			});
			procfd_signal args;

			ASSERT_TRUE(eventually(
				[&] { return info_of(c.fd).born > many; }));
			ASSERT_EQ(0,
				  send(c.fd, signal, PROCFD_SCOPE_TREE, &args));
			EXPECT_LT(0u, args.sent);
			EXPECT_EQ(0u, args.refused);
			ASSERT_EQ(POLLHUP, poll_over(c.fd))
				<< "round " << i << ", of "
				<< info_of(c.fd).born << " live " << live(c.fd);
			EXPECT_EQ(0u, info_of(c.fd).born_dead);
		}
		munmap(alive, 4096);
	}
};

TEST_F(tree_storm, ends_by_one_KILL)
{
	storm(SIGKILL);
}

TEST_F(tree_storm, ends_by_one_TERM)
{
	storm(SIGTERM);
}

} // namespace
