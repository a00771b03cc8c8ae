// SPDX-License-Identifier: GPL-2.0-only
// Names of processes: how a descriptor gets one, what replaces what, what
// opening one gives, what it tells of its process, and how long it lives.
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "fs.h"

namespace {

class fs_name : public names_test {
protected:
	/* Link it and leave the name as all that refers to the process. */
	void name_only(servant &s, const char *name)
	{
		must(link(s.fd(), name));
		s.close_fd();
	}
};

std::string link_of(int fd)
{
	char path[4096];
	const std::string proc = "/proc/self/fd/" + std::to_string(fd);
	const int n =
		must(int(or_errno(readlink(proc.c_str(), path, sizeof(path)))));

	return std::string(path, std::size_t(n));
}

/* Getting a name. */

TEST_F(fs_name, is_a_link_to_the_descriptors_own_inode)
{
	servant s;

	ASSERT_EQ(0u, stat_of(s.fd()).st_nlink);
	ASSERT_EQ(0, link(s.fd(), "n"));

	const struct stat fd = stat_of(s.fd()), name = stat_of(at("n"));

	EXPECT_EQ(fd.st_ino, name.st_ino);
	EXPECT_EQ(fd.st_dev, name.st_dev);
	EXPECT_EQ(1u, name.st_nlink);
	EXPECT_EQ(1u, fd.st_nlink);
}

TEST_F(fs_name, is_a_fifo_of_its_maker_and_nobody_elses)
{
	/* Whatever the umask; it is looked at before there is a name too. */
	umask(0777);
	servant s;
	umask(022);

	EXPECT_EQ(mode_t(S_IFIFO | 0600), stat_of(s.fd()).st_mode);
	ASSERT_EQ(0, link(s.fd(), "n"));
	EXPECT_EQ(mode_t(S_IFIFO | 0600), stat_of(at("n")).st_mode);
	EXPECT_EQ(0u, stat_of(at("n")).st_uid);

	const std::string own = names_directory("own", 0755, alice);

	ASSERT_EQ(0, as(alice, [&] {
			  unique_fd self(must(open_process(0)));
			  unique_fd to(must(open_path(own, O_PATH)));

			  return flink(self, to, "n");
		  }));
	EXPECT_EQ(alice.uid, stat_of(own + "/n").st_uid);
	EXPECT_EQ(alice.gid, stat_of(own + "/n").st_gid);
	EXPECT_EQ(mode_t(S_IFIFO | 0600), stat_of(own + "/n").st_mode);
}

TEST_F(fs_name, has_the_mode_and_owner_that_the_descriptor_was_given)
{
	servant s;

	ASSERT_EQ(0, fchmod(s.fd(), 0640));
	ASSERT_EQ(0, fchown(s.fd(), alice.uid, ops_gid));
	ASSERT_EQ(0, link(s.fd(), "n"));

	const struct stat st = stat_of(at("n"));

	EXPECT_EQ(mode_t(S_IFIFO | 0640), st.st_mode);
	EXPECT_EQ(alice.uid, st.st_uid);
	EXPECT_EQ(ops_gid, st.st_gid);
}

TEST_F(fs_name, never_overwrites_another)
{
	servant first, second;
	const std::string d = names_directory("d", 0755);

	ASSERT_EQ(0, link(first.fd(), "n"));
	EXPECT_EQ(-EEXIST, link(second.fd(), "n"));
	EXPECT_EQ(-EEXIST, link(first.fd(), "n"));
	EXPECT_EQ(-EEXIST, link(second.fd(), "d"));
	EXPECT_EQ(stat_of(first.fd()).st_ino, stat_of(at("n")).st_ino);
	EXPECT_EQ(0u, stat_of(second.fd()).st_nlink);
}

TEST_F(fs_name, may_be_one_of_many)
{
	constexpr unsigned many = 1000;
	servant s;

	for (unsigned i = 0; i < many; i++)
		ASSERT_EQ(0, link(s.fd(), std::to_string(i).c_str()));
	EXPECT_EQ(many, stat_of(s.fd()).st_nlink);
	EXPECT_EQ(stat_of(at("0")).st_ino, stat_of(at("999")).st_ino);
}

TEST_F(fs_name, is_one_component)
{
	const std::string d = names_directory("d", 0755);
	servant s;

	EXPECT_EQ(-ENOENT, link(s.fd(), ""));
	EXPECT_EQ(-EINVAL, link(s.fd(), "d/n"));
	EXPECT_EQ(-EINVAL, link(s.fd(), "/n"));
	EXPECT_EQ(-EINVAL, link(s.fd(), "n/"));
	EXPECT_EQ(-EEXIST, link(s.fd(), "."));
	EXPECT_EQ(-EEXIST, link(s.fd(), ".."));
	EXPECT_EQ(0, link(s.fd(), std::string(255, 'n').c_str()));
	EXPECT_EQ(-ENAMETOOLONG, link(s.fd(), std::string(256, 'n').c_str()));
	EXPECT_EQ(-ENAMETOOLONG, link(s.fd(), std::string(5000, 'n').c_str()));
	EXPECT_EQ(1u, stat_of(s.fd()).st_nlink);
}

TEST_F(fs_name, wants_a_directory_of_this_filesystem)
{
	servant s;
	unique_fd other(must(open_path(scratch, O_PATH | O_DIRECTORY)));

	EXPECT_EQ(-EXDEV, flink(s.fd(), other, "n"));
	EXPECT_EQ(-EXDEV, flink(s.fd(), other, "n", PROCFD_LINK_REPLACE));
	EXPECT_EQ(-ENOTDIR, flink(s.fd(), s.fd(), "n"));
	EXPECT_EQ(-EBADF, flink(s.fd(), -1, "n"));
	EXPECT_EQ(-EBADF, flink(-1, dir, "n"));
	EXPECT_FALSE(exists(scratch + "/n"));
	EXPECT_EQ(0u, stat_of(s.fd()).st_nlink);
}

TEST_F(fs_name, is_made_in_the_working_directory_too)
{
	servant s;

	ASSERT_EQ(0, chdir(names.c_str()));
	EXPECT_EQ(0, flink(s.fd(), AT_FDCWD, "n"));
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(names));
}

