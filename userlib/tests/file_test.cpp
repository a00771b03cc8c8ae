// SPDX-License-Identifier: MIT
#include <cstring>

#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <grp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "common.hpp"

using procfd::lost;

/// A success that has lost this and nothing else.
#define EXPECT_LOST(what, expression)                          \
	do {                                                   \
		auto &&done_ = (expression);                   \
		EXPECT_TRUE(done_) << done_.error().message(); \
		if (done_) {                                   \
			EXPECT_EQ(what, done_->lost);          \
		}                                              \
	} while (0)

/// Become this user, with its group and no other, for good.
inline void become(uid_t id)
{
	if (::setgroups(0, nullptr) || ::setresgid(id, id, id) ||
	    ::setresuid(id, id, id))
		::_exit(99);
}

class file : public with_module {
protected:
	/// Replace f as another user.
	/// \return  an errno; or what is lost, if so wanted
	int replace_as(
		uid_t id, lost *gone = nullptr, void (*before)() = [] {}) const
	{
		channel answer;
		auto c = child([&] {
			before();
			become(id);

			auto done = procfd::replace_file(dir / "f", "new");

			if (done)
				answer.send(
					static_cast<unsigned char>(done->lost));
			return done.error().value();
		});

		answer.close_writer();
		if (gone)
			*gone = static_cast<lost>(answer.receive());

		auto status = c.wait();

		EXPECT_TRUE(status && status->exited());
		return status ? status->exit_code().value_or(-1) : -1;
	}
	/// \return  a file of this content that has no name any more
	[[nodiscard]] procfd::unique_fd
	unlinked(std::string_view contents) const
	{
		std::string path = dir / "gone";
		procfd::unique_fd fd(::open(
			path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));

		EXPECT_EQ(static_cast<ssize_t>(contents.size()),
			  ::write(fd.get(), contents.data(), contents.size()));
		EXPECT_EQ(0, ::unlink(path.c_str()));
		return fd;
	}
	/// Make an ordinary file.
	void make(const char *name, std::string_view contents,
		  mode_t mode = 0644) const
	{
		auto fd = unlinked(contents);

		ASSERT_EQ(0, ::fchmod(fd.get(), mode));
		ASSERT_OK(procfd::flink(fd.get(), dir / name));
	}
	[[nodiscard]] mode_t mode_of(const char *name) const
	{
		struct stat st {};

		EXPECT_EQ(0, ::lstat((dir / name).c_str(), &st));
		return st.st_mode;
	}

	scratch dir;
};

TEST(anonymous, file_has_no_name_and_is_close_on_exec)
{
	scratch dir;
	auto fd = procfd::open_anonymous(dir.str());
	struct stat st;

	ASSERT_OK(fd);
	ASSERT_EQ(0, ::fstat(fd->get(), &st));
	EXPECT_EQ(0U, st.st_nlink);
	EXPECT_EQ(S_IFREG | 0600U, st.st_mode);
	EXPECT_EQ(0U, entries(dir.str()));
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(fd->get(), F_GETFD));
	EXPECT_EQ(5, ::pwrite(fd->get(), "hello", 5, 0));
}

TEST(anonymous, file_needs_a_directory)
{
	EXPECT_ERROR(ENOENT, procfd::open_anonymous("/nonexistent"));
	EXPECT_ERROR(ENOENT, procfd::open_anonymous(""));
	EXPECT_ERROR(ENOTDIR, procfd::open_anonymous("/proc/self/status"));
}

TEST(replacing, a_directory_that_is_not_there_fails_early)
{
	EXPECT_ERROR(ENOENT, procfd::replace_file("/nonexistent/f", "x"));
	EXPECT_ERROR(ENOENT, procfd::replace_file("", "x"));
}

