// SPDX-License-Identifier: GPL-2.0-only
/* Races of names with exits, with each other and with their limit; see race_test.cpp. */
#include <string>

#include <gtest/gtest.h>
#include <sys/statfs.h>

#include "fs.h"
#include "threads.h"

namespace {

class race_of_names : public names_test {
protected:
	int free_names()
	{
		struct statfs st;

		must(or_errno(statfs(names.c_str(), &st)));
		return int(st.f_ffree);
	}
};

/* procfd_authority_signal(): the exit takes the authority from what has a name. */
TEST_F(race_of_names, an_exit_under_a_writer_is_ESRCH)
{
	for (int n = 0; n < rounds(); n++) {
		child c = start_sleeper();

		ASSERT_EQ(0, link(c.fd, "n"));
		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  ssize_t ret;

				  if (i == 3)
					  return kill(c.pid, SIGKILL) == 0;
				  do
					  ret = write_to(c.fd, "0");
				  while (ret == 1);
				  return ret == -ESRCH;
			  }));
		ASSERT_EQ(0, unlink(at("n").c_str()));
	}
}

/* procfd_fs_set_kill_on_close(): what has a name does not kill. */
TEST_F(race_of_names, a_descriptor_is_named_or_made_to_kill)
{
	int named = 0;
	child c = start_sleeper();

	for (int n = 0; n < rounds() * 4; n++) {
		int ret[2];

		in_threads(2, [&](int i) {
			ret[i] = i ? link(c.fd, "n") :
				     set_kill_on_close(c.fd, 1);
			return true;
		});
		EXPECT_EQ(-EINVAL, ret[0] + ret[1]) << ret[0] << " " << ret[1];
		if (!ret[1]) {
			named++;
			ASSERT_EQ(0, unlink(at("n").c_str()));
		}
		ASSERT_EQ(0, set_kill_on_close(c.fd, 0));
	}
	printf("# named %d, made to kill %d\n", named, rounds() * 4 - named);
}

/*
 * procfd_process_exit_matters() and procfd_process_remember_inode(): a name or
 * an OPEN comes with the exit. Either the exit work or the link drops the
 * authority, or the maker's user namespace would stay for as long as the name.
 * There may be one such namespace, so that the next round has none if it does.
 */
class race_of_names_and_exit : public race_of_names {
protected:
	void SetUp() override
	{
		race_of_names::SetUp();
		device();
		before_ = slurp(limit);
		write_file(limit, "1");
	}

	void TearDown() override
	{
		write_file(limit, before_);
		race_of_names::TearDown();
	}

	static bool enter_the_only_user_namespace()
	{
		return eventually([] { return unshare(CLONE_NEWUSER) == 0; });
	}

	int name_one_that_exits(const std::string &name) const
	{
		if (!enter_the_only_user_namespace())
			return 1;

		gate may_exit;
		child c = start([&] { return may_exit.pass() ? 7 : 1; });
		const int failures = in_threads(3, [&](int i) {
			if (i == 0) {
				may_exit.open();
				return true;
			}
			if (i == 1)
				return link(c.fd, name.c_str()) == 0;

			/* A zombie at worst. */
			unique_fd fd(open_process(c.pid));

			return link(fd, (name + "o").c_str()) == 0;
		});

		return failures || c.wait() != 7 << 8 ? 2 : 0;
	}

private:
	static constexpr const char *limit =
		"/proc/sys/user/max_user_namespaces";
	std::string before_;
};

TEST_F(race_of_names_and_exit, a_name_given_at_the_exit_pins_no_credentials)
{
	for (int n = 0; n < rounds(); n++) {
		const std::string name = std::to_string(n);

		ASSERT_EQ(0, apart([&] { return name_one_that_exits(name); }));
		ASSERT_EQ("exited 7", outcome_of(at(name)));
		ASSERT_EQ("exited 7", outcome_of(at(name + "o")));
	}
	/* Nor the last round's. */
	EXPECT_TRUE(apart([] { return enter_the_only_user_namespace(); }));
}

/* Named before it is clear that no process will come, and after. */
TEST_F(race_of_names_and_exit, a_name_of_nobody_pins_no_credentials)
{
	for (bool before : {true, false}) {
		const char *name = before ? "before" : "after";

		ASSERT_EQ(0, apart([&] {
				  if (!enter_the_only_user_namespace())
					  return 1;

				  unique_fd fd(must(announce()));

				  if (before && link(fd, name))
					  return 2;
				  must(cancel());
				  if (!before && link(fd, name))
					  return 3;
				  return 0;
			  }));
		ASSERT_TRUE(exists(at(name)));
	}
	EXPECT_TRUE(apart([] { return enter_the_only_user_namespace(); }));
}

/*
 * get_names(), process_exit_work(): names come, move and go, and the last of an
 * inode does, while the exit work wants to tell their directories.
 */