TEST_F(fs_name, rejects_unknown_flags_and_both_ways_of_replacing_at_once)
{
	servant s;

	EXPECT_EQ(-EINVAL, link(s.fd(), "n", 1U << 31));
	EXPECT_EQ(-EINVAL,
		  link(s.fd(), "n",
		       PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD));
	/* Nothing here survives a power cut. */
	EXPECT_EQ(-EINVAL, link(s.fd(), "n", PROCFD_LINK_DURABLE));
	EXPECT_EQ(std::set<std::string>{}, names_in(names));
}

TEST_F(fs_name, is_not_made_by_linkat_of_a_descriptor_without_one)
{
	servant s;
	const std::string proc = "/proc/self/fd/" + std::to_string(s.fd());

	/* It is of no mount that a user knows, so it is on another one. */
	EXPECT_EQ(-EXDEV, or_errno(linkat(AT_FDCWD, proc.c_str(), dir, "n",
					  AT_SYMLINK_FOLLOW)));
	EXPECT_EQ(-EXDEV,
		  or_errno(linkat(s.fd(), "", dir, "n", AT_EMPTY_PATH)));
	EXPECT_EQ(0u, stat_of(s.fd()).st_nlink);
}

TEST_F(fs_name, can_be_given_again_after_the_last_one_is_gone)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, unlink(at("n").c_str()));
	ASSERT_EQ(0u, stat_of(s.fd()).st_nlink);
	EXPECT_EQ(0, link(s.fd(), "again"));
	EXPECT_EQ(1u, stat_of(at("again")).st_nlink);
}

TEST_F(fs_name, is_seen_by_the_child_that_it_was_made_for)
{
	unique_fd fd(must(announce()));

	ASSERT_EQ(0, link(fd, "n"));

	servant s(std::move(fd));
	unique_fd name(must(open_path(at("n"), O_RDWR)));

	EXPECT_EQ(s.pid(), info_of(name).pid);

	/* From the very first instruction on: the child looks for itself. */
	unique_fd own(must(announce()));

	ASSERT_EQ(0, link(own, "own"));

	child c = start_without_descriptor([&] {
		unique_fd self(must(open_path(at("own"), O_RDONLY)));

		return info_of(self).pid == getpid() ? 0 : 1;
	});

	EXPECT_EQ(0, c.wait());
}

