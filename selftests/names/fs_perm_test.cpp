// SPDX-License-Identifier: GPL-2.0-only
// Who may do what with whose name, under the fs.protected_* settings of Debian,
// and that what a name lets one do is never more than its maker could.
#include "fs.h"
#include "set_uid.h"

namespace {

class fs_perm : public names_test {
protected:
	static int flink_into(const std::string &where, int fd,
			      const char *name, std::uint32_t flags = 0)
	{
		unique_fd to(must(open_path(where, O_PATH)));

		return flink(fd, to, name, flags);
	}

	/* A name that a user made of a process. */
	static int make_name(const user &who, pid_t pid,
			     const std::string &where, const char *name,
			     std::uint32_t flags = 0)
	{
		return as(who, [&] {
			unique_fd fd(must(open_process(pid)));

			return flink_into(where, fd, name, flags);
		});
	}

	setting fifos{"/proc/sys/fs/protected_fifos", "1"};
	setting hardlinks{"/proc/sys/fs/protected_hardlinks", "1"};
	setting symlinks{"/proc/sys/fs/protected_symlinks", "1"};
	setting regular{"/proc/sys/fs/protected_regular", "2"};
};

/*
 * Who can open whose name in what kind of directory. `>` is open(2) with
 * O_CREAT, which is where fs.protected_fifos has a say; "wants" and ways that
 * do not ask to create have not.
 */
struct opening {
	const char *claim;
	/* The directory, the name, and who comes to open it. */
	user directory_of;
	mode_t directory_mode;
	user name_of;
	mode_t name_mode;
	user opener;
	/* 0 or -errno: `<`, `>`, and open(2) to write without O_CREAT. */
	int reading, redirecting, writing;
};

const user team{0, ops_gid, {}};
const user alices_team{1000, ops_gid, {}};

class fs_perm_opening : public fs_perm,
			public testing::WithParamInterface<opening> {};

TEST_P(fs_perm_opening, goes_by_the_table)
{
	const opening &o = GetParam();
	const std::string d = names_directory("d", 0755);
	servant s;

	must(or_errno(
		chown(d.c_str(), o.directory_of.uid, o.directory_of.gid)));
	must(or_errno(chmod(d.c_str(), o.directory_mode)));
	must(flink_into(d, s.fd(), "n"));
	must(or_errno(chown((d + "/n").c_str(), o.name_of.uid, o.name_of.gid)));
	must(or_errno(chmod((d + "/n").c_str(), o.name_mode)));

	EXPECT_EQ(o.reading,
		  as(o.opener, [&] { return try_open(d + "/n", O_RDONLY); }));
	EXPECT_EQ(o.redirecting ?: 2,
		  as(o.opener, [&] { return echo_to(d + "/n", "1"); }));
	EXPECT_EQ(o.writing ?: 2, as(o.opener, [&] {
			  unique_fd fd(open_path(d + "/n", O_WRONLY));

			  return fd < 0 ? int(fd) : int(write_to(fd, "2\n"));
		  }));
	/* What was refused did not arrive, and what was not did. */
	if (!o.redirecting) {
		EXPECT_EQ(1, s.next_signal());
	}
	if (!o.writing) {
		EXPECT_EQ(2, s.next_signal());
	}
	EXPECT_TRUE(s.has_no_signal());
}

INSTANTIATE_TEST_SUITE_P(
	in, fs_perm_opening,
	testing::Values(
		/* The usual directory: the mode of the name is all. */
		opening{"0755_owner_only", root, 0755, root, 0600, alice,
			-EACCES, -EACCES, -EACCES},
		opening{"0755_for_the_group", root, 0755, team, 0660, ops_alice,
			0, 0, 0},
		opening{"0755_for_another_group", root, 0755, team, 0660, alice,
			-EACCES, -EACCES, -EACCES},
		opening{"0755_all_may_watch", root, 0755, root, 0644, alice, 0,
			-EACCES, -EACCES},
		opening{"0755_all_may_signal_only", root, 0755, root, 0622,
			alice, -EACCES, 0, 0},
		opening{"0755_for_everybody", root, 0755, root, 0666, nobody, 0,
			0, 0},
		opening{"0755_of_a_user_for_root", alice, 0755, alice, 0600,
			root, 0, 0, 0},
		opening{"0755_of_the_opener", alice, 0755, alice, 0600, alice,
			0, 0, 0},
		/* A team's. */
		opening{"2770_for_the_team", team, 02770, alices_team, 0660,
			ops_bob, 0, 0, 0},
		opening{"2770_of_one_of_the_team_only", team, 02770,
			alices_team, 0600, ops_bob, -EACCES, -EACCES, -EACCES},
		opening{"2770_for_one_outside", team, 02770, root, 0666, bob,
			-EACCES, -EACCES, -EACCES},
		/*
		 * fs.protected_fifos=1 minds world-writable sticky directories
		 * only.
		 */
		opening{"3770_for_the_team", team, 03770, alices_team, 0660,
			ops_bob, 0, 0, 0},
		/*
		 * There it stops `>` on what neither oneself nor the owner of
		 * the directory owns, root's `>` included.
		 */
		opening{"1777_of_the_opener", root, 01777, alice, 0600, alice,
			0, 0, 0},
		opening{"1777_of_the_directorys_owner", root, 01777, root, 0666,
			alice, 0, 0, 0},
		opening{"1777_of_another", root, 01777, bob, 0666, alice, 0,
			-EACCES, 0},
		opening{"1777_of_another_and_the_opener_is_root", root, 01777,
			bob, 0666, root, 0, -EACCES, 0},
		opening{"1777_of_another_owner_only", root, 01777, bob, 0600,
			alice, -EACCES, -EACCES, -EACCES},
		opening{"1777_of_a_user_and_the_name_is_roots", alice, 01777,
			root, 0666, bob, 0, -EACCES, 0}),
	[](const testing::TestParamInfo<opening> &info) {
		return std::string(info.param.claim);
	});

/* Who can make, link, move and remove there. */

TEST_F(fs_perm, in_a_0755_directory_only_its_owner_makes_names)
{
	const std::string d = names_directory("d", 0755, alice);
	servant hers(alice), his(bob);

	EXPECT_EQ(0, make_name(alice, hers.pid(), d, "hers"));
	EXPECT_EQ(-EACCES, make_name(bob, his.pid(), d, "his"));
	EXPECT_EQ(0, make_name(root, his.pid(), d, "roots"));
}

TEST_F(fs_perm, in_a_2770_directory_the_team_makes_and_removes_names)
{
	const std::string d = names_directory("d", 02770, team);
	servant hers(alice);

	must(or_errno(chown(d.c_str(), 0, ops_gid)));
	must(or_errno(chmod(d.c_str(), 02770)));
	EXPECT_EQ(0, make_name(ops_alice, hers.pid(), d, "hers"));
	EXPECT_EQ(-EACCES, make_name(alice, hers.pid(), d, "again"));
	/* A name is a link: it keeps the owner and group that it was born with. */
	EXPECT_EQ(alice.gid, stat_of(d + "/hers").st_gid);
	EXPECT_EQ(
		0, as(ops_alice, [&] {
			return or_errno(chown((d + "/hers").c_str(), uid_t(-1), ops_gid)) ?:
				       or_errno(chmod((d + "/hers").c_str(),
						      0660));
		}));
	EXPECT_EQ(5, as(ops_bob, [&] { return echo_to(d + "/hers", "USR1"); }));
	EXPECT_EQ(SIGUSR1, hers.next_signal());
	EXPECT_EQ(0, as(ops_bob, [&] {
			  return or_errno(unlink((d + "/hers").c_str()));
		  }));
}

TEST_F(fs_perm, in_a_1777_directory_everybody_makes_and_removes_ones_own)
{
	const std::string d = names_directory("d", 01777);
	servant hers(alice);

	EXPECT_EQ(0, make_name(alice, hers.pid(), d, "n"));
	EXPECT_EQ(-EPERM, as(bob, [&] {
		return or_errno(unlink((d + "/n").c_str()));
	}));
	EXPECT_EQ(-EPERM, as(bob, [&] {
		return or_errno(rename((d + "/n").c_str(), (d + "/m").c_str()));
	}));
	EXPECT_EQ(0, as(alice,
			[&] { return or_errno(unlink((d + "/n").c_str())); }));
}

TEST_F(fs_perm, in_a_1777_directory_others_names_are_not_replaced)
{
	const std::string d = names_directory("d", 01777);
	servant hers(alice), his(bob);

	ASSERT_EQ(0, make_name(alice, hers.pid(), d, "n"));
	ASSERT_EQ(0, hers.exit_and_reap(0));

	for (std::uint32_t flag :
	     {PROCFD_LINK_REPLACE, PROCFD_LINK_REPLACE_DEAD}) {
		EXPECT_EQ(-EPERM, as(bob, [&] {
			unique_fd fd(must(open_process(his.pid())));
			unique_fd to(must(open_path(d, O_PATH)));

			return flink(fd, to, "n", flag);
		}));
	}
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(d));
	EXPECT_EQ("exited 0", outcome_of(d + "/n"));
}

