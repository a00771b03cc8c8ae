// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cannot be done, and what the answer is: each row of the tables is put
 * before flink and before the system call that would be used in its place, and
 * both must say the same.
 */
#include <functional>
#include <optional>

#include "flink_common.h"

namespace {

/* What the source is: linkat(2) knows the first two, rename(2) the first. */
enum class kind { named, tmpfile, unlinked };

/* One ext4, made once and emptied by each test. */
class scene {
public:
	explicit scene(kind what)
		: fs("ext4", ext4_disk().c_str()), dir(fs.dir), what(what),
		  dirfd(fs.dir)
	{
		must(fs.error);
		twins = directory("twins", 0777);
	}
	~scene()
	{
		for (const auto &undo : undos)
			undo();
		source.reset();
		for (const std::string &name : list(dir)) {
			EXPECT_FALSE(name.starts_with(".flink")) << name;
			if (name == "lost+found")
				continue;
			EXPECT_EQ(0,
				  run("rm -rf '" + fs.path + "/" + name + "'"));
		}
	}

	unique_fd directory(const char *name, mode_t mode, uid_t owner = 0)
	{
		return make_directory(dir, name, mode, owner);
	}

	/* The source, and if it can have one a second name for rename(2). */
	void make_source(mode_t mode = 0644, uid_t owner = 0)
	{
		switch (what) {
		case kind::named:
			source = make_file(twins, "twin", "new");
			break;
		case kind::tmpfile:
			source = make_tmpfile(twins, "new");
			break;
		case kind::unlinked:
			source = make_unlinked(twins, "new");
			break;
		}
		must(or_errno(fchown(source, owner, owner)));
		must(or_errno(fchmod(source, mode)));
	}

	void set_flags(int fd, int flags)
	{
		must(change_flags(fd, flags));
		const int copy = must(or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
		undos.push_back([copy] {
			must(change_flags(copy, 0));
			close(copy);
		});
	}

	/* The same filesystem on another mount. */
	std::string bind(bool read_only = false)
	{
		bound.emplace(nullptr, fs.path.c_str(), "", MS_BIND);
		must(bound->error);
		if (read_only)
			must(or_errno(mount(
				nullptr, bound->path.c_str(), nullptr,
				MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr)));
		return bound->path;
	}

	/* Declared first, so the mounts go when nothing is open any more. */
	mounted fs;
	std::optional<mounted> bound, other;
	const int dir;
	const kind what;
	unique_fd source, twins, keep;
	std::vector<std::function<void()>> undos;

	/* The arguments of the calls. */
	int dirfd;
	const char *name = "a";
	uid_t uid = 0;
};

struct row {
	const char *name;
	int error;
	std::function<void(scene &)> prepare;
};

void victim(scene &s)
{
	make_file(s.dir, "a", "old");
}

/* Situations in which neither a link nor a replacement can be made. */
const std::vector<row> both = {
	{"another_filesystem_EXDEV", EXDEV,
	 [](scene &s) {
		 s.make_source();
		 s.other.emplace("tmpfs", "tmpfs");
		 s.dirfd = s.other->dir;
	 }},
	{"another_mount_EXDEV", EXDEV,
	 [](scene &s) {
		 s.make_source();
		 s.bind();
		 s.dirfd = s.bound->dir;
	 }},
	{"immutable_source_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 s.set_flags(s.source, FS_IMMUTABLE_FL);
	 }},
	{"append_only_source_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 s.set_flags(s.source, FS_APPEND_FL);
	 }},
	{"immutable_directory_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 s.keep = s.directory("d", 0777);
		 s.dirfd = s.keep;
		 s.set_flags(s.keep, FS_IMMUTABLE_FL);
	 }},
	{"directory_not_writable_EACCES", EACCES,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 s.uid = alice;
	 }},
	{"directory_not_searchable_EACCES", EACCES,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 s.uid = alice;
		 s.keep = s.directory("d", 0666);
		 s.dirfd = s.keep;
	 }},
	{"read_only_mount_EROFS", EROFS,
	 [](scene &s) {
		 s.make_source();
		 if (s.what != kind::named) {
			 /* It cannot be opened through another mount. */
			 s.source.reset(must(reopen(s.source, O_RDONLY)));
			 must(or_errno(mount(
				 nullptr, s.fs.path.c_str(), nullptr,
				 MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr)));
			 s.undos.push_back([path = s.fs.path] {
				 must(or_errno(
					 mount(nullptr, path.c_str(), nullptr,
					       MS_REMOUNT | MS_BIND, nullptr)));
			 });
			 return;
		 }
		 s.bind(true);
		 s.twins.reset(must(or_errno(
			 openat(s.bound->dir, "twins", O_RDONLY | O_CLOEXEC))));
		 s.source.reset(must(or_errno(
			 openat(s.twins, "twin", O_RDONLY | O_CLOEXEC))));
		 s.dirfd = s.bound->dir;
	 }},
	{"no_directory_ENOTDIR", ENOTDIR,
	 [](scene &s) {
		 s.make_source();
		 s.keep = make_file(s.dir, "file");
		 s.dirfd = s.keep;
	 }},
	{"removed_directory_ENOENT", ENOENT,
	 [](scene &s) {
		 s.make_source();
		 s.keep = s.directory("d", 0755);
		 s.dirfd = s.keep;
		 must(or_errno(unlinkat(s.dir, "d", AT_REMOVEDIR)));
	 }},
	{"empty_name_ENOENT", ENOENT,
	 [](scene &s) {
		 s.make_source();
		 s.name = "";
	 }},
	{"name_of_256_bytes_ENAMETOOLONG", ENAMETOOLONG,
	 [](scene &s) {
		 static const std::string name(256, 'a');

		 s.make_source();
		 s.name = name.c_str();
	 }},
	{"name_of_a_page_ENAMETOOLONG", ENAMETOOLONG,
	 [](scene &s) {
		 static const std::string name(5000, 'a');

		 s.make_source();
		 s.name = name.c_str();
	 }},
	{"name_at_a_bad_address_EFAULT", EFAULT,
	 [](scene &s) {
		 s.make_source();
		 s.name = reinterpret_cast<const char *>(8);
	 }},
	{"directory_descriptor_closed_EBADF", EBADF,
	 [](scene &s) {
		 s.make_source();
		 s.dirfd = 987;
	 }},
	{"directory_descriptor_negative_EBADF", EBADF,
	 [](scene &s) {
		 s.make_source();
		 s.dirfd = -1;
	 }},
};