TEST_F(race_of_names, an_exit_finds_names_that_come_and_go)
{
	const int before = free_names();

	for (int n = 0; n < rounds(); n++) {
		gate may_exit;
		child c =
			start([&may_exit] { return may_exit.pass() ? 7 : 1; });
		const std::string a = at("a"), b = at("b");

		ASSERT_EQ(0, link(c.fd, "a"));
		ASSERT_EQ(0, in_threads(4, [&](int i) {
				  switch (i) {
				  case 0:
					  may_exit.open();
					  return c.wait() == 7 << 8;
				  case 1:
					  for (int each = 0; each < 10; each++)
						  rename(a.c_str(), b.c_str());
					  return true;
				  case 2:
					  for (int each = 0; each < 10;
					       each++) {
						  ::link(b.c_str(), a.c_str());
						  unlink(b.c_str());
					  }
					  return true;
				  default:
					  unlink(a.c_str());
					  /* Then the names are all it has. */
					  c.fd.reset();
					  return true;
				  }
			  }));
		unlink(a.c_str());
		unlink(b.c_str());
		EXPECT_EQ(before, free_names());
	}
}

/* Unlink and rename against open. */
TEST_F(race_of_names, a_name_that_goes_is_opened_or_not)
{
	child c = start_sleeper();
	const std::uint64_t id = info_of(c.fd).id;
	std::atomic<int> opened = 0;
	std::atomic<bool> over = false;

	ASSERT_EQ(0, link(c.fd, "a"));
	ASSERT_EQ(0, in_threads(4, [&](int i) {
			  if (i == 0) {
				  for (int n = 0; n < rounds() * 10; n++) {
					  unlink(at("a").c_str());
					  link(c.fd, "a");
				  }
				  over = true;
				  return true;
			  }
			  while (!over) {
				  unique_fd fd(open_path(at("a"), O_RDWR));

				  if (fd == -ENOENT)
					  continue;
				  if (fd < 0 || info_of(fd).id != id ||
				      write_to(fd, "0") != 1)
					  return false;
				  opened++;
			  }
			  return true;
		  }));
	printf("# opened %d times\n", int(opened));
	EXPECT_EQ(POLLOUT | POLLWRNORM, poll_now(c.fd));
}

/* name_charge(): whoever is one too many takes nothing from the others. */
TEST_F(race_of_names, of_many_makers_no_more_than_max_succeed)
{
	std::vector<child> sources;
	std::vector<unique_fd> dirs;

	/* The lock of one directory, or of one source, would have them take turns. */
	for (int i = 0; i < 5; i++) {
		sources.push_back(start_sleeper());
		dirs.emplace_back(must(open_path(
			names_directory("d" + std::to_string(i), 0755),
			O_PATH | O_DIRECTORY)));
	}
	must(mount_names(names, "max=8", MS_REMOUNT));
	for (int n = 0; n < rounds(); n++) {
		std::atomic<int> made = 0;

		ASSERT_EQ(0, in_threads(5, [&](int i) {
				  const int ret =
					  flink(sources[i].fd, dirs[i], "n");

				  made += !ret;
				  return !ret || ret == -ENOSPC;
			  }));
		ASSERT_EQ(3, made);
		EXPECT_EQ(0, free_names());
		for (const unique_fd &d : dirs)
			unlinkat(d, "n", 0);
		ASSERT_EQ(3, free_names());
	}
}

/*
 * name_charge(): nor do those who have no room, or who replace, take anything from
 * those who replace.
 */
TEST_F(race_of_names, at_the_limit_every_name_can_be_replaced)
{
	child c = start_sleeper(), other = start_sleeper();
	/* The lock of one directory would have them take turns. */
	const unique_fd dirs[] = {
		unique_fd(must(open_path(names_directory("0", 0755),
					 O_PATH | O_DIRECTORY))),
		unique_fd(must(open_path(names_directory("1", 0755),
					 O_PATH | O_DIRECTORY)))};

	for (const unique_fd &d : dirs)
		ASSERT_EQ(0, flink(c.fd, d, "n"));
	must(mount_names(names, "max=4", MS_REMOUNT));
	ASSERT_EQ(
		0, in_threads(5, [&](int i) {
			const std::string name = std::to_string(i);

			for (int n = 0; n < rounds() * 4; n++) {
				if (i < 2 ? flink(i == n % 2 ? c.fd : other.fd,
						  dirs[i], "n",
						  PROCFD_LINK_REPLACE) :
					    link(c.fd, name.c_str()) != -ENOSPC)
					return false;
			}
			return true;
		}));
	EXPECT_EQ(0, free_names());
	EXPECT_EQ(0, or_errno(unlink(at("0/n").c_str())));
	EXPECT_EQ(1, free_names());
}

} // namespace
