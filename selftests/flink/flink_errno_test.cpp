// SPDX-License-Identifier: GPL-2.0-only
/*
 * What cannot be done, and what the answer is: each row of the tables is put
 * before flink and before the system call that would be used in its place, and
 * both must say the same.
 */
#include "flink_scene.h"

namespace {

struct row {
	const char *name;
	int error;
	std::function<void(scene &)> prepare;
	bool half_way = false; /* known only when the hidden name is there */
};

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
	 },
	 true},
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
	{"file_of_another_in_sticky_directory_EPERM", EPERM,
	 [](scene &s) {
		 /* For rename(2) the source is in such a directory, too. */
		 must(or_errno(fchmod(s.twins, 01777)));
		 s.make_source(0666, bob);
		 s.keep = s.directory("d", 01777);
		 s.dirfd = s.keep;
		 unique_fd old = make_file(s.keep, "a", "old");
		 must(or_errno(fchown(old, alice, alice)));
		 s.uid = alice;
	 }},
	{"sticky_directory_beats_directory_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source(0644, alice);
		 s.keep = s.directory("d", 01777);
		 s.dirfd = s.keep;
		 make_directory(s.keep, "a", 0755, bob);
		 s.uid = alice;
	 }},
	{"append_only_directory_beats_directory_EPERM", EPERM,
	 [](scene &s) {
		 s.make_source();
		 s.keep = s.directory("d", 0755);
		 s.dirfd = s.keep;
		 make_directory(s.keep, "a", 0755);
		 s.set_flags(s.keep, FS_APPEND_FL);
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

/* The times of the source, the directory and the victim, as far as they exist. */
std::vector<std::string> times(const scene &s)
{
	std::vector<std::string> found;
	const auto add = [&](const struct stat &st) {
		for (const timespec &t : {st.st_mtim, st.st_ctim})
			found.push_back(std::to_string(t.tv_sec) + "." +
					std::to_string(t.tv_nsec));
	};
	struct stat st;

	for (int fd : {int(s.source), s.dir, s.dirfd})
		if (!fstat(fd, &st))
			add(st);
	if (!fstatat(s.dirfd, "a", &st, AT_SYMLINK_NOFOLLOW))
		add(st);
	return found;
}

/* Until what is changed from now on has another time. */
void let_the_clock_move()
{
	timespec from, now;

	clock_gettime(CLOCK_REALTIME_COARSE, &from);
	do
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	while (now.tv_sec == from.tv_sec && now.tv_nsec == from.tv_nsec);
}

class flink_like_linkat : public testing::TestWithParam<parameter> {};

TEST_P(flink_like_linkat, answers)
{
	const auto &[what, row] = GetParam();
	scene s(what);

	row.prepare(s);
	const std::vector<std::string> before = whole_tree(s);
	const std::vector<std::string> then = times(s);
	const nlink_t links = stat_of(s.source).st_nlink;
	let_the_clock_move();
	const int ours =
		ask(s, [&] { return flink(s.source, s.dirfd, s.name); });

	EXPECT_EQ(then, times(s));
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
	const std::vector<std::string> then = times(s);
	const nlink_t links = stat_of(s.source).st_nlink;
	let_the_clock_move();
	const int ours = ask(s, [&] {
		return flink(s.source, s.dirfd, s.name, PROCFD_LINK_REPLACE);
	});

	EXPECT_ERROR(row.error, ours);
	/* Not even a time is new, except where it is. */
	EXPECT_EQ(!row.half_way, then == times(s));
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

} // namespace