TEST_F(fs_perm, in_a_1777_directory_ones_own_name_is_replaced)
{
	const std::string d = names_directory("d", 01777);
	servant first(alice), second(alice);

	ASSERT_EQ(0, make_name(alice, first.pid(), d, "n"));
	ASSERT_EQ(0,
		  make_name(alice, second.pid(), d, "n", PROCFD_LINK_REPLACE));
	EXPECT_EQ(W_EXITCODE(2, 0), second.exit_and_reap(2));
	EXPECT_EQ("exited 2", outcome_of(d + "/n"));
	ASSERT_EQ(0, make_name(alice, first.pid(), d, "n",
			       PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(W_EXITCODE(1, 0), first.exit_and_reap(1));
	EXPECT_EQ("exited 1", outcome_of(d + "/n"));
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(d));
}

TEST_F(fs_perm, nobody_but_the_owner_links_a_name_whatever_the_setting_says)
{
	const std::string d = names_directory("d", 01777);
	servant s;

	ASSERT_EQ(0, flink_into(d, s.fd(), "n"));
	ASSERT_EQ(0, chmod((d + "/n").c_str(), 0666));

	auto link_to_m = [&] {
		return or_errno(::link((d + "/n").c_str(), (d + "/m").c_str()));
	};
	auto flink_to_m = [&] {
		unique_fd fd(must(open_path(d + "/n", O_RDWR)));

		return flink_into(d, fd, "m");
	};

	for (const char *value : {"1", "0"}) {
		setting links("/proc/sys/fs/protected_hardlinks", value);

		EXPECT_EQ(-EPERM, as(alice, link_to_m)) << value;
		EXPECT_EQ(-EPERM, as(alice, flink_to_m)) << value;
	}
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(d));
}