TEST_F(fs_name, without_a_process_yet_blocks_readers_and_refuses_signals)
{
	unique_fd fd(must(announce()));

	ASSERT_EQ(0, link(fd, "n"));

	unique_fd name(must(open_path(at("n"), O_RDWR | O_NONBLOCK)));
	char byte;

	EXPECT_EQ(std::uint32_t(PROCFD_STATE_UNBOUND), info_of(name).state);
	EXPECT_EQ(-EAGAIN, or_errno(read(name, &byte, 1)));
	EXPECT_EQ(-ESRCH, write_to(name, "0"));
	EXPECT_EQ(0, poll_now(name));
	EXPECT_EQ(0, cancel());
	EXPECT_EQ(-ECHILD, or_errno(read(name, &byte, 1)));
	EXPECT_EQ(-ESRCH, write_to(name, "0"));
}

/* Replacing. */

TEST_F(fs_name, is_replaced_on_request)
{
	servant first, second;

	ASSERT_EQ(0, link(first.fd(), "n"));
	EXPECT_EQ(0, link(second.fd(), "n", PROCFD_LINK_REPLACE));
	EXPECT_EQ(stat_of(second.fd()).st_ino, stat_of(at("n")).st_ino);
	EXPECT_EQ(1u, stat_of(second.fd()).st_nlink);
	EXPECT_EQ(0u, stat_of(first.fd()).st_nlink);
	/* No other name is left behind. */
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(names));
	/* Neither process has noticed. */
	EXPECT_EQ(short(POLLOUT | POLLWRNORM), poll_now(first.fd()));
	EXPECT_TRUE(link(first.fd(), "old") == 0);
}

TEST_F(fs_name, with_replace_is_made_if_there_was_none)
{
	servant s;

	EXPECT_EQ(0, link(s.fd(), "a", PROCFD_LINK_REPLACE));
	EXPECT_EQ(0, link(s.fd(), "b", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(2u, stat_of(s.fd()).st_nlink);
}

TEST_F(fs_name, that_is_the_same_already_is_replaced_by_doing_nothing)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	EXPECT_EQ(0, link(s.fd(), "n", PROCFD_LINK_REPLACE));
	EXPECT_EQ(1u, stat_of(s.fd()).st_nlink);
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(names));
}

TEST_F(fs_name, does_not_replace_a_directory)
{
	servant s;
	const std::string d = names_directory("d", 0755);

	EXPECT_EQ(-EISDIR, link(s.fd(), "d", PROCFD_LINK_REPLACE));
	EXPECT_EQ(-EEXIST, link(s.fd(), "d", PROCFD_LINK_REPLACE_DEAD));
	for (const char *name : {".", ".."})
		for (std::uint32_t flag :
		     {PROCFD_LINK_REPLACE, PROCFD_LINK_REPLACE_DEAD})
			EXPECT_EQ(-EBUSY, link(s.fd(), name, flag)) << name;
	EXPECT_EQ(std::set<std::string>{"d"}, names_in(names));
}