const std::vector<row> links = {
	{"name_of_a_file_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source();
		 victim(s);
	 }},
	{"name_of_a_directory_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source();
		 s.directory("a", 0755);
	 }},
	{"name_of_a_dangling_symlink_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source();
		 must(or_errno(symlinkat("nowhere", s.dir, "a")));
	 }},
	{"existing_name_beats_read_only_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source();
		 victim(s);
		 s.bind(true);
		 s.dirfd = s.bound->dir;
	 }},
	{"read_only_beats_another_mount_EROFS", EROFS,
	 [](scene &s) {
		 s.make_source();
		 s.bind(true);
		 s.dirfd = s.bound->dir;
	 }},
	{"dot_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source();
		 s.name = ".";
	 }},
	{"dot_dot_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source();
		 s.name = "..";
	 }},
	{"source_of_another_not_writable_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source(0644, bob);
		 s.keep = s.directory("d", 0777);
		 s.dirfd = s.keep;
		 s.uid = alice;
	 }},
	{"existing_name_beats_not_writable_EEXIST", EEXIST,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 victim(s);
		 s.uid = alice;
	 }},
	{"source_of_another_beats_not_writable_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source(0644, bob);
		 s.uid = alice;
	 }},
	{"source_of_another_set_uid_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source(04777, bob);
		 s.keep = s.directory("d", 0777);
		 s.dirfd = s.keep;
		 s.uid = alice;
	 }},
	{"source_of_another_set_gid_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source(02777, bob);
		 s.keep = s.directory("d", 0777);
		 s.dirfd = s.keep;
		 s.uid = alice;
	 }},
};

const std::vector<row> replacements = {
	{"name_of_a_directory_EISDIR", EISDIR,
	 [](scene &s) {
		 s.make_source();
		 s.directory("a", 0755);
	 }},
	{"not_writable_beats_directory_EACCES", EACCES,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 s.directory("a", 0755);
		 s.uid = alice;
	 }},
	{"mount_point_EBUSY", EBUSY,
	 [](scene &s) {
		 s.make_source();
		 victim(s);
		 make_file(s.dir, "b");
		 const std::string point = s.fs.path + "/a";
		 const std::string from = s.fs.path + "/b";

		 must(or_errno(mount(from.c_str(), point.c_str(), nullptr,
				     MS_BIND, nullptr)));
		 s.undos.push_back(
			 [point] { must(or_errno(umount(point.c_str()))); });
	 }},
	{"dot_EBUSY", EBUSY,
	 [](scene &s) {
		 s.make_source();
		 s.name = ".";
	 }},
	{"dot_dot_EBUSY", EBUSY,
	 [](scene &s) {
		 s.make_source();
		 s.name = "..";
	 }},
	{"another_mount_beats_read_only_EXDEV", EXDEV,
	 [](scene &s) {
		 s.make_source();
		 s.bind(true);
		 s.dirfd = s.bound->dir;
	 }},
	{"immutable_victim_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 unique_fd old = make_file(s.dir, "a", "old");
		 s.set_flags(old, FS_IMMUTABLE_FL);
	 }},
	{"append_only_victim_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 unique_fd old = make_file(s.dir, "a", "old");
		 s.set_flags(old, FS_APPEND_FL);
	 }},
	{"append_only_directory_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 s.keep = s.directory("d", 0755);
		 s.dirfd = s.keep;
		 make_file(s.keep, "a", "old");
		 s.set_flags(s.keep, FS_APPEND_FL);
	 }},
	{"victim_of_another_in_sticky_directory_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 s.keep = s.directory("d", 01777);
		 s.dirfd = s.keep;
		 unique_fd old = make_file(s.keep, "a", "old");
		 must(or_errno(fchown(old, bob, bob)));
		 s.uid = alice;
	 }},
	{"victim_at_directory_not_writable_EACCES", EACCES,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 victim(s);
		 s.uid = alice;
	 }},
	{"victim_at_read_only_mount_EROFS", EROFS,
	 [](scene &s) {
		 s.make_source();
		 victim(s);
		 if (s.what != kind::named)
			 return both[7].prepare(s);
		 s.bind(true);
		 s.twins.reset(must(or_errno(
			 openat(s.bound->dir, "twins", O_RDONLY | O_CLOEXEC))));
		 s.source.reset(must(or_errno(
			 openat(s.twins, "twin", O_RDONLY | O_CLOEXEC))));
		 s.dirfd = s.bound->dir;
	 }},
};

