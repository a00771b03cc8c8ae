// SPDX-License-Identifier: GPL-2.0-only
/*
 * What flink cannot do, and what the answer is, where that is no row of the
 * tables in flink_errno_test.cpp: limits, arguments, the order of the checks.
 */
#include "flink_scene.h"

namespace {

TEST(flink_answers, what_linkat_says_to_a_descriptor_that_is_closed)
{
	scene s(kind::named);

	for (int fd : {987, -1, AT_FDCWD}) {
		EXPECT_ERROR(EBADF, flink(fd, s.dir, "a"));
		EXPECT_ERROR(EBADF, flink(fd, s.dir, "a", PROCFD_LINK_REPLACE));
	}
	EXPECT_ERROR(EBADF,
		     or_errno(linkat(987, "", s.dir, "a", AT_EMPTY_PATH)));
}

TEST(flink_answers, EPERM_for_special_files_of_another)
{
	scene s(kind::named);
	unique_fd d = s.directory("d", 0777);

	must(or_errno(mknodat(s.dir, "fifo", S_IFIFO | 0666, 0)));
	must(or_errno(symlinkat("x", s.dir, "symlink")));
	for (const char *name : {"fifo", "symlink"}) {
		unique_fd fd(must(or_errno(
			openat(s.dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC))));

		must(or_errno(fchownat(fd, "", bob, bob, AT_EMPTY_PATH)));
		s.uid = alice;
		EXPECT_ERROR(EPERM, ask(s, [&] { return flink(fd, d, "a"); }));
		EXPECT_ERROR(EPERM,
			     ask(s, [&] { return linkat_fd(fd, d, "a"); }));
	}
}

TEST(flink_answers, EPERM_for_a_directory)
{
	scene s(kind::named);
	unique_fd d = s.directory("d", 0755);

	EXPECT_ERROR(EPERM, flink(d, s.dir, "a"));
	EXPECT_ERROR(EPERM, linkat_fd(d, s.dir, "a"));
	EXPECT_ERROR(EPERM, flink(d, s.dir, "a", PROCFD_LINK_REPLACE));
}

TEST(flink_answers, EXDEV_for_what_has_no_mount_of_the_users)
{
	scene s(kind::named);
	unique_fd memory(int(syscall(SYS_memfd_create, "x", 1u)));
	int fds[2];

	must(or_errno(pipe2(fds, O_CLOEXEC)));
	unique_fd reader(fds[0]), writer(fds[1]);
	for (int fd : {int(memory), int(reader)}) {
		EXPECT_ERROR(EXDEV, flink(fd, s.dir, "a"));
		EXPECT_ERROR(EXDEV, linkat_fd(fd, s.dir, "a"));
		EXPECT_ERROR(EXDEV, flink(fd, s.dir, "a", PROCFD_LINK_REPLACE));
	}
}

TEST(flink_answers, nothing_to_another_who_may_read_and_write)
{
	scene s(kind::named);
	unique_fd d = s.directory("d", 0777);

	s.make_source(0666, bob);
	s.uid = alice;
	EXPECT_OK(ask(s, [&] { return flink(s.source, d, "a"); }));
	EXPECT_OK(ask(s, [&] { return linkat_fd(s.source, d, "b"); }));
}

/* Unlike linkat(2), which minds fs.protected_hardlinks. */
TEST(flink_answers, EPERM_for_a_source_of_another_whatever_the_sysctl_says)
{
	scene s(kind::named);
	unique_fd d = s.directory("d", 0777);
	const std::string setting = "fs.protected_hardlinks=";

	s.make_source(0644, bob);
	s.uid = alice;
	must(-run("sysctl -q -w " + setting + "0"));
	EXPECT_ERROR(EPERM, ask(s, [&] { return flink(s.source, d, "a"); }));
	EXPECT_OK(ask(s, [&] { return linkat_fd(s.source, d, "b"); }));
	must(-run("sysctl -q -w " + setting + "1"));
	EXPECT_ERROR(EPERM, ask(s, [&] {
			     return flink(s.source, d, "a",
					  PROCFD_LINK_REPLACE);
		     }));
}

/* 65000 on ext4, of which most are only said to be there. */
TEST(flink_answers, EMLINK_when_no_more_links_are_possible)
{
	const std::string disk = ext4_disk();
	const auto set_links = [&](int n) {
		return run("debugfs -w -R 'set_inode_field full links_count " +
			   std::to_string(n) + "' " + disk + " 2>/dev/null");
	};

	{
		mounted fs("ext4", disk.c_str());

		make_file(fs.dir, "full", "new");
	}
	ASSERT_EQ(0, set_links(64999));
	{
		mounted fs("ext4", disk.c_str());
		unique_fd full(must(
			or_errno(openat(fs.dir, "full", O_RDWR | O_CLOEXEC))));

		make_file(fs.dir, "a", "old");
		EXPECT_OK(flink(full, fs.dir, "last"));
		EXPECT_EQ(65000U, stat_of(full).st_nlink);
		EXPECT_ERROR(EMLINK, flink(full, fs.dir, "b"));
		EXPECT_ERROR(EMLINK, linkat_fd(full, fs.dir, "b"));
		/* Where rename(2) needs none, one more is needed for a moment. */
		EXPECT_ERROR(EMLINK,
			     flink(full, fs.dir, "a", PROCFD_LINK_REPLACE));
		EXPECT_EQ("old", content_of(fs.dir, "a"));
		EXPECT_OK(or_errno(unlinkat(fs.dir, "a", 0)));
		EXPECT_OK(or_errno(unlinkat(fs.dir, "last", 0)));
	}
	ASSERT_EQ(0, set_links(1));
	mounted fs("ext4", disk.c_str());
	EXPECT_OK(or_errno(unlinkat(fs.dir, "full", 0)));
}

TEST(flink_answers, ENOSPC_when_the_directory_cannot_grow)
{
	scene s(kind::named);
	unique_fd d = s.directory("d", 0755);
	std::string block(1 << 20, 'x');
	int n = 0, ret = 0;

	s.make_source();
	victim(s);
	unique_fd unlinked = make_unlinked(s.twins, "new");
	unique_fd filler = make_file(s.dir, "filler");
	while (block.size() >= 512)
		if (write_to(filler, block) != ssize_t(block.size()))
			block.resize(block.size() / 2);
	filler.reset();
	for (; !ret; n++)
		ret = or_errno(linkat(
			s.twins, "twin", d,
			(std::string(200, 'x') + std::to_string(n)).c_str(),
			0));
	EXPECT_ERROR(ENOSPC, ret);
	const std::string name(255, 'y');
	EXPECT_ERROR(ENOSPC, linkat_fd(s.source, d, name.c_str()));
	EXPECT_ERROR(ENOSPC, flink(s.source, d, name.c_str()));
	EXPECT_ERROR(ENOSPC,
		     flink(s.source, d, name.c_str(), PROCFD_LINK_REPLACE));
	EXPECT_ERROR(ENOSPC, flink(unlinked, d, name.c_str()));
	/* There is room for a short hidden name in the other one. */
	EXPECT_OK(flink(unlinked, s.dir, "a", PROCFD_LINK_REPLACE));
}

TEST(flink_answers, ENOSPC_by_the_limit_of_a_tmpfs)
{
	mounted tmpfs("tmpfs", "tmpfs", "nr_inodes=3");
	unique_fd fd = make_file(tmpfs.dir, "a");
	unique_fd unlinked = make_unlinked(tmpfs.dir);

	EXPECT_ERROR(ENOSPC, flink(fd, tmpfs.dir, "b"));
	EXPECT_ERROR(ENOSPC, linkat_fd(fd, tmpfs.dir, "b"));
	/* It has its inode and needs no other. */
	EXPECT_OK(flink(unlinked, tmpfs.dir, "b"));
}

TEST(flink_answers, EINVAL_for_a_name_of_several_components)
{
	scene s(kind::named);

	s.make_source();
	s.directory("d", 0755);
	for (const char *name : {"d/a", "/a", "a/", "./a", "/"}) {
		EXPECT_ERROR(EINVAL, flink(s.source, s.dir, name));
		EXPECT_ERROR(EINVAL,
			     flink(s.source, s.dir, name, PROCFD_LINK_REPLACE));
	}
}

TEST(flink_answers, EINVAL_for_flags_that_do_not_exist_or_go_together)
{
	scene s(kind::named);
	child c = start_sleeper();

	s.make_source();
	for (unsigned int bit = 3; bit < 32; bit++)
		EXPECT_ERROR(EINVAL, flink(s.source, s.dir, "a", 1u << bit));
	EXPECT_ERROR(EINVAL,
		     flink(c.fd, s.dir, "a",
			   PROCFD_LINK_REPLACE | PROCFD_LINK_REPLACE_DEAD));
	EXPECT_ERROR(EINVAL,
		     flink(s.source, s.dir, "a", PROCFD_LINK_REPLACE_DEAD));
	EXPECT_FALSE(exists(s.dir, "a"));
}

TEST(flink_answers, EINVAL_for_a_reserved_field)
{
	scene s(kind::named);
	procfd_flink args{};

	s.make_source();
	args.fd = s.source;
	args.dirfd = s.dir;
	args.name = std::uint64_t(std::uintptr_t("a"));
	args.reserved = 1;
	EXPECT_ERROR(EINVAL, ioc(device(), PROCFD_IOC_FLINK, &args));
	args.reserved = 0;
	EXPECT_OK(ioc(device(), PROCFD_IOC_FLINK, &args));
}

TEST(flink_answers, EINVAL_E2BIG_and_EFAULT_for_the_struct)
{
	scene s(kind::named);
	struct {
		procfd_flink args;
		std::uint64_t tail;
	} longer{};
	const auto command = [](std::size_t size) {
		return _IOC(_IOC_WRITE, PROCFD_IOC_MAGIC, 0x04, size);
	};

	s.make_source();
	longer.args.fd = s.source;
	longer.args.dirfd = s.dir;
	longer.args.name = std::uint64_t(std::uintptr_t("a"));
	EXPECT_ERROR(EINVAL, ioc(device(), command(16), &longer));
	EXPECT_ERROR(EFAULT, ioc(device(), PROCFD_IOC_FLINK, nullptr));
	longer.tail = 1;
	EXPECT_ERROR(E2BIG, ioc(device(), command(sizeof(longer)), &longer));
	EXPECT_FALSE(exists(s.dir, "a"));
	longer.tail = 0;
	EXPECT_OK(ioc(device(), command(sizeof(longer)), &longer));
}

TEST(flink_answers, flags_first_then_the_name_then_the_descriptors)
{
	scene s(kind::named);

	EXPECT_ERROR(EINVAL, flink(-1, -1, nullptr, 1u << 31));
	EXPECT_ERROR(EFAULT, flink(-1, -1, nullptr));
	EXPECT_ERROR(ENOENT, flink(-1, -1, ""));
	EXPECT_ERROR(EBADF, flink(-1, s.dir, "a"));
}

TEST(flink_answers, EBADF_and_EINVAL_when_durable_cannot_be)
{
	scene s(kind::named);
	child c = start_sleeper();

	s.make_source();
	unique_fd path(must(reopen(s.source, O_PATH)));
	EXPECT_ERROR(EBADF, flink(path, s.dir, "a", PROCFD_LINK_DURABLE));
	EXPECT_ERROR(EBADF, or_errno(fsync(path)));
	must(or_errno(mknodat(s.dir, "fifo", S_IFIFO | 0644, 0)));
	unique_fd fifo(
		must(or_errno(openat(s.dir, "fifo", O_RDWR | O_CLOEXEC))));
	EXPECT_ERROR(EINVAL, flink(fifo, s.dir, "a", PROCFD_LINK_DURABLE));
	EXPECT_ERROR(EINVAL, or_errno(fsync(fifo)));
	EXPECT_ERROR(EINVAL, flink(c.fd, s.dir, "a", PROCFD_LINK_DURABLE));
	EXPECT_FALSE(exists(s.dir, "a"));
	unique_fd reader(must(reopen(s.source, O_RDONLY)));
	EXPECT_OK(flink(reader, s.dir, "a", PROCFD_LINK_DURABLE));
}

TEST(flink_answers, nothing_when_an_o_path_directory_is_to_be_durable)
{
	scene s(kind::unlinked);
	unique_fd path(must(reopen(s.dir, O_PATH)));

	s.make_source();
	EXPECT_OK(flink(s.source, path, "a", PROCFD_LINK_DURABLE));
	EXPECT_EQ("new", content_of(s.dir, "a"));
}

/* What is flushed at the end is opened at the beginning. */
TEST(flink_answers, EINVAL_when_the_directory_cannot_be_flushed)
{
	scene s(kind::named);
	unique_fd proc(must(
		or_errno(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));

	s.make_source();
	EXPECT_ERROR(EINVAL, or_errno(fsync(proc)));
	EXPECT_ERROR(EINVAL, flink(s.source, proc, "a", PROCFD_LINK_DURABLE));
	EXPECT_ERROR(ENOENT, linkat_fd(s.source, proc, "a"));
	EXPECT_ERROR(ENOENT, flink(s.source, proc, "a"));
}

TEST(flink_answers, EPERM_where_names_cannot_be_replaced)
{
	unique_fd proc(must(
		or_errno(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	unique_fd source(
		must(or_errno(openat(proc, "uptime", O_RDONLY | O_CLOEXEC))));

	EXPECT_ERROR(EPERM,
		     or_errno(renameat(proc, "uptime", proc, "version")));
	EXPECT_ERROR(EPERM,
		     flink(source, proc, "version", PROCFD_LINK_REPLACE));
}

/* Files that have names, and no way to give them others. */
TEST(flink_answers, EPERM_where_a_filesystem_has_no_links)
{
	NEEDS_FILESYSTEM("mqueue");
	mounted queues("mqueue", "mqueue");
	must(queues.error);
	const auto make = [&](const char *name) {
		return unique_fd(must(or_errno(
			openat(queues.dir, name,
			       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644))));
	};
	unique_fd source = make("twin"), old = make("old");

	EXPECT_ERROR(EPERM, linkat_fd(source, queues.dir, "a"));
	EXPECT_ERROR(EPERM, flink(source, queues.dir, "a"));
	EXPECT_ERROR(EPERM,
		     flink(source, queues.dir, "a", PROCFD_LINK_REPLACE));
	EXPECT_ERROR(EPERM,
		     or_errno(renameat(queues.dir, "twin", queues.dir, "old")));
	EXPECT_ERROR(EPERM,
		     flink(source, queues.dir, "old", PROCFD_LINK_REPLACE));
	EXPECT_TRUE(names(queues.dir, "old", old));
	remove_all(queues.dir);
}

/* As rename(2), which does not look at the directory when there is no need. */
TEST(flink_answers, nothing_to_anyone_who_replaces_a_file_by_itself)
{
	scene s(kind::named);

	s.make_source(0600, bob);
	must(or_errno(linkat(s.twins, "twin", s.dir, "a", 0)));
	s.uid = alice;
	EXPECT_OK(ask(s, [&] {
		return flink(s.source, s.dir, "a", PROCFD_LINK_REPLACE);
	}));
	EXPECT_OK(ask(s, [&] {
		return or_errno(renameat(s.twins, "twin", s.dir, "a"));
	}));
	EXPECT_EQ(2u, stat_of(s.source).st_nlink);
}

TEST(flink_answers, EEXIST_and_no_EACCES_when_durable_as_without)
{
	scene s(kind::named);
	unique_fd blind = s.directory("blind", 0333, alice);

	s.make_source(0644, alice);
	make_file(s.dir, "a", "old");
	EXPECT_ERROR(EEXIST, flink(s.source, s.dir, "a", PROCFD_LINK_DURABLE));
	EXPECT_EQ("old", content_of(s.dir, "a"));
	/* It is flushed without being read. */
	EXPECT_OK(as_user(alice, [&] {
		return flink(s.source, blind, "a", PROCFD_LINK_DURABLE);
	}));
}

/* The magic number of devtmpfs is that of tmpfs, and flink goes by both. */
TEST(flink_answers, EOPNOTSUPP_where_a_filesystem_is_another_by_name)
{
	unique_fd dev(must(
		or_errno(open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	unique_fd fd = make_unlinked(dev);

	EXPECT_ERROR(EOPNOTSUPP, flink(fd, dev, "procfd-test"));
	EXPECT_FALSE(exists(dev, "procfd-test"));
}

/* As linkat(2), which looks at the directory before the source's last name. */
TEST(flink_answers, EACCES_before_what_a_source_without_a_name_cannot_have)
{
	scene s(kind::tmpfile);
	unique_fd dev(must(
		or_errno(open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	const struct {
		int error, dirfd;
		unique_fd source;
	} rows[] = {
		{EPERM, s.dir, make_tmpfile(s.twins, "new", O_EXCL)},
		{EOPNOTSUPP, dev, make_unlinked(dev, "new")},
	};

	s.uid = alice;
	for (const auto &row : rows) {
		const auto flink_it = [&](const char *name, unsigned flags) {
			return flink(row.source, row.dirfd, name, flags);
		};

		must(or_errno(fchown(row.source, alice, alice)));
		make_file(row.dirfd, "procfd-test", "old");
		EXPECT_ERROR(EACCES, ask(s, [&] { return flink_it("a", 0); }));
		EXPECT_ERROR(EACCES, ask(s, [&] {
				     return linkat_fd(row.source, row.dirfd,
						      "a");
			     }));
		for (const char *name : {"a", "procfd-test"}) {
			EXPECT_ERROR(EACCES, ask(s, [&] {
					     return flink_it(
						     name, PROCFD_LINK_REPLACE);
				     }));
			EXPECT_ERROR(row.error,
				     flink_it(name, PROCFD_LINK_REPLACE));
		}
		EXPECT_EQ("old", content_of(row.dirfd, "procfd-test"));
		must(or_errno(unlinkat(row.dirfd, "procfd-test", 0)));
	}
}

/* What O_TMPFILE calls its files is # and the number of the inode. */
TEST(flink_answers, a_name_as_long_as_that_of_O_TMPFILE_is_another)
{
	scene s(kind::named);
	unique_fd fd = make_file(s.dir, "file");
	const std::string like = "#" + std::to_string(stat_of(fd).st_ino);
	const std::string other(like.size(), 'x');

	must(or_errno(renameat(s.dir, "file", s.dir, other.c_str())));
	must(or_errno(unlinkat(s.dir, other.c_str(), 0)));
	EXPECT_OK(flink(fd, s.dir, "a"));
	must(or_errno(renameat(s.dir, "a", s.dir, like.c_str())));
	unique_fd again(must(
		or_errno(openat(s.dir, like.c_str(), O_RDWR | O_CLOEXEC))));
	must(or_errno(unlinkat(s.dir, like.c_str(), 0)));
	EXPECT_ERROR(EPERM, flink(again, s.dir, "a"));
}

} // namespace