TEST_F(fs_name, of_the_living_is_not_replaced_by_replace_dead)
{
	servant living, heir;

	ASSERT_EQ(0, link(living.fd(), "n"));
	EXPECT_EQ(-EEXIST, link(heir.fd(), "n", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(stat_of(living.fd()).st_ino, stat_of(at("n")).st_ino);
}

TEST_F(fs_name, of_the_dead_is_replaced_by_replace_dead_zombie_or_not)
{
	servant zombie, reaped, heir;

	ASSERT_EQ(0, link(zombie.fd(), "zombie"));
	ASSERT_EQ(0, link(reaped.fd(), "reaped"));
	zombie.exit(1);
	reaped.exit_and_reap(1);
	EXPECT_EQ(0, link(heir.fd(), "zombie", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(0, link(heir.fd(), "reaped", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(2u, stat_of(heir.fd()).st_nlink);
}

TEST_F(fs_name, of_one_still_to_be_born_counts_as_alive)
{
	servant heir;
	unique_fd fd(must(announce()));

	ASSERT_EQ(0, link(fd, "n"));
	EXPECT_EQ(-EEXIST, link(heir.fd(), "n", PROCFD_LINK_REPLACE_DEAD));
	ASSERT_EQ(0, cancel());
	/* And as dead once it cannot be born any more. */
	EXPECT_EQ(0, link(heir.fd(), "n", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_EQ(stat_of(heir.fd()).st_ino, stat_of(at("n")).st_ino);
}

TEST_F(fs_name, of_a_child_whose_parent_died_before_the_fork_counts_as_dead)
{
	servant heir;
	child c = start_without_descriptor([&] {
		unique_fd fd(must(announce()));

		return -link(fd, "n");
	});

	ASSERT_EQ(0, c.wait());
	EXPECT_EQ(0, link(heir.fd(), "n", PROCFD_LINK_REPLACE_DEAD));
}

TEST_F(fs_name, is_replaced_by_rename_as_any_file_is)
{
	servant first, second;

	ASSERT_EQ(0, link(first.fd(), "n"));
	ASSERT_EQ(0, link(second.fd(), "m"));
	EXPECT_EQ(0, rename(at("m").c_str(), at("n").c_str()));
	EXPECT_EQ(stat_of(second.fd()).st_ino, stat_of(at("n")).st_ino);
	EXPECT_EQ(0u, stat_of(first.fd()).st_nlink);
	EXPECT_EQ(std::set<std::string>{"n"}, names_in(names));
}

/* Killing on close. */

TEST_F(fs_name, is_refused_to_a_descriptor_that_kills)
{
	servant s(root, PROCFD_KILL_ON_CLOSE), other;

	EXPECT_EQ(-EINVAL, link(s.fd(), "n"));
	ASSERT_EQ(0, link(other.fd(), "other"));
	EXPECT_EQ(-EINVAL, link(s.fd(), "other", PROCFD_LINK_REPLACE));
	EXPECT_EQ(std::set<std::string>{"other"}, names_in(names));
	EXPECT_EQ(stat_of(other.fd()).st_ino, stat_of(at("other")).st_ino);

	ASSERT_EQ(0, set_kill_on_close(s.fd(), 0));
	EXPECT_EQ(0, link(s.fd(), "n"));
}

TEST_F(fs_name, forbids_to_switch_killing_on)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	EXPECT_EQ(-EINVAL, set_kill_on_close(s.fd(), 1));
	ASSERT_EQ(0, unlink(at("n").c_str()));
	EXPECT_EQ(0, set_kill_on_close(s.fd(), 1));
}

TEST_F(fs_name, may_go_or_be_replaced_and_the_process_stays)
{
	servant removed, replaced, heir;

	name_only(removed, "removed");
	name_only(replaced, "replaced");
	ASSERT_EQ(0, unlink(at("removed").c_str()));
	ASSERT_EQ(0, link(heir.fd(), "replaced", PROCFD_LINK_REPLACE));
	/* They still do as they are told. */
	EXPECT_EQ(W_EXITCODE(3, 0), removed.exit_and_reap(3));
	EXPECT_EQ(W_EXITCODE(4, 0), replaced.exit_and_reap(4));
}

/* Opening. */

TEST_F(fs_name, opened_for_reading_waits_and_does_not_signal)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	unique_fd name(must(open_path(at("n"), O_RDONLY)));

	EXPECT_EQ(-EBADF, write_to(name, "TERM"));

	child reader = start_without_descriptor([&] {
		return first_line(read_all(name)) == "exited 5" ? 0 : 1;
	});

	ASSERT_TRUE(sleeps_in(reader.pid, reader.pid, SYS_read));
	s.exit(5);
	EXPECT_EQ(0, reader.wait());
}

TEST_F(fs_name, opened_for_writing_signals_and_does_not_wait)
{
	servant s;
	char byte;

	ASSERT_EQ(0, link(s.fd(), "n"));

	unique_fd name(must(open_path(at("n"), O_WRONLY)));
	procfd_info info;

	EXPECT_EQ(-EBADF, or_errno(read(name, &byte, 1)));
	EXPECT_EQ(-EBADF, get_info(name, &info));
	EXPECT_EQ(4, write_to(name, "HUP\n"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	EXPECT_EQ(2, write_to(name, {char(SIGHUP), char(SIGTERM)}));
	EXPECT_EQ(SIGHUP, s.next_signal());
	EXPECT_EQ(SIGTERM, s.next_signal());
	EXPECT_EQ(2, write_to(name, "0\n"));
	s.exit(0);
	EXPECT_EQ(-ESRCH, write_to(name, "0\n"));
}

TEST_F(fs_name, opened_for_both_does_both_and_writing_does_not_move_the_offset)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	unique_fd name(must(open_path(at("n"), O_RDWR)));

	EXPECT_EQ(4, write_to(name, "HUP\n"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	EXPECT_EQ(0, lseek(name, 0, SEEK_CUR));
	s.exit(6);
	EXPECT_EQ("exited 6", first_line(read_all(name)));
}

TEST_F(fs_name, opens_at_once_with_nobody_at_the_other_end)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	/* A true FIFO would block, or say ENXIO. */
	EXPECT_EQ(0, apart([&] { return try_open(at("n"), O_RDONLY); }));
	EXPECT_EQ(0, apart([&] { return try_open(at("n"), O_WRONLY); }));
	EXPECT_EQ(0, try_open(at("n"), O_WRONLY | O_NONBLOCK));
}

TEST_F(fs_name, bears_the_flags_with_which_shells_open)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	for (int flags : {O_TRUNC, O_CREAT, O_APPEND, O_CREAT | O_TRUNC,
			  O_CREAT | O_APPEND, O_NOCTTY | O_CREAT}) {
		unique_fd name(open_path(at("n"), O_WRONLY | flags, 0666));

		ASSERT_LE(0, name) << std::oct << flags;
		EXPECT_EQ(4, write_to(name, "HUP\n"));
		EXPECT_EQ(SIGHUP, s.next_signal());
	}
	EXPECT_EQ(-EEXIST, try_open(at("n"), O_WRONLY | O_CREAT | O_EXCL));
	EXPECT_EQ(-ENOTDIR, try_open(at("n"), O_RDONLY | O_DIRECTORY));
}

TEST_F(fs_name, keeps_its_record_when_it_is_truncated)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	s.exit_and_reap(9);

	const std::string before = record_of(s.fd());
	const struct stat stat_before = stat_of(at("n"));

	next_tick();
	EXPECT_EQ(0, try_open(at("n"), O_WRONLY | O_TRUNC));
	EXPECT_EQ(0, try_open(at("n"), O_RDWR | O_TRUNC | O_CREAT, 0666));
	EXPECT_EQ(-EINVAL, or_errno(truncate(at("n").c_str(), 0)));
	EXPECT_EQ(-EINVAL, or_errno(ftruncate(s.fd(), 0)));

	unique_fd name(must(open_path(at("n"), O_RDONLY)));
	const struct stat stat_after = stat_of(at("n"));

	EXPECT_EQ(before, record_of(name));
	EXPECT_EQ(stat_before.st_size, stat_after.st_size);
	EXPECT_EQ(in_ns(stat_before.st_mtim), in_ns(stat_after.st_mtim));
}

TEST_F(fs_name, keeps_its_time_of_exit_whatever_it_is_touched_with)
{
	servant s;
	const timespec times[] = {{1, 0}, {2, 0}};

	ASSERT_EQ(0, link(s.fd(), "n"));
	s.exit_and_reap(9);

	const struct stat before = stat_of(at("n"));

	EXPECT_EQ(0, utimensat(AT_FDCWD, at("n").c_str(), times, 0));
	EXPECT_EQ(in_ns(before.st_mtim), in_ns(stat_of(at("n")).st_mtim));
}

TEST_F(fs_name, opened_only_as_a_path_reads_and_signals_nothing)
{
	servant s;
	char byte;

	ASSERT_EQ(0, link(s.fd(), "n"));

	unique_fd path(must(open_path(at("n"), O_PATH)));

	EXPECT_EQ(-EBADF, or_errno(read(path, &byte, 1)));
	EXPECT_EQ(-EBADF, write_to(path, "TERM"));
	EXPECT_EQ(0, flink(path, dir, "m"));
	EXPECT_EQ(2u, stat_of(at("m")).st_nlink);
}

TEST_F(fs_name, is_no_program_and_takes_no_lease)
{
	char *const argv[] = {const_cast<char *>("n"), nullptr};
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chmod(at("n").c_str(), 0777));
	EXPECT_EQ(-EACCES, or_errno(execv(at("n").c_str(), argv)));

	unique_fd name(must(open_path(at("n"), O_RDONLY)));

	EXPECT_EQ(-EINVAL, or_errno(fcntl(name, F_SETLEASE, F_RDLCK)));
	/* A lock is no lease; who wants to agree on something may. */
	EXPECT_EQ(0, flock(name, LOCK_EX | LOCK_NB));
}

/* What is no regular file is no program anyway, but could still be mapped. */
TEST_F(fs_name, is_nothing_to_be_mapped_and_least_of_all_as_a_program)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	unique_fd name(must(open_path(at("n"), O_RDONLY)));
	auto map = [](int fd, int prot) {
		return mmap(nullptr, 4096, prot, MAP_PRIVATE, fd, 0) ==
				       MAP_FAILED ?
			       -errno :
			       0;
	};

	for (int fd : {int(name), s.fd()}) {
		EXPECT_EQ(-EPERM, map(fd, PROT_READ | PROT_EXEC));
		EXPECT_EQ(-ENODEV, map(fd, PROT_READ));
	}
}

TEST_F(fs_name, signals_with_the_rights_of_who_made_the_descriptor)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chmod(at("n").c_str(), 0666));
	EXPECT_EQ(-EPERM,
		  as(alice, [&] { return or_errno(kill(s.pid(), SIGUSR1)); }));
	EXPECT_EQ(5, as(alice, [&] { return echo_to(at("n"), "USR1"); }));
	EXPECT_EQ(SIGUSR1, s.next_signal());

	/* And not with those of who writes: root may, this name's maker not. */
	servant others(root);
	const std::string own = names_directory("own", 0755, alice);

	ASSERT_EQ(0, others.set_uids(alice.uid, alice.uid, 0));
	ASSERT_EQ(0, as(alice, [&] {
			  unique_fd fd(must(open_process(others.pid())));
			  unique_fd to(must(open_path(own, O_PATH)));

			  return flink(fd, to, "n");
		  }));
	EXPECT_EQ(5, echo_to(own + "/n", "USR1"));
	EXPECT_EQ(SIGUSR1, others.next_signal());
	ASSERT_EQ(0, others.set_uids(0, 0, 0));
	EXPECT_EQ(-EPERM, echo_to(own + "/n", "USR1"));
	EXPECT_EQ(0, kill(others.pid(), 0));
	EXPECT_TRUE(others.has_no_signal());
}

TEST_F(fs_name, linked_again_by_another_keeps_the_first_makers_rights)
{
	servant s;
	const std::string own = names_directory("own", 0755, alice);

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chown(at("n").c_str(), alice.uid, alice.gid));
	/* Now it is hers to link: by FLINK and by linkat(2). */
	ASSERT_EQ(0, as(alice, [&] {
			  unique_fd fd(must(open_path(at("n"), O_RDWR)));
			  unique_fd to(must(open_path(own, O_PATH)));

			  return flink(fd, to, "flinked") ?:
							    or_errno(::link(
								    at("n").c_str(),
								    (own + "/linked").c_str()));
		  }));
	EXPECT_EQ(5,
		  as(alice, [&] { return echo_to(own + "/flinked", "USR1"); }));
	EXPECT_EQ(SIGUSR1, s.next_signal());
	EXPECT_EQ(5,
		  as(alice, [&] { return echo_to(own + "/linked", "USR2"); }));
	EXPECT_EQ(SIGUSR2, s.next_signal());
}

TEST_F(fs_name, is_given_by_its_owner_only)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	ASSERT_EQ(0, chmod(at("n").c_str(), 0666));

	const std::string own = names_directory("own", 0755, alice);

	EXPECT_EQ(-EPERM, as(alice, [&] {
		unique_fd fd(must(open_path(at("n"), O_RDWR)));
		unique_fd to(must(open_path(own, O_PATH)));

		return flink(fd, to, "n");
	}));
	EXPECT_EQ(std::set<std::string>{}, names_in(own));
}

