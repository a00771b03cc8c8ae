// SPDX-License-Identifier: GPL-2.0-only
// Names and descriptors across mount, pid and user namespaces: the names are
// the same everywhere, and a pid is what the one who asks would call it.
#include "fs.h"

namespace {

class ns : public names_test {
protected:
	/* body() as process 1 of a new pid namespace. */
	template <typename F>
	static int in_pid_namespace(F body)
	{
		return apart([&] {
			must(or_errno(unshare(CLONE_NEWPID)));
			return apart(body);
		});
	}

	int pid_of(const std::string &name) const
	{
		unique_fd fd(must(open_path(at(name), O_RDONLY)));

		return info_of(fd).pid;
	}
};

/* The value of a line "KEY:\tVALUE" of a file, or "". */
std::string value_in(const std::string &text, const std::string &key)
{
	const std::size_t at = ("\n" + text).find("\n" + key + ":\t");

	if (at == std::string::npos)
		return "";

	const std::size_t start = at + key.size() + 2;

	return text.substr(start, text.find('\n', start) - start);
}

std::string fdinfo_pid(int fd, const std::string &who = "self")
{
	return value_in(slurp("/proc/" + who + "/fdinfo/" + std::to_string(fd)),
			"procfd_pid");
}

TEST_F(ns, of_mounts_each_with_a_mount_of_its_own_see_the_same_names)
{
	const std::string other = directory("other");
	servant s;
	gate linked, seen;

	ASSERT_EQ(0, link(s.fd(), "ours"));

	child c = start_without_descriptor([&] {
		enter_own_mounts();
		must(or_errno(umount(names.c_str())));
		must(mount_names(other));
		if (!exists(other + "/ours") || exists(names + "/ours"))
			return 1;

		unique_fd ours(must(open_path(other + "/ours", O_RDONLY)));
		unique_fd to(must(open_path(other, O_PATH)));
		unique_fd self(must(open_process(0)));

		if (info_of(ours).pid != s.pid())
			return 2;
		must(flink(self, to, "theirs"));
		linked.open();
		return seen.pass() ? 33 : 3;
	});

	ASSERT_TRUE(linked.pass());
	EXPECT_EQ(c.pid, pid_of("theirs"));
	EXPECT_FALSE(exists(other + "/theirs"));
	seen.open();
	EXPECT_EQ("exited 33", outcome_of(at("theirs")));
	EXPECT_EQ(W_EXITCODE(33, 0), c.wait());
}

TEST_F(ns, of_pids_names_its_processes_and_each_side_sees_its_own_number)
{
	gate named, seen;
	child outer = start_without_descriptor([&] {
		return in_pid_namespace([&] {
			servant s;

			if (getpid() != 1 || s.pid() != 2)
				return 1;
			must(link(s.fd(), "inside"));
			if (pid_of("inside") != 2 || fdinfo_pid(s.fd()) != "2")
				return 2;
			named.open();
			if (!seen.pass())
				return 3;
			s.exit(21);
			return 0;
		});
	});

	ASSERT_TRUE(named.pass());

	unique_fd name(must(open_path(at("inside"), O_RDWR)));
	const int pid = info_of(name).pid;

	ASSERT_GT(pid, 2);
	EXPECT_EQ(std::to_string(pid) + "\t2",
		  value_in(slurp("/proc/" + std::to_string(pid) + "/status"),
			   "NSpid"));
	EXPECT_EQ(std::to_string(pid), fdinfo_pid(name));
	EXPECT_EQ(4, write_to(name, "HUP\n"));
	seen.open();
	EXPECT_EQ("exited 21", first_line(record_of(name)));
	EXPECT_EQ(0, outer.wait());
}

/* Of which a user may have a few only: a name may be kept for years. */
TEST_F(ns, of_pids_are_not_kept_by_the_names_of_what_ran_there)
{
	constexpr int limit = 5;
	setting few("/proc/sys/user/max_pid_namespaces",
		    std::to_string(limit).c_str());

	for (int n = 0; n < 2 * limit; n++) {
		const std::string name = std::to_string(n);

		ASSERT_EQ(0, apart([&] {
				  /* The last one ends a moment after its init. */
				  if (!eventually([] {
					      return unshare(CLONE_NEWPID) == 0;
				      }))
					  return 1;
				  return apart([&] {
					  child c = start([] { return 7; });

					  must(link(c.fd, name.c_str()));
					  return c.wait() == 7 << 8 ? 0 : 2;
				  });
			  }))
			<< n;
		EXPECT_EQ("exited 7", outcome_of(at(name)));
	}
}

/* A quiet one keeps its maker's, too; and what is named when it is over. */
TEST_F(ns, of_pids_are_not_kept_by_the_names_of_quiet_ones_and_dead_ones)
{
	constexpr int limit = 5;
	setting few("/proc/sys/user/max_pid_namespaces",
		    std::to_string(limit).c_str());

	for (int n = 0; n < 2 * limit; n++) {
		const std::string quiet = "q" + std::to_string(n);
		const std::string dead = "d" + std::to_string(n);

		ASSERT_EQ(0, apart([&] {
				  if (!eventually([] {
					      return unshare(CLONE_NEWPID) == 0;
				      }))
					  return 1;
				  return apart([&] {
					  child q = start([] { return 7; },
							  PROCFD_QUIET);
					  child d = start([] { return 7; });

					  must(link(q.fd, quiet.c_str()));
					  poll_over(q.fd);
					  q.wait();
					  if (d.wait() != 7 << 8)
						  return 2;
					  return link(d.fd, dead.c_str());
				  });
			  }))
			<< n;
	}
}

TEST_F(ns, of_pids_tells_the_number_of_a_named_zombie_until_it_is_reaped)
{
	child c = start([] { return 7; });

	ASSERT_EQ(0, link(c.fd, "n"));
	ASSERT_EQ(POLLHUP, poll_over(c.fd));
	EXPECT_EQ(c.pid, pid_of("n"));
	EXPECT_EQ(std::to_string(c.pid), fdinfo_pid(c.fd));

	unique_fd again(must(open_process(c.pid)));

	EXPECT_EQ(record_of(c.fd), record_of(again));
	c.wait();
	EXPECT_EQ(0, pid_of("n"));
	EXPECT_EQ("0", fdinfo_pid(c.fd));
}

TEST_F(ns, of_pids_sees_no_number_of_a_process_outside_but_all_the_rest)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "outside"));

	const std::uint64_t id = info_of(s.fd()).id;

	EXPECT_EQ(
		0, in_pid_namespace([&] {
			unique_fd name(must(open_path(at("outside"), O_RDWR)));
			const procfd_info info = info_of(name);

			if (info.pid != 0 || fdinfo_pid(name) != "0")
				return 1;
			if (info.id != id || info.state != PROCFD_STATE_RUNNING)
				return 2;
			/* There is no pid to open it by either. */
			if (open_process(s.pid()) != -ESRCH)
				return 3;
			return write_to(name, "HUP\n") == 4 ? 0 : 4;
		}));
	EXPECT_EQ(SIGHUP, s.next_signal());
	s.exit(5);
	EXPECT_EQ(0, in_pid_namespace([&] {
			  return outcome_of(at("outside")) == "exited 5" ? 0 :
									   1;
		  }));
}

