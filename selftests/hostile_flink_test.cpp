// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user cannot name by flink what fs.protected_hardlinks forbids to
 * link, be it set or not, and not what has lost its name either.
 */
#include <sys/fsuid.h>

#include "flink_common.h"

namespace {

class hostile_flink : public testing::Test {
protected:
	static constexpr uid_t nobody = 65534;

	hostile_flink()
	{
		must(fs_.error);
		must(or_errno(setgroups(0, nullptr)));
		must(or_errno(fchmod(fs_.dir, 0755)));
		must(or_errno(mkdirat(fs_.dir, "mine", 0777)));
		mine_ = mounted::open_dir(fs_.path + "/mine");
		must(or_errno(fchown(mine_, nobody, nobody)));
	}

	~hostile_flink() override { protect("1"); }

	static void protect(const char *how)
	{
		unique_fd fd(must(or_errno(
			open("/proc/sys/fs/protected_hardlinks", O_WRONLY))));

		must(int(write_to(fd, how)));
	}

	/* As nobody, who has none of root's capabilities for files. */
	template <typename F>
	static int as_nobody(F body)
	{
		int ret;

		setfsgid(nobody);
		setfsuid(nobody);
		ret = body();
		setfsuid(0);
		setfsgid(0);
		return ret;
	}

	/* What link() says to root's file, for every mode and two groups. */
	template <typename F>
	std::vector<int> sweep(F link)
	{
		std::vector<int> answers;
		unique_fd source = make_file(fs_.dir, "source", "root's");

		for (gid_t group : {gid_t(0), gid_t(nobody)}) {
			must(or_errno(fchown(source, 0, group)));
			for (mode_t mode = 0; mode <= 07777; mode++) {
				must(or_errno(fchmod(source, mode)));
				answers.push_back(as_nobody(
					[&] { return link(source); }));
				unlinkat(mine_, "a", 0);
			}
		}
		unlinkat(fs_.dir, "source", 0);
		return answers;
	}

	mounted fs_{"tmpfs", "tmpfs"};
	unique_fd mine_;
};

TEST_F(hostile_flink, names_what_linkat_links_when_protected_whatever_the_mode)
{
	auto linkat_it = [&](int fd) { return linkat_fd(fd, mine_, "a"); };
	auto flink_it = [&](int fd) { return flink(fd, mine_, "a"); };
	auto frename_it = [&](int fd) {
		return flink(fd, mine_, "a", PROCFD_LINK_REPLACE);
	};

	protect("1");

	const std::vector<int> expected = sweep(linkat_it);

	EXPECT_NE(0, std::count(expected.begin(), expected.end(), 0));
	EXPECT_NE(0, std::count(expected.begin(), expected.end(), -EPERM));
	EXPECT_TRUE(expected == sweep(flink_it));
	EXPECT_TRUE(expected == sweep(frename_it));
	protect("0");
	EXPECT_EQ(0,
		  std::count_if(expected.begin(), expected.end(),
				[](int ret) { return ret && ret != -EPERM; }));
	EXPECT_TRUE(expected == sweep(flink_it));
	EXPECT_TRUE(expected == sweep(frename_it));
}

/* An old set-uid program that was replaced, say: it must not come back. */
TEST_F(hostile_flink, brings_back_no_program_that_was_removed)
{
	for (mode_t mode : {04755, 02755, 06711, 0644, 0600}) {
		unique_fd source = make_file(fs_.dir, "program", "old");

		must(or_errno(fchmod(source, mode)));

		unique_fd reading(must(reopen(source, O_RDONLY)));
		unique_fd path(must(reopen(source, O_PATH)));

		must(or_errno(unlinkat(fs_.dir, "program", 0)));
		for (std::uint32_t flags : {0U, PROCFD_LINK_REPLACE})
			for (int fd : {int(reading), int(path)})
				EXPECT_ERROR(EPERM, as_nobody([&] {
						     return flink(fd, mine_,
								  "a", flags);
					     }));
		EXPECT_EQ(0u, stat_of(source).st_nlink);
	}
	EXPECT_EQ(std::vector<std::string>{}, list(mine_));
}

/* What he may name, he may not put where he could not put it otherwise. */
TEST_F(hostile_flink, takes_no_place_that_rename_would_not_give_him)
{
	unique_fd own = make_file(mine_, "own", "nobody's");
	unique_fd sticky, roots;

	must(or_errno(fchown(own, nobody, nobody)));
	must(or_errno(mkdirat(fs_.dir, "sticky", 0700)));
	sticky = mounted::open_dir(fs_.path + "/sticky");
	must(or_errno(fchmod(sticky, 01777)));
	make_file(sticky, "roots", "root's");
	must(or_errno(mkdirat(fs_.dir, "roots", 0755)));
	roots = mounted::open_dir(fs_.path + "/roots");
	make_file(roots, "a", "root's");

	EXPECT_ERROR(EPERM, as_nobody([&] {
			     return flink(own, sticky, "roots",
					  PROCFD_LINK_REPLACE);
		     }));
	EXPECT_ERROR(EACCES, as_nobody([&] {
			     return flink(own, roots, "a", PROCFD_LINK_REPLACE);
		     }));
	EXPECT_ERROR(EACCES, as_nobody([&] { return flink(own, roots, "b"); }));
	EXPECT_EQ(std::vector<std::string>{"roots"}, list(sticky));
	EXPECT_EQ(std::vector<std::string>{"a"}, list(roots));
	EXPECT_EQ(1u, stat_of(own).st_nlink);
}

} // namespace