TEST_F(fs_name, wants_write_permission_for_its_directory)
{
	EXPECT_EQ(-EACCES, as(alice, [&] {
		unique_fd self(must(open_process(0)));

		return link(self, "n");
	}));
	EXPECT_EQ(-EACCES, as(alice, [&] {
		unique_fd self(must(open_process(0)));

		return link(self, "n", PROCFD_LINK_REPLACE);
	}));
	EXPECT_EQ(std::set<std::string>{}, names_in(names));
}

/* What it tells. */

TEST_F(fs_name, has_size_0_until_the_exit_and_then_that_of_the_record)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	EXPECT_EQ(0, stat_of(at("n")).st_size);
	s.exit(0);

	const std::string record = record_of(s.fd());

	EXPECT_EQ(off_t(record.size()), stat_of(at("n")).st_size);
	EXPECT_EQ(off_t(record.size()), stat_of(s.fd()).st_size);
	s.wait();
	EXPECT_EQ(off_t(record.size()), stat_of(at("n")).st_size);
	EXPECT_EQ(off_t(record.size()), lseek(s.fd(), 0, SEEK_END));
}

TEST_F(fs_name, was_changed_last_when_its_process_exited)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));
	next_tick();

	const auto before = std::int64_t(now_ns(CLOCK_REALTIME));

	EXPECT_GT(before, in_ns(stat_of(at("n")).st_mtim));
	s.exit(0);

	const auto after = std::int64_t(now_ns(CLOCK_REALTIME));
	const struct stat st = stat_of(at("n"));

	EXPECT_LE(before, in_ns(st.st_mtim));
	EXPECT_GE(after, in_ns(st.st_mtim));
	EXPECT_EQ(in_ns(st.st_mtim), in_ns(st.st_ctim));
	/* The clock of inodes lags behind that of the exit by a tick or two. */
	ASSERT_TRUE(eventually([&st] {
		return std::int64_t(now_ns(CLOCK_REALTIME_COARSE)) >
		       in_ns(st.st_ctim);
	}));
	/* A later change of the inode moves ctime alone. */
	ASSERT_EQ(0, chmod(at("n").c_str(), 0640));
	EXPECT_LT(in_ns(st.st_ctim), in_ns(stat_of(at("n")).st_ctim));
	EXPECT_EQ(in_ns(st.st_mtim), in_ns(stat_of(at("n")).st_mtim));
}

