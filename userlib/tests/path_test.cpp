// SPDX-License-Identifier: MIT
#include <climits>

#include "../src/internal.hpp"
#include "common.hpp"

using procfd::internal::link_target;
using procfd::internal::path_cut;

namespace {

struct cut_case {
	const char *path;
	const char *parent;
	const char *name;
	path_cut::end ends_in;
};

} // namespace

TEST(path, is_cut_before_its_last_component)
{
	using enum path_cut::end;
	const cut_case cases[] = {
		{"a", "", "a", name},	    {"a/b", "a/", "b", name},
		{"/a", "/", "a", name},	    {"/a/b", "/a/", "b", name},
		{"a//b", "a//", "b", name}, {"../a", "../", "a", name},
		{"...", "", "...", name},   {".a", "", ".a", name},
		{"a/", "", "a", slash},	    {"/a/b//", "/a/", "b", slash},
		{".", "", ".", dots},	    {"..", "", "..", dots},
		{"a/..", "a/", "..", dots}, {"a/./", "a/", ".", dots},
		{"/", "/", "", root},	    {"///", "///", "", root},
	};

	for (const auto &c : cases) {
		auto cut = path_cut::make(c.path);
		std::string path = c.path;

		ASSERT_OK(cut);
		EXPECT_EQ(c.parent, path.substr(0, cut->parent)) << path;
		EXPECT_EQ(c.name, path.substr(cut->parent, cut->name)) << path;
		EXPECT_EQ(c.ends_in, cut->ends_in) << path;
	}
}

TEST(path, has_a_length)
{
	EXPECT_ERROR(ENOENT, path_cut::make(""));
	EXPECT_ERROR(ENAMETOOLONG,
		     path_cut::make(std::string(PATH_MAX, 'a').c_str()));
	EXPECT_OK(path_cut::make(std::string(PATH_MAX - 1, 'a').c_str()));
}

TEST(path, that_is_one_component_needs_no_directory_opened)
{
	auto before = open_descriptors();
	auto target = link_target::resolve(42, "name", false);

	ASSERT_OK(target);
	EXPECT_EQ(42, target->dirfd());
	EXPECT_STREQ("name", target->name());
	EXPECT_EQ(before, open_descriptors());
}

TEST(path, is_relative_to_the_directory_given)
{
	scratch dir;
	procfd::unique_fd at(
		::open(dir.str().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

	ASSERT_EQ(0, ::mkdirat(at.get(), "sub", 0755));

	auto target = link_target::resolve(at.get(), "sub/name", false);
	struct stat here, there;

	ASSERT_OK(target);
	EXPECT_STREQ("name", target->name());
	ASSERT_EQ(0, ::fstat(target->dirfd(), &here));
	ASSERT_EQ(0, ::stat((dir / "sub").c_str(), &there));
	EXPECT_EQ(there.st_ino, here.st_ino);
}

// The system calls themselves are the specification of every odd path.
TEST(path, odd_ones_are_refused_as_linkat_and_rename_refuse_them)
{
	scratch dir;
	std::string file = dir / "file", there = dir / "there";
	const std::string paths[] = {
		"",
		"/",
		"//",
		".",
		"..",
		dir / ".",
		dir / "..",
		dir / "./",
		dir / "../",
		dir / "there/",
		dir / "absent/",
		dir / "sub/",
		dir / "missing/name",
		dir / "missing/name/",
		dir / "missing/.",
		dir / "there/name",
		dir / "there/name/",
		dir / std::string(NAME_MAX + 1, 'a').append("/").c_str(),
		std::string(PATH_MAX, 'a'),
	};

	for (const auto &path : {file, there})
		ASSERT_GE(procfd::unique_fd(::open(path.c_str(),
						   O_CREAT | O_CLOEXEC, 0600))
				  .get(),
			  0);
	ASSERT_EQ(0, ::mkdir((dir / "sub").c_str(), 0755));
	for (const auto &path : paths) {
		auto link = link_target::resolve(AT_FDCWD, path.c_str(), false);
		auto rename =
			link_target::resolve(AT_FDCWD, path.c_str(), true);

		ASSERT_EQ(-1, ::link(file.c_str(), path.c_str())) << path;
		EXPECT_EQ(errno, link.error().value()) << "link " << path;
		ASSERT_EQ(-1, ::rename(file.c_str(), path.c_str())) << path;
		// "/" may be on another mount, which rename(2) looks at first
		EXPECT_EQ(errno == EXDEV ? EBUSY : errno,
			  rename.error().value())
			<< "rename " << path;
	}
}

TEST(path, that_is_no_string_is_refused_by_everything_that_takes_one)
{
	using namespace std::string_literals;
	const std::string two = "/dev/null\0/f"s;

	for (procfd::path_arg path :
	     {procfd::path_arg(nullptr), procfd::path_arg(two),
	      procfd::path_arg(std::filesystem::path(two))}) {
		EXPECT_ERROR(EINVAL, path_cut::make(path.c_str()));
		EXPECT_ERROR(EINVAL, procfd::device::open(path));
		EXPECT_ERROR(EINVAL, procfd::process::from_name(path));
		EXPECT_ERROR(EINVAL, procfd::process::from_name_at(0, path));
		EXPECT_ERROR(EINVAL, procfd::open_anonymous(path));
		EXPECT_ERROR(EINVAL, procfd::replace_file(path, "new"));
		EXPECT_ERROR(EINVAL, procfd::replace_file_from(path, 0));
		EXPECT_ERROR(EINVAL, procfd::check_replaceable(path));
	}
	EXPECT_ERROR(EINVAL, procfd::spawn_detached(nullptr));
	EXPECT_ERROR(EINVAL, procfd::spawn({"true", nullptr, "x"}));
	EXPECT_ERROR(EINVAL, procfd::spawn_detached({nullptr}));
}