TEST_F(fs_perm, the_owner_and_root_link_a_name_whatever_the_setting_says)
{
	const std::string d = names_directory("d", 01777);
	servant s;

	ASSERT_EQ(0, flink_into(d, s.fd(), "n"));
	ASSERT_EQ(0, chown((d + "/n").c_str(), alice.uid, alice.gid));
	for (const char *value : {"1", "0"}) {
		setting links("/proc/sys/fs/protected_hardlinks", value);

		for (const user &who : {alice, root}) {
			EXPECT_EQ(0, as(who, [&] {
					  return or_errno(
						  ::link((d + "/n").c_str(),
							 (d + "/m").c_str()));
				  }));
			ASSERT_EQ(0, unlink((d + "/m").c_str()));
		}
	}
}

/* Authority. */

TEST_F(fs_perm, a_root_daemons_name_lets_its_group_signal_it_and_no_one_else)
{
	servant nginx;

	ASSERT_EQ(0, link(nginx.fd(), "nginx"));
	ASSERT_EQ(0, chown(at("nginx").c_str(), 0, ops_gid));
	ASSERT_EQ(0, chmod(at("nginx").c_str(), 0660));

	EXPECT_EQ(-EPERM, as(ops_alice, [&] {
		return or_errno(kill(nginx.pid(), SIGHUP));
	}));
	EXPECT_EQ(4,
		  as(ops_alice, [&] { return echo_to(at("nginx"), "HUP"); }));
	EXPECT_EQ(SIGHUP, nginx.next_signal());
	EXPECT_EQ(-EACCES,
		  as(alice, [&] { return echo_to(at("nginx"), "HUP"); }));
	EXPECT_EQ(-EACCES,
		  as(alice, [&] { return try_open(at("nginx"), O_RDONLY); }));
	EXPECT_TRUE(nginx.has_no_signal());

	/* It serves as somebody else from now on; root's name is root's. */
	ASSERT_EQ(0, nginx.set_uids(nobody.uid, nobody.uid, nobody.uid));
	EXPECT_EQ(-EPERM, as(ops_alice, [&] {
		return or_errno(kill(nginx.pid(), SIGHUP));
	}));
	EXPECT_EQ(4,
		  as(ops_alice, [&] { return echo_to(at("nginx"), "HUP"); }));
	EXPECT_EQ(SIGHUP, nginx.next_signal());

	/* What it exits with is for the same people to read. */
	nginx.exit_and_reap(3);
	EXPECT_EQ(0, as(ops_alice, [&] {
			  return outcome_of(at("nginx")) == "exited 3" ? 0 : 1;
		  }));
	EXPECT_EQ(-EACCES,
		  as(alice, [&] { return try_open(at("nginx"), O_RDONLY); }));
}