TEST_F(fs_name, has_an_inode_number_that_nothing_else_ever_had)
{
	constexpr int many = 500;
	std::set<ino_t> seen{stat_of(names).st_ino};

	for (int i = 0; i < many; i++) {
		unique_fd fd(must(open_process(0)));
		const std::string d = names_directory("d", 0755);

		EXPECT_NE(0u, stat_of(fd).st_ino);
		EXPECT_TRUE(seen.insert(stat_of(fd).st_ino).second);
		EXPECT_TRUE(seen.insert(stat_of(d).st_ino).second);
		ASSERT_EQ(0, rmdir(d.c_str()));
	}
}

TEST_F(fs_name, is_listed_with_its_number_and_as_a_fifo)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	DIR *d = opendir(names.c_str());
	bool found = false;

	ASSERT_NE(nullptr, d);
	while (const dirent *entry = readdir(d)) {
		if (strcmp(entry->d_name, "n"))
			continue;
		found = true;
		EXPECT_EQ(stat_of(s.fd()).st_ino, entry->d_ino);
		EXPECT_EQ(DT_FIFO, entry->d_type);
	}
	closedir(d);
	EXPECT_TRUE(found);
}

TEST_F(fs_name, shows_its_path_and_a_descriptor_without_one_does_not)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	unique_fd name(must(open_path(at("n"), O_RDONLY)));

	EXPECT_EQ(at("n"), link_of(name));
	EXPECT_EQ("procfd:[" + std::to_string(info_of(name).id) + "]",
		  link_of(s.fd()));
	ASSERT_EQ(0, rename(at("n").c_str(), at("m").c_str()));
	EXPECT_EQ(at("m"), link_of(name));
	ASSERT_EQ(0, unlink(at("m").c_str()));
	EXPECT_EQ(at("m") + " (deleted)", link_of(name));
}

