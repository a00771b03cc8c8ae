// SPDX-License-Identifier: MIT
#include "common.hpp"

using procfd::access;
using procfd::errc;
using procfd::existing;
using procfd::fork_flags;
using from = procfd::process;

class name : public with_names {};

TEST_F(name, opens_the_process_it_was_given_to)
{
	auto c = child(stay);

	ASSERT_OK(c.link(at("one")));

	auto opened = from::from_name(at("one"));

	ASSERT_OK(opened);
	EXPECT_EQ(c.info()->id, opened->info()->id);
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(opened->native_handle(), F_GETFD));
	EXPECT_EQ(0, ::fcntl(opened->native_handle(), F_GETFL) & O_NONBLOCK);
	EXPECT_OK(opened->signal(SIGTERM));
	EXPECT_EQ(SIGTERM, opened->wait()->signal());
}

TEST_F(name, keeps_the_status_of_a_process_that_is_long_gone)
{
	auto c = child([] { return 21; });

	ASSERT_OK(c.link(at("one")));
	EXPECT_OK(c.wait());
	c = {};
	EXPECT_EQ(21, from::from_name(at("one"))->wait()->exit_code());
}

TEST_F(name, opens_for_what_was_asked)
{
	auto c = child(stay);

	ASSERT_OK(c.link(at("one")));

	auto watch = from::from_name(at("one"), access::watch);
	auto signal = from::from_name(at("one"), access::signal);

	ASSERT_OK(watch);
	ASSERT_OK(signal);
	EXPECT_ERROR(EBADF, watch->signal(0));
	EXPECT_ERROR(EBADF, signal->info());
	EXPECT_OK(signal->signal(SIGKILL));
	EXPECT_EQ(SIGKILL, watch->wait()->signal());
}

TEST_F(name, is_relative_to_a_directory)
{
	auto c = child(stay);
	procfd::unique_fd fd(
		::open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));

	ASSERT_EQ(0, ::mkdir(at("sub").c_str(), 0755));
	EXPECT_OK(c.link_at(fd.get(), "plain"));
	EXPECT_OK(c.link_at(fd.get(), "sub/deep"));
	for (const char *path : {"plain", "sub/deep"}) {
		auto opened = from::from_name_at(fd.get(), path);

		ASSERT_OK(opened);
		EXPECT_EQ(c.info()->id, opened->info()->id);
	}
	EXPECT_OK(c.signal(SIGKILL));
}

TEST_F(name, is_not_overwritten_by_link)
{
	auto one = child(stay), two = child(stay);

	ASSERT_OK(one.link(at("one")));
	EXPECT_ERROR(EEXIST, two.link(at("one")));
	EXPECT_EQ(one.info()->id, from::from_name(at("one"))->info()->id);
	EXPECT_OK(one.signal(SIGKILL));
	EXPECT_OK(two.signal(SIGKILL));
}

TEST_F(name, is_handed_over_by_replace)
{
	auto one = child(stay), two = child(stay);

	ASSERT_OK(one.link(at("one")));
	ASSERT_OK(two.replace(at("one")));
	EXPECT_EQ(two.info()->id, from::from_name(at("one"))->info()->id);
	EXPECT_OK(one.signal(0));
	EXPECT_OK(one.signal(SIGKILL));
	EXPECT_OK(two.signal(SIGKILL));
}

TEST_F(name, is_taken_by_replace_dead_only_after_the_exit)
{
	auto one = child(stay), two = child(stay);

	ASSERT_OK(one.link(at("one"), existing::replace_dead));
	EXPECT_ERROR(EEXIST, two.link(at("one"), existing::replace_dead));
	EXPECT_OK(one.signal(SIGKILL));
	EXPECT_OK(one.wait());
	EXPECT_OK(two.link(at("one"), existing::replace_dead));
	EXPECT_EQ(two.info()->id, from::from_name(at("one"))->info()->id);
	EXPECT_OK(two.signal(SIGKILL));
}

TEST_F(name, is_refused_while_kill_on_close_is_on)
{
	auto c = child(stay, fork_flags::kill_on_close);

	EXPECT_ERROR(EINVAL, c.link(at("one")));
	EXPECT_OK(c.set_kill_on_close(false));
	EXPECT_OK(c.link(at("one")));
	EXPECT_ERROR(EINVAL, c.set_kill_on_close(true));
	EXPECT_OK(c.signal(SIGKILL));
}