std::vector<row> operator+(std::vector<row> a, const std::vector<row> &b)
{
	a.insert(a.end(), b.begin(), b.end());
	return a;
}

const char *text(kind what)
{
	return what == kind::named   ? "named_" :
	       what == kind::tmpfile ? "tmpfile_" :
				       "unlinked_";
}

using parameter = std::tuple<kind, row>;

std::string test_name(const testing::TestParamInfo<parameter> &info)
{
	return text(std::get<0>(info.param)) +
	       std::string(std::get<1>(info.param).name);
}

/* The answer of a call, given as a user. */
template <typename F>
int ask(const scene &s, F call)
{
	return s.uid ? as_user(s.uid, call) : call();
}

std::vector<std::string> whole_tree(const scene &s)
{
	std::vector<std::string> names = list(s.dir);

	for (const std::string &name : names) {
		unique_fd sub(open((s.fs.path + "/" + name).c_str(),
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC));

		if (sub >= 0)
			for (const std::string &below : list(sub))
				names.push_back(name + "/" + below);
	}
	return names;
}

class flink_like_linkat : public testing::TestWithParam<parameter> {};

TEST_P(flink_like_linkat, answers)
{
	const auto &[what, row] = GetParam();
	scene s(what);

	row.prepare(s);
	const std::vector<std::string> before = whole_tree(s);
	const nlink_t links = stat_of(s.source).st_nlink;
	const int ours =
		ask(s, [&] { return flink(s.source, s.dirfd, s.name); });
	/* Which says ENOENT to whatever is unlinked, but not first of all. */
	const int theirs =
		ask(s, [&] { return linkat_fd(s.source, s.dirfd, s.name); });

	printf("# flink %s, linkat %s\n", name_of(ours).c_str(),
	       name_of(theirs).c_str());
	EXPECT_ERROR(row.error, ours);
	EXPECT_ERROR(row.error, theirs);
	EXPECT_EQ(links, stat_of(s.source).st_nlink);
	EXPECT_EQ(before, whole_tree(s));
}

INSTANTIATE_TEST_SUITE_P(, flink_like_linkat,
			 testing::Combine(testing::Values(kind::named,
							  kind::tmpfile,
							  kind::unlinked),
					  testing::ValuesIn(both + links)),
			 test_name);

class frename_like_rename : public testing::TestWithParam<parameter> {};

TEST_P(frename_like_rename, answers)
{
	const auto &[what, row] = GetParam();
	scene s(what);

	row.prepare(s);
	const std::vector<std::string> before = whole_tree(s);
	const nlink_t links = stat_of(s.source).st_nlink;
	const int ours = ask(s, [&] {
		return flink(s.source, s.dirfd, s.name, PROCFD_LINK_REPLACE);
	});

	EXPECT_ERROR(row.error, ours);
	EXPECT_EQ(links, stat_of(s.source).st_nlink);
	EXPECT_EQ(before, whole_tree(s));
	if (what == kind::named) {
		const int theirs = ask(s, [&] {
			return or_errno(
				renameat(s.twins, "twin", s.dirfd, s.name));
		});

		printf("# frename %s, rename %s\n", name_of(ours).c_str(),
		       name_of(theirs).c_str());
		EXPECT_ERROR(row.error, theirs);
	} else if (what == kind::tmpfile) {
		/* What could not be placed is still what it was. */
		EXPECT_EQ(0u, links);
		for (const auto &undo : s.undos)
			undo();
		s.undos.clear();
		EXPECT_OK(linkat_fd(s.source, s.dir, "afterwards"));
	}
}

INSTANTIATE_TEST_SUITE_P(
	, frename_like_rename,
	testing::Combine(testing::Values(kind::named, kind::tmpfile,
					 kind::unlinked),
			 testing::ValuesIn(both + replacements)),
	test_name);

/* What is no situation of one row. */

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