TEST_F(fs_name, is_the_same_process_through_every_one_of_its_names)
{
	servant s, other;

	ASSERT_EQ(0, link(s.fd(), "a"));
	ASSERT_EQ(0, ::link(at("a").c_str(), at("b").c_str()));
	ASSERT_EQ(0, link(other.fd(), "c"));

	/* Another descriptor of the same process: another inode, the same id. */
	unique_fd opened(must(open_process(s.pid())));

	ASSERT_EQ(0, link(opened, "d"));

	auto id = [&](const char *name) {
		unique_fd fd(must(open_path(at(name), O_RDONLY)));

		return info_of(fd).id;
	};

	EXPECT_EQ(id("a"), id("b"));
	EXPECT_EQ(id("a"), id("d"));
	EXPECT_NE(id("a"), id("c"));
	EXPECT_NE(stat_of(at("a")).st_ino, stat_of(at("d")).st_ino);
}

/* How long it lives. */

TEST_F(fs_name, outlives_everybody_with_the_record)
{
	servant s;

	name_only(s, "n");
	EXPECT_EQ(W_EXITCODE(42, 0), s.exit_and_reap(42));
	EXPECT_EQ("exited 42", outcome_of(at("n")));

	/* For ever, for everyone, under every name, the same bytes. */
	unique_fd one(must(open_path(at("n"), O_RDONLY)));
	const std::string record = record_of(one);

	ASSERT_EQ(0, rename(at("n").c_str(), at("m").c_str()));
	unique_fd two(must(open_path(at("m"), O_RDONLY)));

	EXPECT_EQ(record, record_of(two));
	EXPECT_EQ(record, read_all(two));
	EXPECT_EQ(W_EXITCODE(42, 0), info_of(two).status);
	EXPECT_TRUE(info_of(two).attributes & PROCFD_ATTR_REAPED);
}