TEST_F(name, has_the_mode_that_the_descriptor_got_before)
{
	auto c = child(stay);
	struct stat st;

	ASSERT_EQ(0, ::fchmod(c.native_handle(), 0640));
	ASSERT_OK(c.link(at("one")));
	ASSERT_EQ(0, ::stat(at("one").c_str(), &st));
	EXPECT_EQ(0640U, st.st_mode & 07777);
	EXPECT_OK(c.signal(SIGKILL));
}

TEST_F(name, can_be_taken_before_the_fork)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);

	auto fd = dev->announce_fork(fork_flags::none);

	ASSERT_OK(fd);

	auto c = procfd::process::adopt(*std::move(fd));
	std::string path = at("one");

	ASSERT_OK(c.link(path));

	pid_t pid = ::fork();

	if (pid == 0) {
		// the child finds itself under its name
		auto self = from::from_name(path);

		::_exit(self && self->info()->pid == ::getpid() ? 0 : 1);
	}
	EXPECT_EQ(pid, c.info()->pid);
	EXPECT_TRUE(c.wait()->success());
}

TEST_F(name, elsewhere_says_that_no_procfdfs_is_mounted)
{
	auto c = child(stay);
	scratch other;

	for (auto policy : {existing::keep, existing::replace}) {
		auto linked = c.link(other / "one", policy);

		EXPECT_ERROR(EXDEV, linked);
		EXPECT_EQ(errc::not_mounted, linked.error());
	}

	// By its path it is of the one mount and not of the other
	ASSERT_OK(c.link(at("one")));
	ASSERT_EQ(0, ::mount("procfd", other.str().c_str(), "procfdfs", 0,
			     nullptr));

	auto named = from::from_name(at("one"));

	ASSERT_OK(named);

	auto linked = named->link(other / "two");

	EXPECT_ERROR(EXDEV, linked);
	EXPECT_NE(errc::not_mounted, linked.error());
	EXPECT_OK(c.link(other / "two"));
	EXPECT_OK(named->link(at("three")));
	EXPECT_EQ(0, ::umount2(other.str().c_str(), MNT_DETACH));

	auto absent = from::from_name(other / "one");

	EXPECT_ERROR(ENOENT, absent);
	EXPECT_EQ(errc::not_mounted, absent.error());
	EXPECT_OK(c.signal(SIGKILL));
}

TEST_F(name, that_is_an_ordinary_fifo_or_file_is_no_process)
{
	scratch other;

	ASSERT_EQ(0, ::mkfifo((other / "fifo").c_str(), 0600));
	for (const auto &path : {other / "fifo", std::string("/dev/null")}) {
		auto opened = from::from_name(path, access::watch);

		EXPECT_ERROR(ENOTTY, opened);
		EXPECT_EQ(errc::not_mounted, opened.error());
	}
}

TEST_F(name, that_is_absent_is_just_absent)
{
	auto absent = from::from_name(at("one"));

	EXPECT_ERROR(ENOENT, absent);
	EXPECT_NE(errc::not_mounted, absent.error());
	EXPECT_ERROR(ENOENT, from::from_name(at("missing/one")));
	EXPECT_ERROR(ENOENT, from::from_name(""));
}

TEST_F(name, that_is_a_directory_is_refused)
{
	EXPECT_ERROR(EISDIR, from::from_name(dir));
	EXPECT_ERROR(EISDIR, from::from_name(dir, access::watch));
}

TEST_F(name, of_odd_shape_is_refused)
{
	auto c = child(stay);

	EXPECT_ERROR(ENOENT, c.link(""));
	EXPECT_ERROR(ENOENT, c.link(at("missing/one")));
	EXPECT_ERROR(ENOENT, c.link(at("one/")));
	EXPECT_ERROR(EEXIST, c.link(at(".")));
	EXPECT_ERROR(EEXIST, c.link(dir));
	EXPECT_ERROR(ENAMETOOLONG, c.link(at(std::string(256, 'a').c_str())));
	EXPECT_ERROR(ENOTDIR, c.replace(at("one/")));
	EXPECT_ERROR(EBUSY, c.replace(at("..")));
	EXPECT_ERROR(EISDIR, c.replace(dir));
	EXPECT_EQ(0U, entries(dir));
	EXPECT_OK(c.signal(SIGKILL));
}

TEST_F(name, is_not_given_to_a_descriptor_that_is_no_longer_there)
{
	EXPECT_ERROR(EBADF, procfd::process().link(at("one")));
}