TEST_F(fs_perm, opening_once_is_enough_and_chmod_does_not_take_it_back)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chmod(at("n").c_str(), 0666));
	/* Passed on, it serves whoever holds it: it is a descriptor. */
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	ASSERT_EQ(
		0, as(alice, [&] {
			send_fd(pair[0],
				unique_fd(must(open_path(at("n"), O_WRONLY))));
			return 0;
		}));

	unique_fd passed(must(recv_fd(pair[1])));

	close(pair[0]);
	close(pair[1]);
	ASSERT_EQ(0, chmod(at("n").c_str(), 0600));
	EXPECT_EQ(4, as(bob, [&] { return int(write_to(passed, "HUP\n")); }));
	EXPECT_EQ(SIGHUP, s.next_signal());

	/* But to open it anew takes the permission anew. */
	EXPECT_EQ(-EACCES, as(bob, [&] {
		return try_open("/proc/self/fd/" + std::to_string(passed),
				O_WRONLY);
	}));
}

TEST_F(fs_perm, a_reader_does_not_become_a_writer_by_opening_anew)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chmod(at("n").c_str(), 0644));
	EXPECT_EQ(-EACCES, as(alice, [&] {
		unique_fd fd(must(open_path(at("n"), O_RDONLY)));

		return try_open("/proc/self/fd/" + std::to_string(fd),
				O_WRONLY);
	}));
}

TEST_F(fs_perm, a_users_name_ends_where_the_process_regains_root)
{
	const std::string own = names_directory("own", 0755, alice);
	servant s;

	/* Real and effective user alice, root saved: alice may signal it now. */
	ASSERT_EQ(0, s.set_uids(alice.uid, alice.uid, 0));
	ASSERT_EQ(0, make_name(alice, s.pid(), own, "n"));
	EXPECT_EQ(5, as(alice, [&] { return echo_to(own + "/n", "USR1"); }));
	EXPECT_EQ(SIGUSR1, s.next_signal());

	ASSERT_EQ(0, s.set_uids(0, 0, 0));
	EXPECT_EQ(-EPERM,
		  as(alice, [&] { return or_errno(kill(s.pid(), SIGUSR1)); }));
	EXPECT_EQ(-EPERM,
		  as(alice, [&] { return echo_to(own + "/n", "USR1"); }));
	/* Root gains nothing by it, and loses nothing without it. */
	EXPECT_EQ(-EPERM, echo_to(own + "/n", "USR1"));
	EXPECT_EQ(-EPERM, echo_to(own + "/n", "0"));
	EXPECT_TRUE(s.has_no_signal());

	/* Waiting is not signalling. */
	s.exit(7);
	EXPECT_EQ(0, as(alice, [&] {
			  return outcome_of(own + "/n") == "exited 7" ? 0 : 1;
		  }));
}

TEST_F(fs_perm, a_users_name_ends_where_kill_would_in_a_set_uid_program)
{
	const std::string own = names_directory("own", 0755, alice);
	set_uid_program program(helper_path("helper_servant"));
	servant s(alice);

	ASSERT_EQ(0, make_name(alice, s.pid(), own, "n"));
	ASSERT_EQ(0, s.exec(program.path()));
	/*
	 * Now it runs with root's effective and saved user id, and with hers as
	 * the real one, which is enough for kill(2).
	 */
	EXPECT_EQ(0, as(alice, [&] { return or_errno(kill(s.pid(), 0)); }));
	EXPECT_EQ(5, as(alice, [&] { return echo_to(own + "/n", "USR1"); }));
	EXPECT_EQ(SIGUSR1, s.next_signal());

	ASSERT_EQ(0, s.set_uids(0, 0, 0));
	EXPECT_EQ(-EPERM,
		  as(alice, [&] { return or_errno(kill(s.pid(), SIGUSR1)); }));
	EXPECT_EQ(-EPERM,
		  as(alice, [&] { return echo_to(own + "/n", "USR1"); }));
	EXPECT_EQ(-EPERM, echo_to(own + "/n", "KILL"));
	EXPECT_TRUE(s.has_no_signal());
	EXPECT_EQ(W_EXITCODE(0, 0), s.exit_and_reap(0));
}