// A filesystem that any kernel has and that knows no O_TMPFILE.
TEST_F(file, anonymous_also_where_there_is_no_o_tmpfile)
{
	ASSERT_EQ(0,
		  ::mount("mqueue", dir.str().c_str(), "mqueue", 0, nullptr));

	procfd::unique_fd tmpfile(::open(dir.str().c_str(),
					 O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));

	EXPECT_EQ(EOPNOTSUPP, errno);

	auto before = entries(dir.str());
	auto fd = procfd::open_anonymous(dir.str());
	struct stat st {};

	EXPECT_OK(fd);
	EXPECT_EQ(0, ::fstat(fd->get(), &st));
	EXPECT_EQ(0U, st.st_nlink);
	EXPECT_EQ(before, entries(dir.str()));
	*fd = {};
	EXPECT_EQ(0, ::umount(dir.str().c_str()));
}

TEST_F(file, flink_names_a_file_that_was_unlinked)
{
	auto fd = unlinked("hello");

	ASSERT_OK(procfd::flink(fd.get(), dir / "f"));
	EXPECT_EQ("hello", slurp(dir / "f"));
	EXPECT_ERROR(EEXIST, procfd::flink(fd.get(), dir / "f"));
	EXPECT_OK(procfd::flink(fd.get(), dir / "g"));
}

TEST_F(file, flink_is_relative_to_a_directory)
{
	auto fd = unlinked("hello");
	procfd::unique_fd at(::open(dir.str().c_str(), O_PATH | O_CLOEXEC));

	ASSERT_EQ(0, ::mkdirat(at.get(), "sub", 0755));
	EXPECT_OK(procfd::flink_at(fd.get(), at.get(), "f"));
	EXPECT_OK(procfd::frename_at(fd.get(), at.get(), "sub/f"));
	EXPECT_EQ("hello", slurp(dir / "sub/f"));
}

// The first number that is not open goes to the device, the next to a directory.
TEST_F(file, a_number_that_is_not_open_stays_what_it_is)
{
	auto fd = unlinked("hello");
	const int next = next_descriptor();

	ASSERT_EQ(0, ::mkdir((dir / "sub").c_str(), 0755));
	{
		auto dev = procfd::device::open();

		ASSERT_OK(dev);
		ASSERT_EQ(next, dev->native_handle());
		EXPECT_ERROR(EBADF, dev->link(next_descriptor(), AT_FDCWD,
					      dir / "sub/f",
					      procfd::link_flags::none));
	}
	EXPECT_ERROR(EBADF, procfd::flink(next, dir / "f"));
	EXPECT_ERROR(EBADF, procfd::flink(next + 1, dir / "sub/f"));
	EXPECT_ERROR(EBADF, procfd::flink_at(fd.get(), next, "f"));
	EXPECT_ERROR(EBADF, procfd::frename_at(fd.get(), next, "f"));
	EXPECT_OK(procfd::flink_at(fd.get(), next, dir / "f"));

	auto c = child(stay);

	EXPECT_ERROR(EBADF, c.link_at(next_descriptor(), "f"));
	ASSERT_OK(c.signal(SIGKILL));
}

TEST_F(file, a_name_that_is_no_string_is_refused)
{
	using namespace std::string_literals;
	const std::string two = dir / "f" + "\0g"s;
	auto fd = unlinked("hello");
	auto self = procfd::process::self();

	ASSERT_OK(self);
	for (procfd::path_arg path :
	     {procfd::path_arg(nullptr), procfd::path_arg(two)}) {
		EXPECT_ERROR(EINVAL, procfd::flink(fd.get(), path));
		EXPECT_ERROR(EINVAL, procfd::frename(fd.get(), path));
		EXPECT_ERROR(EINVAL, self->link(path));
		EXPECT_ERROR(EINVAL, self->replace(path));
	}
	EXPECT_EQ(0U, entries(dir.str()));
}

TEST_F(file, frename_replaces)
{
	make("f", "old");
	for (auto keep : {procfd::durability::relaxed, procfd::durable}) {
		auto fd = unlinked("new");

		ASSERT_OK(procfd::frename(fd.get(), dir / "f", keep));
		EXPECT_EQ("new", slurp(dir / "f"));
	}
	EXPECT_EQ(1U, entries(dir.str()));
}

