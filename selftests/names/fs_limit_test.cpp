// SPDX-License-Identifier: GPL-2.0-only
// What a user can make many of is bounded: names and directories by max=,
// descriptors by RLIMIT_NOFILE, and the memory of both by the memory cgroup of
// who makes them.
#include <sys/resource.h>
#include <sys/statfs.h>

#include "memory_group.h"

namespace {

class fs_limit : public names_test {
protected:
	void set_max(int max)
	{
		must(mount_names(names, "max=" + std::to_string(max),
				 MS_REMOUNT));
	}

	int make_directory(const std::string &name)
	{
		return or_errno(mkdir(at(name).c_str(), 0755));
	}

	int free_names()
	{
		struct statfs st;

		must(or_errno(statfs(names.c_str(), &st)));
		return int(st.f_ffree);
	}
};

/* max= */

TEST_F(fs_limit, reached_by_names_is_ENOSPC)
{
	servant s;

	set_max(3);
	EXPECT_EQ(0, link(s.fd(), "1"));
	EXPECT_EQ(0, link(s.fd(), "2"));
	EXPECT_EQ(0, ::link(at("1").c_str(), at("3").c_str()));
	EXPECT_EQ(-ENOSPC, link(s.fd(), "4"));
	EXPECT_EQ(-ENOSPC, or_errno(::link(at("1").c_str(), at("4").c_str())));
	EXPECT_EQ(-ENOSPC, make_directory("4"));
	EXPECT_EQ(0, free_names());
	/* What failed has left nothing. */
	EXPECT_EQ((std::set<std::string>{"1", "2", "3"}), names_in(names));
	EXPECT_EQ(3u, stat_of(s.fd()).st_nlink);
	EXPECT_EQ(2u, stat_of(names).st_nlink);
}

TEST_F(fs_limit, reached_by_directories_is_ENOSPC)
{
	servant s;

	set_max(2);
	EXPECT_EQ(0, make_directory("1"));
	EXPECT_EQ(0, make_directory("1/2"));
	EXPECT_EQ(-ENOSPC, make_directory("3"));
	EXPECT_EQ(-ENOSPC, link(s.fd(), "3"));
	EXPECT_EQ(0u, stat_of(s.fd()).st_nlink);
}

TEST_F(fs_limit, is_not_reached_any_more_after_a_removal)
{
	servant s;

	set_max(1);
	ASSERT_EQ(0, link(s.fd(), "1"));
	ASSERT_EQ(-ENOSPC, link(s.fd(), "2"));
	ASSERT_EQ(0, unlink(at("1").c_str()));
	EXPECT_EQ(0, make_directory("2"));
	ASSERT_EQ(-ENOSPC, link(s.fd(), "1"));
	ASSERT_EQ(0, rmdir(at("2").c_str()));
	EXPECT_EQ(0, link(s.fd(), "1"));
}

TEST_F(fs_limit, is_no_obstacle_to_moving_and_replacing)
{
	servant first, second;

	set_max(2);
	ASSERT_EQ(0, link(first.fd(), "1"));
	ASSERT_EQ(0, make_directory("d"));
	EXPECT_EQ(0, rename(at("1").c_str(), at("d/1").c_str()));
	EXPECT_EQ(0, rename(at("d/1").c_str(), at("1").c_str()));
	EXPECT_EQ(0, link(second.fd(), "1", PROCFD_LINK_REPLACE));
	first.exit(0);
	second.exit(0);
	EXPECT_EQ(0, link(first.fd(), "1", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(0, free_names());
	/* But no way around it. */
	EXPECT_EQ(-ENOSPC, link(first.fd(), "2", PROCFD_LINK_REPLACE));
	EXPECT_EQ(-ENOSPC, link(first.fd(), "2", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ((std::set<std::string>{"1", "d"}), names_in(names));
}

TEST_F(fs_limit, counts_replaced_names_once_however_often)
{
	servant one, other;

	set_max(2);
	ASSERT_EQ(0, link(one.fd(), "1"));
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(0, link(i % 2 ? one.fd() : other.fd(), "1",
				  PROCFD_LINK_REPLACE));
	EXPECT_EQ(1, free_names());

	/* Nor does a replacement that fails cost anything. */
	ASSERT_EQ(0, make_directory("d"));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(-EISDIR, link(one.fd(), "d", PROCFD_LINK_REPLACE));
		ASSERT_EQ(-EEXIST, link(one.fd(), "1"));
		ASSERT_EQ(-EEXIST,
			  link(one.fd(), "1", PROCFD_LINK_REPLACE_DEAD));
	}
	EXPECT_EQ(0, free_names());
	ASSERT_EQ(0, rmdir(at("d").c_str()));
	EXPECT_EQ(1, free_names());
}

/* Refused by the rename, when the hidden name is there: something is mounted. */
TEST_F(fs_limit, counts_no_name_of_a_replacement_that_fails_half_way)
{
	const std::string d = names_directory("d", 01777);
	const std::string n = d + "/n";
	servant his, hers;
	unique_fd to(must(open_path(d, O_PATH)));

	must(or_errno(fchown(hers.fd(), alice.uid, alice.gid)));
	set_max(2);
	ASSERT_EQ(0, flink(his.fd(), to, "n"));
	must(or_errno(chown(n.c_str(), alice.uid, alice.gid)));
	must(or_errno(mount(n.c_str(), n.c_str(), nullptr, MS_BIND, nullptr)));
	EXPECT_EQ(0, as(alice, [&] {
			  for (int i = 0; i < 100; i++)
				  if (flink(hers.fd(), to, "n",
					    PROCFD_LINK_REPLACE) != -EBUSY)
					  return i + 1;
			  /* Nor may she exceed the limit from then on. */
			  return flink(hers.fd(), to, "m") == -ENOSPC ? 0 : -1;
		  }));
	must(or_errno(umount2(n.c_str(), MNT_DETACH)));
	EXPECT_EQ(0u, stat_of(hers.fd()).st_nlink);
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(d));

	set_max(3);
	EXPECT_EQ(1, free_names());
	EXPECT_EQ(0, as(alice, [&] { return flink(hers.fd(), to, "m"); }));
	EXPECT_EQ(0, free_names());
}

TEST_F(fs_limit, may_be_raised_and_lowered_under_what_there_is)
{
	servant s;

	set_max(1);
	ASSERT_EQ(0, link(s.fd(), "1"));
	set_max(2);
	EXPECT_EQ(0, link(s.fd(), "2"));
	set_max(1);
	EXPECT_EQ(-ENOSPC, link(s.fd(), "3"));
	ASSERT_EQ(0, unlink(at("2").c_str()));
	EXPECT_EQ(-ENOSPC, link(s.fd(), "3"));
	ASSERT_EQ(0, unlink(at("1").c_str()));
	EXPECT_EQ(0, link(s.fd(), "3"));
}

TEST_F(fs_limit, of_0_is_none)
{
	servant s;

	set_max(1);
	ASSERT_EQ(0, link(s.fd(), "1"));
	set_max(0);
	for (int i = 2; i < 100; i++)
		ASSERT_EQ(0, link(s.fd(), std::to_string(i).c_str()));
}

TEST_F(fs_limit, holds_for_root_and_is_shared_by_all)
{
	const std::string own = names_directory("own", 0755, alice);

	set_max(3);
	EXPECT_EQ(-ENOSPC, as(alice, [&] {
		unique_fd self(must(open_process(0)));
		unique_fd to(must(open_path(own, O_PATH)));

		must(flink(self, to, "1"));
		must(flink(self, to, "2"));
		return flink(self, to, "3");
	}));
	EXPECT_EQ(-ENOSPC, make_directory("roots"));
}

/* RLIMIT_NOFILE */

TEST_F(fs_limit, of_names_does_not_count_descriptors)
{
	std::vector<unique_fd> many;

	set_max(1);
	for (int i = 0; i < 50; i++) {
		many.emplace_back(open_process(0));
		ASSERT_LE(0, many.back());
	}
	EXPECT_EQ(0, link(many[0], "1"));
	EXPECT_EQ(-ENOSPC, link(many[1], "2"));
}

TEST_F(fs_limit, of_open_files_bounds_descriptors_and_no_child_is_made)
{
	EXPECT_EQ(0, as(alice, [&] {
			  const rlimit limit{64, 64};
			  std::vector<unique_fd> many;
			  int fd;

			  must(device());
			  must(or_errno(setrlimit(RLIMIT_NOFILE, &limit)));
			  while ((fd = open_process(0)) >= 0)
				  many.emplace_back(fd);
			  if (fd != -EMFILE || many.size() >= 64)
				  return 1;
			  if (announce() != -EMFILE)
				  return 2;
			  /* Nothing was announced. */
			  if (cancel() != -ENOENT)
				  return 3;
			  many.pop_back();
			  many.emplace_back(announce());
			  return many.back() >= 0 ? 0 : 4;
		  }));
}

/* The memory cgroup. */

class fs_limit_memory : public memory_group_test {
protected:
	int make_directory(const std::string &name) const
	{
		return or_errno(mkdir(at(name).c_str(), 0755));
	}

	static constexpr int many = 4000;
};

TEST_F(fs_limit_memory, is_charged_for_directories)
{
	const long cost = cost_of([&] {
		int ret = 0;

		for (int i = 0; i < many && !ret; i++)
			ret = make_directory(std::to_string(i));
		return ret;
	});

	/* An inode and a dentry; about 900 bytes. */
	EXPECT_GT(cost, many * 500);
	/* They are still there and so is the charge, though the maker is not. */
	EXPECT_GT(used(), many * 500);
}

TEST_F(fs_limit_memory, is_charged_for_names)
{
	servant s;
	const std::string long_name(200, 'n');
	const long cost = cost_of([&] {
		int ret = 0;

		for (int i = 0; i < many && !ret; i++)
			ret = link(s.fd(),
				   (long_name + std::to_string(i)).c_str());
		return ret;
	});

	/* A dentry and a long name; about 450 bytes. */
	EXPECT_GT(cost, many * 200);
	EXPECT_GT(used(), many * 200);
}

TEST_F(fs_limit_memory, is_charged_for_descriptors)
{
	const rlimit limit{many + 100, many + 100};
	rlimit before;

	must(or_errno(getrlimit(RLIMIT_NOFILE, &before)));
	must(or_errno(setrlimit(RLIMIT_NOFILE, &limit)));

	const long cost = cost_of([&] {
		int ret = 0;

		for (int i = 0; i < many && ret >= 0; i++)
			ret = open_process(0);
		return std::min(ret, 0);
	});

	must(or_errno(setrlimit(RLIMIT_NOFILE, &before)));
	/* An inode, a dentry and an open file; about 1100 bytes. */
	EXPECT_GT(cost, many * 500);
}

TEST_F(fs_limit_memory, that_is_small_holds_back_who_makes_names)
{
	/*
	 * By memory.high: who goes beyond it is throttled, which the group
	 * counts. memory.max would kill, and the kernel logs a stack trace then.
	 */
	write_file(group + "/memory.high", std::to_string(2 << 20));

	gate ready, go;
	child c = start_without_descriptor([&] {
		enter_group();
		ready.open();
		if (!go.pass())
			return 1;
		for (int i = 0;; i++)
			must(make_directory(std::to_string(i)));
	});

	ASSERT_TRUE(ready.pass());

	const long before = held_back();

	go.open();
	EXPECT_TRUE(eventually([&] { return held_back() > before + 100; }));
	kill(c.pid, SIGKILL);
	c.wait();
	/* Nobody else minds. */
	EXPECT_EQ(0, make_directory("roots"));
	EXPECT_LT(names_in(names).size(), 65536u);
}

} // namespace