TEST_F(fs_perm, a_parent_may_name_a_child_that_it_may_not_signal)
{
	const std::string own = names_directory("own", 0755, bob);
	servant hers(alice);
	gate is_hers;
	int told = apart([&] {
		pid_t pid = must(or_errno(fork()));

		if (!pid) {
			become(alice);
			is_hers.open();
			sleep_for_ever();
		}
		if (!is_hers.pass())
			return -ETIMEDOUT;
		child grandchild(pid, unique_fd());

		/* Its parent is neither root nor its user for a while. */
		must(or_errno(setresuid(bob.uid, bob.uid, 0)));

		unique_fd fd(must(open_process(pid)));
		const int ret =
			flink_into(own, fd, "n") ?: echo_to(own + "/n", "TERM");

		must(or_errno(setresuid(0, 0, 0)));
		return ret;
	});

	EXPECT_EQ(-EPERM, told);
	/* Somebody else's child he may not even name. */
	EXPECT_EQ(-EPERM, as(bob, [&] { return open_process(hers.pid()); }));
	/* The child was killed by its parent; the name tells him so. */
	EXPECT_EQ(0, as(bob, [&] {
			  return outcome_of(own + "/n") == "killed 9" ? 0 : 1;
		  }));
}

/* Containers. */

TEST_F(fs_perm, a_read_only_bind_mount_lets_a_container_watch_and_not_signal)
{
	const std::string inside = directory("container");
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chmod(at("n").c_str(), 0666));
	ASSERT_EQ(0, mount(names.c_str(), inside.c_str(), nullptr, MS_BIND,
			   nullptr));
	ASSERT_EQ(0, mount("", inside.c_str(), nullptr,
			   MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr));

	/* In there one is root; that does not help. */
	EXPECT_EQ(-EROFS, apart([&] {
		must(or_errno(unshare(CLONE_NEWNS | CLONE_NEWPID)));
		must(or_errno(chroot(inside.c_str())));
		must(or_errno(chdir("/")));

		return echo_to("/n", "TERM");
	}));
	EXPECT_EQ(-EROFS, try_open(inside + "/n", O_WRONLY));
	EXPECT_EQ(-EROFS, try_open(inside + "/n", O_RDWR));
	EXPECT_EQ(-EROFS, as(alice, [&] {
		return try_open(inside + "/n", O_WRONLY | O_APPEND);
	}));
	EXPECT_EQ(-EROFS, or_errno(chmod((inside + "/n").c_str(), 0600)));
	EXPECT_EQ(-EROFS, or_errno(unlink((inside + "/n").c_str())));
	EXPECT_EQ(-EROFS, flink_into(inside, s.fd(), "m"));

	unique_fd watched(must(open_path(inside + "/n", O_RDONLY)));

	EXPECT_EQ(-EBADF, write_to(watched, "TERM"));
	EXPECT_EQ(-EROFS, try_open("/proc/self/fd/" + std::to_string(watched),
				   O_WRONLY));

	/* Nor is there a way out, to a name that may be opened for writing. */
	unique_fd by_path(must(open_path(inside + "/n", O_PATH)));

	for (int fd : {int(watched), int(by_path)}) {
		EXPECT_EQ(-EXDEV, flink_into(names, fd, "m"));
		EXPECT_EQ(-EXDEV,
			  flink_into(names, fd, "n", PROCFD_LINK_REPLACE));
		EXPECT_EQ(-EXDEV,
			  flink_into(names, fd, "m", PROCFD_LINK_REPLACE_DEAD));
	}
	EXPECT_FALSE(exists(at("m")));
	EXPECT_TRUE(s.has_no_signal());
	/* The same name through the other mount is as before. */
	EXPECT_EQ(4, echo_to(at("n"), "HUP"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	s.exit(4);
	EXPECT_EQ("exited 4", first_line(record_of(watched)));
	EXPECT_TRUE(exists(inside + "/n"));
	ASSERT_EQ(0, umount2(inside.c_str(), MNT_DETACH));
}

TEST_F(fs_perm,
       a_descriptor_opened_before_a_mount_became_read_only_stays_as_it_is)
{
	const std::string bound = directory("bound");
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, mount(names.c_str(), bound.c_str(), nullptr, MS_BIND,
			   nullptr));

	unique_fd before(must(open_path(bound + "/n", O_WRONLY)));

	/* A FIFO open for writing does not keep a mount writable. */
	ASSERT_EQ(0, mount("", bound.c_str(), nullptr,
			   MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr));
	EXPECT_EQ(4, write_to(before, "HUP\n"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	EXPECT_EQ(-EROFS, try_open(bound + "/n", O_WRONLY));
	ASSERT_EQ(0, umount2(bound.c_str(), MNT_DETACH));
}

} // namespace