TEST_F(file, frename_answers_as_rename_does)
{
	auto fd = unlinked("new");

	ASSERT_EQ(0, ::mkdir((dir / "sub").c_str(), 0755));
	EXPECT_ERROR(EISDIR, procfd::frename(fd.get(), dir / "sub"));
	EXPECT_ERROR(ENOTDIR, procfd::frename(fd.get(), dir / "f/"));
	EXPECT_ERROR(EBUSY, procfd::frename(fd.get(), dir / "."));
	EXPECT_ERROR(EXDEV, procfd::frename(fd.get(), "/dev/procfd-f"));
	EXPECT_ERROR(EBADF, procfd::frename(-1, dir / "f"));
	EXPECT_ERROR(EBADF, procfd::frename(next_descriptor(), dir / "f"));
	EXPECT_EQ(1U, entries(dir.str()));
}

TEST_F(file, replace_file_makes_and_replaces)
{
	ASSERT_OK(procfd::replace_file(dir / "f", "one"));
	EXPECT_EQ("one", slurp(dir / "f"));
	ASSERT_OK(procfd::replace_file(dir / "f", "two",
				       {.keep = procfd::durable}));
	EXPECT_EQ("two", slurp(dir / "f"));
	ASSERT_OK(procfd::replace_file(dir / "f", ""));
	EXPECT_EQ("", slurp(dir / "f"));
	EXPECT_EQ(1U, entries(dir.str()));
}

TEST_F(file, replace_file_is_relative_to_a_directory)
{
	procfd::unique_fd at(::open(dir.str().c_str(), O_PATH | O_CLOEXEC));

	ASSERT_OK(procfd::replace_file_at(at.get(), "f", "one"));
	EXPECT_EQ("one", slurp(dir / "f"));
}

TEST_F(file, replace_file_takes_the_mode_from_umask_argument_or_old_file)
{
	mode_t before = ::umask(027);

	ASSERT_OK(procfd::replace_file(dir / "f", "x"));
	EXPECT_EQ(S_IFREG | 0640U, mode_of("f"));
	ASSERT_OK(procfd::replace_file(dir / "f", "x", {.mode = 0604}));
	EXPECT_EQ(S_IFREG | 0604U, mode_of("f"));
	ASSERT_OK(procfd::replace_file(dir / "f", "x"));
	EXPECT_EQ(S_IFREG | 0604U, mode_of("f"));
	::umask(before);
}

TEST_F(file, replace_file_keeps_the_owner_and_no_set_id_bit)
{
	struct stat st;

	make("f", "old");
	ASSERT_EQ(0, ::chown((dir / "f").c_str(), 1000, 2000));
	ASSERT_EQ(0, ::chmod((dir / "f").c_str(), 06750));
	EXPECT_LOST(lost::set_id, procfd::replace_file(dir / "f", "new"));
	ASSERT_EQ(0, ::stat((dir / "f").c_str(), &st));
	EXPECT_EQ(1000U, st.st_uid);
	EXPECT_EQ(2000U, st.st_gid);
	EXPECT_EQ(S_IFREG | 0750U, st.st_mode);
	EXPECT_LOST(lost::nothing, procfd::replace_file(dir / "f", "new"));
	EXPECT_LOST(lost::nothing,
		    procfd::replace_file(dir / "f", "new", {.mode = 0640}));
}