TEST_F(ns, of_pids_one_open_file_shows_each_reader_of_fdinfo_its_own_number)
{
	gate opened, seen;
	int fd = -1;
	servant s;
	unique_fd ours(s.fd() >= 0 ? must(open_process(s.pid())) : -1);

	/* The same open file, inherited. */
	EXPECT_EQ(0, in_pid_namespace(
			     [&] { return fdinfo_pid(ours) == "0" ? 0 : 1; }));
	EXPECT_EQ(std::to_string(s.pid()), fdinfo_pid(ours));

	/* And the other way round: opened inside, shown to us. */
	int fds[2];

	must(or_errno(pipe2(fds, O_CLOEXEC)));

	unique_fd in(fds[0]), out(fds[1]);
	child outer = start_without_descriptor([&] {
		return in_pid_namespace([&] {
			unique_fd self(must(open_process(0)));
			const int number = self;

			if (fdinfo_pid(self) != "1" ||
			    write(out, &number, sizeof(number)) < 0)
				return 1;
			must(link(self, "first"));
			opened.open();
			return seen.pass() ? 0 : 2;
		});
	});

	ASSERT_TRUE(opened.pass());
	ASSERT_EQ(ssize_t(sizeof(fd)), read(in, &fd, sizeof(fd)));

	const std::string first = std::to_string(pid_of("first"));

	EXPECT_EQ(first, fdinfo_pid(fd, first));
	seen.open();
	EXPECT_EQ(0, outer.wait());
}

TEST_F(ns, of_pids_that_ends_leaves_the_records_of_its_processes)
{
	/* Process 1 ends, and takes the other with it. */
	ASSERT_EQ(0, in_pid_namespace([&] {
			  pid_t pid;
			  unique_fd first(must(open_process(0)));
			  unique_fd second(must(announce()));

			  must(link(first, "first"));
			  must(link(second, "second"));
			  pid = must(or_errno(fork()));
			  if (!pid)
				  sleep_for_ever();
			  return 0;
		  }));
	EXPECT_EQ("exited 0", outcome_of(at("first")));
	EXPECT_EQ("killed 9", outcome_of(at("second")));
}

TEST_F(ns, of_users_sees_owners_as_its_map_has_them)
{
	const std::string own = names_directory("own", 0755, alice);
	servant roots;

	ASSERT_EQ(0, link(roots.fd(), "roots"));
	EXPECT_EQ(0, as(alice, [&] {
			  unique_fd to(must(open_path(own, O_PATH)));

			  enter_user_namespace();

			  /* Hers, made in there, and root's of outside. */
			  unique_fd self(must(open_process(0)));

			  if (stat_of(self).st_uid != 0)
				  return 1;
			  if (flink(self, to, "n") != 0)
				  return 2;
			  return stat_of(at("roots")).st_uid == 65534 ? 0 : 3;
		  }));
	EXPECT_EQ(alice.uid, stat_of(own + "/n").st_uid);
}

TEST_F(ns, of_users_makes_nobody_root_here)
{
	const std::string own = names_directory("own", 0755, alice);
	servant roots, bobs(bob);

	ASSERT_EQ(0, link(roots.fd(), "n"));
	EXPECT_EQ(0, as(alice, [&] {
			  unique_fd to(must(open_path(own, O_PATH)));

			  enter_user_namespace();
			  if (try_open(at("n"), O_RDONLY) != -EACCES)
				  return 1;
			  if (or_errno(chmod(at("n").c_str(), 0666)) != -EPERM)
				  return 2;
			  if (or_errno(unlink(at("n").c_str())) != -EACCES)
				  return 3;
			  if (open_process(bobs.pid()) != -EPERM)
				  return 4;
			  return 0;
		  }));
}

} // namespace
