// SPDX-License-Identifier: MIT
#include "common.hpp"

using procfd::unique_fd;

namespace {

bool is_open(int fd)
{
	return ::fcntl(fd, F_GETFD) >= 0;
}

unique_fd some_file()
{
	return unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

} // namespace

TEST(unique_fd, is_empty_by_default)
{
	unique_fd fd;

	EXPECT_FALSE(fd);
	EXPECT_EQ(-1, fd.get());
}

TEST(unique_fd, closes_with_its_owner)
{
	int number;
	{
		unique_fd fd = some_file();

		ASSERT_TRUE(fd);
		number = fd.get();
		EXPECT_TRUE(is_open(number));
	}
	EXPECT_FALSE(is_open(number));
}

TEST(unique_fd, moves)
{
	unique_fd from = some_file();
	int number = from.get();
	unique_fd to(std::move(from));

	EXPECT_EQ(-1, from.get());
	EXPECT_EQ(number, to.get());

	unique_fd other = some_file();
	int replaced = other.get();

	other = std::move(to);
	EXPECT_EQ(number, other.get());
	EXPECT_FALSE(is_open(replaced));
}

TEST(unique_fd, survives_a_move_onto_itself)
{
	unique_fd fd = some_file();
	unique_fd &same = fd;

	fd = std::move(same);
	EXPECT_TRUE(is_open(fd.get()));
}

TEST(unique_fd, release_gives_up_ownership)
{
	unique_fd fd = some_file();
	unique_fd owner(fd.release());

	EXPECT_FALSE(fd);
	EXPECT_TRUE(is_open(owner.get()));
}

TEST(unique_fd, reset_leaves_errno_alone)
{
	unique_fd fd(1 << 20); // not open: close(2) says EBADF

	errno = EXDEV;
	fd.reset();
	EXPECT_EQ(EXDEV, errno);
}

TEST(unique_fd, duplicate_is_of_the_same_file_and_close_on_exec)
{
	unique_fd fd = some_file();
	auto copy = fd.duplicate();

	ASSERT_OK(copy);
	EXPECT_NE(fd.get(), copy->get());
	EXPECT_EQ(FD_CLOEXEC, ::fcntl(copy->get(), F_GETFD));
	EXPECT_ERROR(EBADF, unique_fd().duplicate());
}
