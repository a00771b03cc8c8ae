// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user cannot name by flink what fs.protected_hardlinks forbids to
 * link, be it set or not, and not what has lost its name either; and whose flink
 * cannot go on stops no other, and nobody in a directory that is not his.
 */
#include <sys/fsuid.h>
#include <sys/mman.h>

#include "absent_memory.h"
#include "flink_common.h"
#include "threads.h"

namespace {

class hostile_flink : public testing::Test {
protected:
	static constexpr uid_t nobody = 65534;

	hostile_flink()
	{
		must(fs_.error);
		must(or_errno(setgroups(0, nullptr)));
		must(or_errno(fchmod(fs_.dir, 0755)));
		must(or_errno(mkdirat(fs_.dir, "mine", 0777)));
		mine_ = mounted::open_dir(fs_.path + "/mine");
		must(or_errno(fchown(mine_, nobody, nobody)));
	}

	~hostile_flink() override { protect("1"); }

	static void protect(const char *how)
	{
		unique_fd fd(must(or_errno(
			open("/proc/sys/fs/protected_hardlinks", O_WRONLY))));

		must(int(write_to(fd, how)));
	}

	/* As nobody, who has none of root's capabilities for files. */
	template <typename F>
	static int as_nobody(F body)
	{
		int ret;

		setfsgid(nobody);
		setfsuid(nobody);
		ret = body();
		setfsuid(0);
		setfsgid(0);
		return ret;
	}

	/* What link() says to root's file, for every mode and two groups. */
	template <typename F>
	std::vector<int> sweep(F link)
	{
		std::vector<int> answers;
		unique_fd source = make_file(fs_.dir, "source", "root's");

		for (gid_t group : {gid_t(0), gid_t(nobody)}) {
			must(or_errno(fchown(source, 0, group)));
			for (mode_t mode = 0; mode <= 07777; mode++) {
				must(or_errno(fchmod(source, mode)));
				answers.push_back(as_nobody(
					[&] { return link(source); }));
				unlinkat(mine_, "a", 0);
			}
		}
		unlinkat(fs_.dir, "source", 0);
		return answers;
	}