TEST_F(file, replace_file_gives_a_group_that_it_cannot_keep_nothing)
{
	struct {
		mode_t old;
		mode_t expected;
	} cases[] = {
		{0664, 0604},
		{0604, 0600}, // its members may not become others who may read
		{0647, 0604},
	};

	ASSERT_EQ(0, ::chmod(dir.str().c_str(), 0777));
	for (auto [old, expected] : cases) {
		std::filesystem::remove(dir / "f");
		make("f", "old", old);
		ASSERT_EQ(0, ::chown((dir / "f").c_str(), 0, 2000));

		lost gone;
		struct stat st;

		ASSERT_EQ(0, replace_as(1000, &gone));
		EXPECT_EQ(lost::owner | lost::group, gone);
		ASSERT_EQ(0, ::stat((dir / "f").c_str(), &st));
		EXPECT_EQ(1000U, st.st_uid);
		EXPECT_EQ(1000U, st.st_gid);
		EXPECT_EQ(S_IFREG | expected, st.st_mode);
	}
}

/// Who may do what, as extended attributes have it.
class access_control_list {
public:
	/// For the owner, user 1000, the group, all named ones and the others.
	access_control_list(int owner, int user_1000, int group, int mask,
			    int others)
		: header_{POSIX_ACL_XATTR_VERSION},
		  entries_{entry(ACL_USER_OBJ, owner),
			   entry(ACL_USER, user_1000, 1000),
			   entry(ACL_GROUP_OBJ, group), entry(ACL_MASK, mask),
			   entry(ACL_OTHER, others)}
	{
	}
	/// \return  0 or an errno
	[[nodiscard]] int set(const std::string &path, const char *kind) const
	{
		return ::setxattr(path.c_str(), kind, this, sizeof(*this), 0) ?
			       errno :
			       0;
	}
	[[nodiscard]] std::string bytes() const
	{
		return {reinterpret_cast<const char *>(this), sizeof(*this)};
	}

private:
	static posix_acl_xattr_entry entry(int tag, int may, int id = -1)
	{
		return {static_cast<__le16>(tag), static_cast<__le16>(may),
			static_cast<__le32>(id)};
	}

	posix_acl_xattr_header header_;
	posix_acl_xattr_entry entries_[5];
};

constexpr const char *access_list = "system.posix_acl_access";
constexpr const char *default_list = "system.posix_acl_default";

/// \return  the list of a file as bytes; empty if it has none
std::string list_of(const std::string &path)
{
	char bytes[256];
	ssize_t n = ::getxattr(path.c_str(), access_list, bytes, sizeof(bytes));

	EXPECT_TRUE(n >= 0 || errno == ENODATA) << std::strerror(errno);
	return {bytes, n < 0 ? 0 : static_cast<std::size_t>(n)};
}

/// What needs a filesystem with access control lists.
class file_with_list : public file {
protected:
	void SetUp() override
	{
		file::SetUp();
		if (IsSkipped())
			return;
		ASSERT_EQ(0, ::chmod(dir.str().c_str(), 0777));
		make("f", "old", 0640);
		if (old.set(dir / "f", access_list) == EOPNOTSUPP)
			GTEST_SKIP() << "no access control lists here";
	}

	const access_control_list old{6, 4, 0, 6, 0};
};

