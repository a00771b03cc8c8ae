// SPDX-License-Identifier: GPL-2.0-only
// A container without root, on a system where procfdfs is mounted nowhere and
// nobody else has the device open: descriptors work in there all the same, and
// the filesystem that comes into being for them is not the container's.
#include "fs.h"

namespace {

/*
 * In no test does this process itself open the device, or there would be a
 * filesystem already, made by root.
 */
class rootless : public scratch_test {};

TEST_F(rootless, forks_and_opens_where_nothing_is_mounted)
{
	EXPECT_EQ(0, as(alice, [] {
			  enter_user_namespace(CLONE_NEWNS);

			  servant s; /* FORK */
			  unique_fd self(must(open_process(0)));

			  if (info_of(s.fd()).pid != s.pid() ||
			      info_of(self).pid != getpid())
				  return 1;
			  if (write_to(s.fd(), "HUP\n") != 4 ||
			      s.next_signal() != SIGHUP)
				  return 2;
			  s.exit(9);
			  return first_line(record_of(s.fd())) == "exited 9" ?
					 0 :
					 3;
		  }));
}

TEST_F(rootless, owns_its_descriptors_as_its_own_root)
{
	EXPECT_EQ(0, as(alice, [] {
			  enter_user_namespace(CLONE_NEWNS);

			  unique_fd self(must(open_process(0)));

			  if (stat_of(self).st_uid != 0)
				  return 1;
			  must(or_errno(fchmod(self, 0640)));
			  return stat_of(self).st_mode == (S_IFIFO | 0640) ? 0 :
									     2;
		  }));
}

TEST_F(rootless, does_not_make_the_filesystem_its_own)
{
	const std::string names = directory("names");
	gate opened, seen;
	child container = start_without_descriptor([&] {
		become(alice);
		enter_user_namespace(CLONE_NEWNS);
		/* The filesystem exists from here on. */
		unique_fd self(must(open_process(0)));

		opened.open();
		return seen.pass() ? 0 : 1;
	});

	ASSERT_TRUE(opened.pass());
	ASSERT_EQ(0, mount_names(names));
	EXPECT_EQ(0u, stat_of(names).st_uid);
	EXPECT_EQ(0u, stat_of(names).st_gid);
	EXPECT_EQ(mode_t(S_IFDIR | 0755), stat_of(names).st_mode);
	/* Root of everything is root of it; of a user namespace, is not. */
	EXPECT_EQ(0, or_errno(mkdir((names + "/d").c_str(), 0777)));
	EXPECT_EQ(-EACCES, as(alice, [&] {
		enter_user_namespace(CLONE_NEWNS);
		return or_errno(mkdir((names + "/e").c_str(), 0777));
	}));
	seen.open();
	EXPECT_EQ(0, container.wait());
}

TEST_F(rootless, names_its_processes_where_root_lets_it)
{
	const std::string names = directory("names"), own = names + "/alice";

	ASSERT_EQ(0, mount_names(names, default_options));
	ASSERT_EQ(0, mkdir(own.c_str(), 0755));
	ASSERT_EQ(0, chown(own.c_str(), alice.uid, alice.gid));
	EXPECT_EQ(0, as(alice, [&] {
			  enter_user_namespace(CLONE_NEWNS);

			  servant s;
			  unique_fd to(must(open_path(own, O_PATH)));
			  unique_fd top(must(open_path(names, O_PATH)));

			  if (flink(s.fd(), top, "n") != -EACCES)
				  return 1;
			  must(flink(s.fd(), to, "n"));
			  if (echo_to(own + "/n", "HUP") != 4 ||
			      s.next_signal() != SIGHUP)
				  return 2;
			  s.exit(6);
			  return 0;
		  }));
	EXPECT_EQ("exited 6", outcome_of(own + "/n"));
	EXPECT_EQ(alice.uid, stat_of(own + "/n").st_uid);
	remove_below(names);
	ASSERT_EQ(0, umount(names.c_str()));
}

} // namespace