TEST_F(fs_name, made_after_the_exit_has_the_record_too)
{
	servant s;

	s.exit_and_reap(7);
	ASSERT_EQ(0, link(s.fd(), "n"));
	s.close_fd();
	EXPECT_EQ("exited 7", outcome_of(at("n")));
}

TEST_F(fs_name, with_a_waiting_reader_and_nothing_else_tells_it_of_the_exit)
{
	servant s;

	name_only(s, "n");

	child reader = start_without_descriptor(
		[&] { return outcome_of(at("n")) == "killed 9" ? 0 : 1; });

	ASSERT_TRUE(sleeps_in(reader.pid, reader.pid, SYS_pread64));
	ASSERT_EQ(5, echo_to(at("n"), "KILL"));
	EXPECT_EQ(0, reader.wait());
}

TEST_F(fs_name, removed_while_open_goes_on_serving_who_has_it_open)
{
	servant s;

	name_only(s, "n");

	unique_fd name(must(open_path(at("n"), O_RDWR)));

	ASSERT_EQ(0, unlink(at("n").c_str()));
	EXPECT_EQ(3, write_to(name, "HUP"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	s.exit_and_reap(8);
	EXPECT_EQ("exited 8", first_line(read_all(name)));
	EXPECT_EQ(0u, stat_of(name).st_nlink);
}

TEST_F(fs_name, in_a_moved_directory_goes_with_it)
{
	const std::string d = names_directory("d", 0755);
	servant s;
	unique_fd to(must(open_path(d, O_PATH)));

	ASSERT_EQ(0, flink(s.fd(), to, "n"));
	ASSERT_EQ(0, rename(d.c_str(), at("e").c_str()));
	s.exit(2);
	EXPECT_EQ("exited 2", outcome_of(at("e/n")));
}

} // namespace