	mounted fs_{"tmpfs", "tmpfs"};
	unique_fd mine_;
};

TEST_F(hostile_flink, names_what_linkat_links_when_protected_whatever_the_mode)
{
	auto linkat_it = [&](int fd) { return linkat_fd(fd, mine_, "a"); };
	auto flink_it = [&](int fd) { return flink(fd, mine_, "a"); };
	auto frename_it = [&](int fd) {
		return flink(fd, mine_, "a", PROCFD_LINK_REPLACE);
	};

	protect("1");

	const std::vector<int> expected = sweep(linkat_it);

	EXPECT_NE(0, std::count(expected.begin(), expected.end(), 0));
	EXPECT_NE(0, std::count(expected.begin(), expected.end(), -EPERM));
	EXPECT_TRUE(expected == sweep(flink_it));
	EXPECT_TRUE(expected == sweep(frename_it));
	protect("0");
	EXPECT_EQ(0,
		  std::count_if(expected.begin(), expected.end(),
				[](int ret) { return ret && ret != -EPERM; }));
	EXPECT_TRUE(expected == sweep(flink_it));
	EXPECT_TRUE(expected == sweep(frename_it));
}

/* An old set-uid program that was replaced, say: it must not come back. */
TEST_F(hostile_flink, brings_back_no_program_that_was_removed)
{
	for (mode_t mode : {04755, 02755, 06711, 0644, 0600}) {
		unique_fd source = make_file(fs_.dir, "program", "old");

		must(or_errno(fchmod(source, mode)));

		unique_fd reading(must(reopen(source, O_RDONLY)));
		unique_fd path(must(reopen(source, O_PATH)));

		must(or_errno(unlinkat(fs_.dir, "program", 0)));
		for (std::uint32_t flags : {0U, PROCFD_LINK_REPLACE})
			for (int fd : {int(reading), int(path)})
				EXPECT_ERROR(EPERM, as_nobody([&] {
						     return flink(fd, mine_,
								  "a", flags);
					     }));
		EXPECT_EQ(0u, stat_of(source).st_nlink);
	}
	EXPECT_EQ(std::vector<std::string>{}, list(mine_));
}

/* What he may name, he may not put where he could not put it otherwise. */
TEST_F(hostile_flink, takes_no_place_that_rename_would_not_give_him)
{
	unique_fd own = make_file(mine_, "own", "nobody's");
	unique_fd sticky, roots;

	must(or_errno(fchown(own, nobody, nobody)));
	must(or_errno(mkdirat(fs_.dir, "sticky", 0700)));
	sticky = mounted::open_dir(fs_.path + "/sticky");
	must(or_errno(fchmod(sticky, 01777)));
	make_file(sticky, "roots", "root's");
	must(or_errno(mkdirat(fs_.dir, "roots", 0755)));
	roots = mounted::open_dir(fs_.path + "/roots");
	make_file(roots, "a", "root's");

	EXPECT_ERROR(EPERM, as_nobody([&] {
			     return flink(own, sticky, "roots",
					  PROCFD_LINK_REPLACE);
		     }));
	EXPECT_ERROR(EACCES, as_nobody([&] {
			     return flink(own, roots, "a", PROCFD_LINK_REPLACE);
		     }));
	EXPECT_ERROR(EACCES, as_nobody([&] { return flink(own, roots, "b"); }));
	EXPECT_EQ(std::vector<std::string>{"roots"}, list(sticky));
	EXPECT_EQ(std::vector<std::string>{"a"}, list(roots));
	EXPECT_EQ(1u, stat_of(own).st_nlink);
}

bool over(const child &c, int timeout_ms = patience_ms())
{
	unique_fd pidfd(must(sys_pidfd_open(c.pid)));

	return poll_for(pidfd, POLLIN, timeout_ms) == POLLIN;
}

/* It has all the locks that it will get, or none any more. */
bool over_or_waits(const child &c)
{
	const std::string path = "/proc/" + std::to_string(c.pid) + "/syscall";
	const std::string waits = std::to_string(SYS_ioctl) + " ";

	return eventually(
		[&] { return over(c, 0) || slurp(path).starts_with(waits); });
}

/*
 * A write to a file holds its lock while it reads what to write, and a flink waits
 * for that with the directory locked. Both are the hostile user's own.
 */
TEST_F(hostile_flink, that_waits_makes_no_flink_of_another_file_wait)
{
	constexpr std::size_t stalled = 32, victims = 64;
	absent_memory memory(stalled);
	std::vector<unique_fd> files, directories, sources;
	std::vector<std::string> names;
	std::vector<std::thread> threads;
	std::vector<int> answers(stalled, 1);

	if (!memory)
		GTEST_SKIP() << "no userfaultfd in this kernel";

	for (std::size_t i = 0; i < stalled; i++) {
		const std::string name = std::to_string(i);

		must(or_errno(mkdirat(mine_, name.c_str(), 0755)));
		directories.push_back(
			mounted::open_dir(fs_.path + "/mine/" + name));
		files.push_back(make_file(directories[i], "source", ""));
		threads.emplace_back([&, i] {
			must(int(or_errno(write(files[i], memory.of(i), 1))));
		});
		memory.wait();
	}
	for (std::size_t i = 0; i < stalled; i++) {
		std::atomic<pid_t> tid = 0;

		threads.emplace_back([&, i] {
			tid = sys_gettid();
			answers[i] = flink(files[i], directories[i], "n");
		});
		while (!tid)
			sched_yield();
		EXPECT_TRUE(sleeps_in(getpid(), tid, SYS_ioctl));
	}

	for (std::size_t i = 0; i < victims; i++) {
		names.push_back("victim " + std::to_string(i));
		sources.push_back(make_tmpfile(fs_.dir, "x"));
	}
	child others = start_without_descriptor([&] {
		for (std::size_t i = 0; i < victims; i++)
			if (flink(sources[i], fs_.dir, names[i].c_str()))
				return 1;
		return 0;
	});

	EXPECT_TRUE(over(others));
	kill(others.pid, SIGKILL);

	/* One of the same file waits, and can be killed. */
	child same = start_without_descriptor(
		[&] { return flink(files[0], mine_, "n") ? 1 : 0; });

	EXPECT_TRUE(sleeps_in(same.pid, same.pid, SYS_ioctl));
	kill(same.pid, SIGKILL);
	EXPECT_TRUE(over(same));

	memory.fill();
	for (std::thread &thread : threads)
		thread.join();
	EXPECT_EQ(0, others.wait());
	EXPECT_EQ(SIGKILL, same.wait());
	EXPECT_EQ(std::vector<int>(stalled, 0), answers);
	EXPECT_EQ(stalled, list(mine_).size());
}

/*
 * The same write, and the directory is root's: linkat(2) says no before it
 * looks at the file, and whoever waits for the file must not hold the directory.
 */
TEST_F(hostile_flink, that_waits_keeps_no_directory_where_it_may_make_no_name)
{
	struct attempt {
		bool unlinked;
		/* One of the same file waits already, in his own directory. */
		bool another;
		std::uint32_t flags;
		unique_fd own, roots, source;
	};
	std::vector<attempt> attempts;
	std::vector<std::thread> writers;
	std::vector<child> firsts, flinks, makers;
	int patience = patience_ms();

	for (bool unlinked : {false, true})
		for (bool another : {false, true})
			for (std::uint32_t flags : {0U, PROCFD_LINK_REPLACE})
				attempts.push_back(
					{unlinked, another, flags, {}, {}, {}});

	absent_memory memory(attempts.size());

	if (!memory)
		GTEST_SKIP() << "no userfaultfd in this kernel";

	for (std::size_t i = 0; i < attempts.size(); i++) {
		attempt &a = attempts[i];
		const std::string name = std::to_string(i);

		a.own = make_directory(mine_, name.c_str(), 0755, nobody);
		a.roots = make_directory(fs_.dir, name.c_str(), 0755);
		make_file(a.roots, "a", "root's");
		a.source = make_file(a.own, "source");
		must(or_errno(fchown(a.source, nobody, nobody)));
		if (a.unlinked)
			must(or_errno(unlinkat(a.own, "source", 0)));
		writers.emplace_back([&, i] {
			must(int(or_errno(
				write(attempts[i].source, memory.of(i), 1))));
		});
		memory.wait();
		if (!a.another)
			continue;
		firsts.push_back(start_without_descriptor([&] {
			become(nobody);
			return -flink(a.source, a.own, "n");
		}));
		EXPECT_TRUE(sleeps_in(firsts.back().pid, firsts.back().pid,
				      SYS_ioctl));
	}

	for (const attempt &a : attempts) {
		flinks.push_back(start_without_descriptor([&] {
			become(nobody);
			return -flink(a.source, a.roots, a.flags ? "a" : "x",
				      a.flags);
		}));
		EXPECT_TRUE(over_or_waits(flinks.back()));
		makers.push_back(start_without_descriptor([&] {
			return -or_errno(mkdirat(a.roots, "made", 0755));
		}));
	}
	/* Whatever still hangs after one that did will hang on. */
	auto over_in_time = [&](const child &c) {
		const bool ret = over(c, patience);

		if (!ret)
			patience = 0;
		return ret;
	};
	auto describe = [](const attempt &a) {
		return std::string(a.unlinked ? "unlinked" : "named") +
		       (a.another ? ", another waits" : "") +
		       (a.flags ? ", replaces" : "");
	};
	for (std::size_t i = 0; i < attempts.size(); i++) {
		SCOPED_TRACE(describe(attempts[i]));
		EXPECT_TRUE(over_in_time(flinks[i]));
		EXPECT_TRUE(over_in_time(makers[i]));
	}
	for (const child &first : firsts)
		EXPECT_FALSE(over(first, 0));

	memory.fill();
	for (std::thread &writer : writers)
		writer.join();
	for (child &first : firsts)
		EXPECT_EQ(0, first.wait());
	for (std::size_t i = 0; i < attempts.size(); i++) {
		SCOPED_TRACE(describe(attempts[i]));
		EXPECT_ERROR(EACCES, -WEXITSTATUS(flinks[i].wait()));
		EXPECT_EQ(0, makers[i].wait());
		EXPECT_EQ((std::vector<std::string>{"a", "made"}),
			  list(attempts[i].roots));
		EXPECT_EQ("root's", content_of(attempts[i].roots, "a"));
	}
}

} // namespace