TEST_F(file_with_list, replace_file_keeps_it)
{
	ASSERT_EQ(old.bytes(), list_of(dir / "f"));
	ASSERT_OK(procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("new", slurp(dir / "f"));
	EXPECT_EQ(old.bytes(), list_of(dir / "f"));
	EXPECT_EQ(S_IFREG | 0660U, mode_of("f"));
	ASSERT_OK(procfd::replace_file(dir / "f", "new", {.mode = 0640}));
	EXPECT_EQ("", list_of(dir / "f"));
	EXPECT_EQ(S_IFREG | 0640U, mode_of("f"));
}

TEST_F(file_with_list, replace_file_adds_nobody_by_the_default_list)
{
	const access_control_list all{7, 7, 7, 7, 7};

	make("plain", "old", 0640);
	ASSERT_EQ(0, all.set(dir.str(), default_list));
	ASSERT_OK(procfd::replace_file(dir / "plain", "new"));
	EXPECT_EQ("", list_of(dir / "plain"));
	EXPECT_EQ(S_IFREG | 0640U, mode_of("plain"));
	ASSERT_OK(procfd::replace_file(dir / "new", "new", {.mode = 0640}));
	EXPECT_EQ("", list_of(dir / "new"));
	EXPECT_EQ(S_IFREG | 0640U, mode_of("new"));
	// One that replaces nothing and is told nothing is as any new file
	ASSERT_OK(procfd::replace_file(dir / "any", "new"));
	EXPECT_NE("", list_of(dir / "any"));
	EXPECT_EQ(S_IFREG | 0666U, mode_of("any"));
}

TEST_F(file_with_list, replace_file_leaves_the_owner_alone_without_the_group)
{
	// User 1000 is to have less than the others
	const access_control_list less{6, 0, 4, 4, 4};

	ASSERT_EQ(0, less.set(dir / "f", access_list));
	ASSERT_EQ(0, ::chown((dir / "f").c_str(), 0, 2000));

	lost gone;

	ASSERT_EQ(0, replace_as(1001, &gone));
	EXPECT_EQ(lost::owner | lost::group | lost::access_list, gone);
	EXPECT_EQ("", list_of(dir / "f"));
	EXPECT_EQ(S_IFREG | 0600U, mode_of("f"));
}

/// From now on there is no /proc for this process.
void without_proc()
{
	if (::unshare(CLONE_NEWNS) ||
	    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
	    ::umount2("/proc", MNT_DETACH))
		::_exit(99);
}

TEST_F(file_with_list, replace_file_keeps_it_where_there_is_no_proc)
{
	auto c = child([&] {
		without_proc();
		return procfd::replace_file(dir / "f", "new").error().value();
	});

	ASSERT_EQ("exited 0", c.wait()->str());
	EXPECT_EQ("new", slurp(dir / "f"));
	EXPECT_EQ(old.bytes(), list_of(dir / "f"));
	EXPECT_EQ(S_IFREG | 0660U, mode_of("f"));
}

// User 1000 may open the file, user 1001 of the group may not.
TEST_F(file_with_list, replace_file_refuses_where_it_cannot_read_it)
{
	lost gone;

	ASSERT_EQ(0, ::chown((dir / "f").c_str(), 0, 1001));
	EXPECT_EQ(EACCES, replace_as(1001, nullptr, without_proc));
	EXPECT_EQ("old", slurp(dir / "f"));
	EXPECT_EQ(old.bytes(), list_of(dir / "f"));
	EXPECT_EQ(0, replace_as(1001, &gone));
	EXPECT_EQ(lost::owner, gone);
	EXPECT_EQ(old.bytes(), list_of(dir / "f"));
	ASSERT_EQ(0, ::chown((dir / "f").c_str(), 0, 1000));
	EXPECT_EQ(0, replace_as(1000, &gone, without_proc));
	EXPECT_EQ(lost::owner, gone);
	EXPECT_EQ(old.bytes(), list_of(dir / "f"));
}

/// What needs a filesystem with extended attributes.
class file_with_attributes : public file {
protected:
	void SetUp() override
	{
		file::SetUp();
		if (IsSkipped())
			return;
		ASSERT_EQ(0, ::chmod(dir.str().c_str(), 0777));
		make("f", "old", 0666);
		if (set("trusted.test", "of the old") == EOPNOTSUPP)
			GTEST_SKIP() << "no extended attributes here";
	}
	/// \return  0 or an errno
	[[nodiscard]] int set(const char *name, std::string_view value) const
	{
		return ::setxattr((dir / "f").c_str(), name, value.data(),
				  value.size(), 0) ?
			       errno :
			       0;
	}
	/// \return  empty if there is none
	[[nodiscard]] std::string get(const char *name) const
	{
		char bytes[65536];
		ssize_t n = ::getxattr((dir / "f").c_str(), name, bytes,
				       sizeof(bytes));

		EXPECT_TRUE(n >= 0 || errno == ENODATA) << std::strerror(errno);
		return {bytes, n < 0 ? 0 : static_cast<std::size_t>(n)};
	}
};

TEST_F(file_with_attributes, replace_file_leaves_what_is_trusted)
{
	EXPECT_LOST(lost::trusted_attributes,
		    procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("", get("trusted.test"));
	EXPECT_LOST(lost::nothing, procfd::replace_file(dir / "f", "new"));
}

TEST_F(file_with_attributes, replace_file_gives_nobody_a_capability)
{
	vfs_cap_data power{};

	power.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
	power.data[0].permitted = 1U << CAP_KILL;
	ASSERT_EQ(0, set("security.capability",
			 {reinterpret_cast<const char *>(&power),
			  XATTR_CAPS_SZ_2}));
	EXPECT_LOST(lost::trusted_attributes | lost::capability,
		    procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("", get("security.capability"));
}

TEST_F(file_with_attributes, replace_file_leaves_the_digest_of_the_old)
{
	// A SHA-256, in the kernel's numbers
	std::string digest = std::string("\4\4") + std::string(32, 'x');

	ASSERT_EQ(0, set("security.ima", digest));
	EXPECT_LOST(lost::trusted_attributes | lost::integrity,
		    procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("", get("security.ima"));
}

TEST_F(file_with_attributes, replace_file_keeps_a_label_or_refuses)
{
	const std::string much(5000, 'x');

	ASSERT_EQ(0, set("security.test", much));
	EXPECT_LOST(lost::trusted_attributes,
		    procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ(much, get("security.test"));
	ASSERT_EQ(0, set("security.test", "secret"));
	ASSERT_EQ(0, ::truncate((dir / "f").c_str(), 0));

	// With some kernels' BPF anyone may set one
	int error = replace_as(1000);

	EXPECT_TRUE(error == 0 || error == EPERM) << error;
	EXPECT_EQ(error ? "" : "new", slurp(dir / "f"));
	EXPECT_EQ("secret", get("security.test"));
	// Who says a mode wants none of that
	EXPECT_LOST(lost::nothing,
		    procfd::replace_file(dir / "f", "newer", {.mode = 0600}));
	EXPECT_EQ("", get("security.test"));
}

class file_with_user_attributes : public file_with_attributes {
protected:
	void SetUp() override
	{
		file_with_attributes::SetUp();
		if (IsSkipped())
			return;
		if (set("user.test", "mine") == EOPNOTSUPP)
			GTEST_SKIP() << "no attributes of users here";
		ASSERT_EQ(0,
			  ::removexattr((dir / "f").c_str(), "trusted.test"));
	}
};

TEST_F(file_with_user_attributes, replace_file_keeps_them)
{
	ASSERT_EQ(0, set("user.empty", ""));
	ASSERT_EQ(0, ::chmod((dir / "f").c_str(), 0444));
	EXPECT_LOST(lost::nothing, procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("mine", get("user.test"));
	EXPECT_EQ(0, ::getxattr((dir / "f").c_str(), "user.empty", nullptr, 0));

	lost gone;

	EXPECT_EQ(0, replace_as(1000, &gone));
	EXPECT_EQ(lost::owner | lost::group, gone);
	EXPECT_EQ("mine", get("user.test"));
}

TEST_F(file_with_user_attributes, replace_file_leaves_those_of_overlayfs)
{
	ASSERT_EQ(0, set("user.overlay.opaque", "y"));
	EXPECT_LOST(lost::trusted_attributes,
		    procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("", get("user.overlay.opaque"));
	EXPECT_EQ("mine", get("user.test"));
}

TEST_F(file, replace_file_replaces_a_symlink_and_leaves_its_target)
{
	make("target", "old");
	ASSERT_EQ(0, ::symlink("target", (dir / "f").c_str()));
	ASSERT_OK(procfd::replace_file(dir / "f", "new"));
	EXPECT_EQ("new", slurp(dir / "f"));
	EXPECT_EQ("old", slurp(dir / "target"));
	EXPECT_TRUE(S_ISREG(mode_of("f")));
}

TEST_F(file, replace_file_that_fails_leaves_all_as_it_was)
{
	ASSERT_EQ(0, ::mkdir((dir / "f").c_str(), 0755));
	EXPECT_ERROR(EISDIR, procfd::replace_file(dir / "f", "new"));
	EXPECT_TRUE(S_ISDIR(mode_of("f")));
	make("g", "old");

	procfd::unique_fd unreadable(
		::open(dir.str().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	EXPECT_ERROR(EISDIR,
		     procfd::replace_file_from(dir / "g", unreadable.get()));
	EXPECT_ERROR(EBADF, procfd::replace_file_from_at(unreadable.get(), "g",
							 next_descriptor()));
	EXPECT_EQ("old", slurp(dir / "g"));
	EXPECT_EQ(2U, entries(dir.str()));
}

/// Put something that is no file at `path`.
int make_socket(const char *path)
{
	return ::mknod(path, S_IFSOCK | 0600, 0);
}
int make_fifo(const char *path)
{
	return ::mkfifo(path, 0600);
}
int make_device(const char *path)
{
	return ::mknod(path, S_IFCHR | 0600, makedev(1, 3));
}
int make_disk(const char *path)
{
	return ::mknod(path, S_IFBLK | 0600, makedev(7, 99));
}

TEST_F(file, replace_file_replaces_nothing_but_files)
{
	for (auto make_other :
	     {make_socket, make_fifo, make_device, make_disk}) {
		channel source;
		struct stat before, after;

		ASSERT_EQ(0, make_other((dir / "f").c_str()));
		ASSERT_EQ(0, ::lstat((dir / "f").c_str(), &before));
		source.send('x');
		source.close_writer();
		for (const procfd::replace_options &options :
		     {procfd::replace_options{}, {.mode = 0600}}) {
			auto done =
				procfd::replace_file(dir / "f", "new", options);

			EXPECT_ERROR(EINVAL, done);
			EXPECT_EQ(procfd::errc::not_a_file, done.error());
			EXPECT_ERROR(EINVAL, procfd::replace_file_from(
						     dir / "f", source.reader(),
						     options));
		}
		EXPECT_ERROR(EINVAL, procfd::check_replaceable(dir / "f"));
		// Nothing was read in vain
		EXPECT_EQ('x', source.receive());
		ASSERT_EQ(0, ::lstat((dir / "f").c_str(), &after));
		EXPECT_EQ(before.st_ino, after.st_ino);
		EXPECT_EQ(before.st_mode, after.st_mode);

		// The name of a name is another thing
		ASSERT_EQ(0, ::symlink("f", (dir / "link").c_str()));
		EXPECT_OK(procfd::check_replaceable(dir / "link"));
		EXPECT_LOST(lost::nothing,
			    procfd::replace_file(dir / "link", "new"));
		EXPECT_TRUE(S_ISREG(mode_of("link")));
		EXPECT_EQ(before.st_mode, mode_of("f"));
		EXPECT_EQ(2U, entries(dir.str()));
		ASSERT_EQ(0, ::unlink((dir / "link").c_str()));
		ASSERT_EQ(0, ::unlink((dir / "f").c_str()));
	}
}

TEST_F(file, check_replaceable_answers_as_replace_file)
{
	procfd::unique_fd at(::open(dir.str().c_str(), O_PATH | O_CLOEXEC));

	ASSERT_EQ(0, ::mkdirat(at.get(), "sub", 0755));
	make("f", "old");
	EXPECT_OK(procfd::check_replaceable(dir / "f"));
	EXPECT_OK(procfd::check_replaceable(dir / "none"));
	EXPECT_OK(procfd::check_replaceable_at(at.get(), "f"));
	EXPECT_ERROR(EISDIR, procfd::check_replaceable_at(at.get(), "sub"));
	EXPECT_ERROR(ENOENT, procfd::check_replaceable(dir / "no/f"));
	EXPECT_ERROR(EBUSY, procfd::check_replaceable("/"));
	EXPECT_ERROR(ENAMETOOLONG, procfd::check_replaceable_at(
					   at.get(), std::string(256, 'x')));
}

/// A replace_file_from() that has begun to read.
class begun {
public:
	explicit begun(const std::string &path)
	{
		::fcntl(source_.writer(), F_SETPIPE_SZ, 4096);
		child_ = child([&] {
			source_.close_writer();
			return procfd::replace_file_from(path, source_.reader())
				.error()
				.value();
		});
		source_.close_reader();

		// More than fits: this goes through once some of it was read
		const std::string much(8192, 'x');

		EXPECT_EQ(8192, ::write(source_.writer(), much.data(), 8192));
	}
	/// \return  the errno it ends with once all was read
	int end()
	{
		source_.close_writer();
		return child_.wait()->exit_code().value_or(-1);
	}

private:
	channel source_;
	procfd::process child_;
};

TEST_F(file, replace_file_looks_again_when_it_has_read_all)
{
	make("f", "old");

	begun first(dir / "f");

	ASSERT_EQ(0, ::unlink((dir / "f").c_str()));
	ASSERT_EQ(0, make_fifo((dir / "f").c_str()));
	EXPECT_EQ(EINVAL, first.end());
	EXPECT_TRUE(S_ISFIFO(mode_of("f")));
}

TEST_F(file, replace_file_takes_the_mode_of_what_is_there_when_it_has_read_all)
{
	make("f", "old", 0666);
	make("g", "secret", 0600);

	begun first(dir / "f");

	ASSERT_EQ(0, ::rename((dir / "g").c_str(), (dir / "f").c_str()));
	EXPECT_EQ(0, first.end());
	EXPECT_EQ(S_IFREG | 0600U, mode_of("f"));

	// Of what was there before, if there is nothing now
	begun second(dir / "f");

	ASSERT_EQ(0, ::unlink((dir / "f").c_str()));
	EXPECT_EQ(0, second.end());
	EXPECT_EQ(S_IFREG | 0600U, mode_of("f"));
}

TEST_F(file, replace_file_that_runs_out_of_room_leaves_all_as_it_was)
{
	rlimit all;
	auto ignored = std::signal(SIGXFSZ, SIG_IGN);
	std::string much(100000, 'x');

	make("f", "old");
	make("much", much);
	::getrlimit(RLIMIT_FSIZE, &all);

	rlimit some{10, all.rlim_max};
	procfd::unique_fd source(
		::open((dir / "much").c_str(), O_RDONLY | O_CLOEXEC));

	::setrlimit(RLIMIT_FSIZE, &some);

	auto by_text = procfd::replace_file(dir / "f", much);
	auto by_copy = procfd::replace_file_from(dir / "f", source.get());

	::setrlimit(RLIMIT_FSIZE, &all);
	std::signal(SIGXFSZ, ignored);
	EXPECT_ERROR(EFBIG, by_text);
	EXPECT_ERROR(EFBIG, by_copy);
	EXPECT_EQ("old", slurp(dir / "f"));
	EXPECT_EQ(2U, entries(dir.str()));
}

TEST_F(file, replace_file_from_takes_all_that_comes)
{
	channel in;
	std::string much(300000, 'x');
	auto writer = child([&] {
		const char *at = much.data();

		for (std::size_t left = much.size(); left;) {
			ssize_t n = ::write(in.writer(), at, left);

			if (n <= 0)
				return 1;
			at += n;
			left -= static_cast<std::size_t>(n);
		}
		return 0;
	});

	in.close_writer();
	ASSERT_OK(procfd::replace_file_from(dir / "f", in.reader()));
	EXPECT_EQ(much, slurp(dir / "f"));
	EXPECT_TRUE(writer.wait()->success());
}
