// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile user cannot learn how another's process ended: it takes a
 * descriptor that is open for reading, or the right to open a name for reading.
 */
#include <string>

#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>

#include "fs.h"

namespace {

/* A process of root's that has exited, and a name of it. */
class hostile_reader : public names_test {
protected:
	void SetUp() override
	{
		names_test::SetUp();
		device();
		ASSERT_EQ(0, link(dead_.fd, "n"));
	}

	void set_mode(mode_t mode)
	{
		ASSERT_EQ(0, chmod(at("n").c_str(), mode));
	}

	child dead_ = start_zombie(7);
};

/* What does not come by a name, and does not ask for its mode. */
TEST_F(hostile_reader, gets_nothing_by_pid_or_through_proc)
{
	const std::string process = "/proc/" + std::to_string(getpid()),
			  number = std::to_string(dead_.fd);
	const pid_t owner = getpid();

	set_mode(0644);
	EXPECT_EQ(-EPERM, as(nobody, [&] { return open_process(dead_.pid); }));
	EXPECT_EQ(-EACCES, as(nobody, [&] {
		return try_open(process + "/fd/" + number, O_RDONLY);
	}));
	EXPECT_EQ(-EACCES, as(nobody, [&] {
		return try_open(process + "/fdinfo/" + number, O_RDONLY);
	}));
	EXPECT_EQ(-EPERM, as(nobody, [&] {
		unique_fd pidfd(must(sys_pidfd_open(owner)));

		return or_errno(int(syscall(SYS_pidfd_getfd, int(pidfd),
					    int(dead_.fd), 0)));
	}));
}

TEST_F(hostile_reader, gets_nothing_from_a_name_that_he_may_not_open)
{
	set_mode(0600);
	EXPECT_EQ(-EACCES,
		  as(nobody, [&] { return try_open(at("n"), O_RDONLY); }));
	EXPECT_EQ(-EACCES, as(nobody, [&] {
		unique_fd watch(must(or_errno(inotify_init1(0))));

		return or_errno(inotify_add_watch(watch, at("n").c_str(),
						  IN_ALL_EVENTS));
	}));
	/* Found, and no more. */
	EXPECT_EQ(
		0, as(nobody, [&] {
			unique_fd path(must(open_path(at("n"), O_PATH)));
			char text[PROCFD_RECORD_MAX];
			procfd_info info;

			if (or_errno(read(path, text, sizeof(text))) != -EBADF)
				return 1;
			if (get_info(path, &info) != -EBADF)
				return 2;
			if (slurp("/proc/self/fdinfo/" + std::to_string(path))
				    .find("procfd") != std::string::npos)
				return 3;
			return try_open("/proc/self/fd/" + std::to_string(path),
					O_RDONLY) == -EACCES ?
				       0 :
				       4;
		}));
}

/* He may signal, and learns from that when it is over, and not how. */
TEST_F(hostile_reader, gets_nothing_from_a_name_that_he_may_only_write)
{
	set_mode(0622);
	EXPECT_EQ(0, as(nobody, [&] {
			  unique_fd fd(must(open_path(at("n"), O_WRONLY)));
			  const std::string number = std::to_string(fd);
			  char text[PROCFD_RECORD_MAX];
			  unique_fd pipe_in, pipe_out;
			  procfd_info info;
			  int fds[2];

			  must(or_errno(pipe2(fds, O_CLOEXEC)));
			  pipe_out.reset(fds[0]);
			  pipe_in.reset(fds[1]);
			  if (write_to(fd, "0") != -ESRCH)
				  return 1;
			  if (or_errno(read(fd, text, sizeof(text))) != -EBADF)
				  return 2;
			  if (or_errno(pread(fd, text, sizeof(text), 0)) !=
			      -EBADF)
				  return 3;
			  if (get_info(fd, &info) != -EBADF)
				  return 4;
			  if (or_errno(sendfile(pipe_in, fd, nullptr,
						sizeof(text))) != -EBADF)
				  return 5;
			  if (or_errno(splice(fd, nullptr, pipe_in, nullptr,
					      sizeof(text), 0)) != -EBADF)
				  return 6;
			  return try_open("/proc/self/fd/" + number,
					  O_RDONLY) == -EACCES ?
					 0 :
					 7;
		  }));
}

TEST_F(hostile_reader, gets_no_status_from_fdinfo_of_what_he_may_only_write)
{
	set_mode(0622);
	EXPECT_EQ(0, as(nobody, [&] {
			  unique_fd fd(must(open_path(at("n"), O_WRONLY)));
			  const std::string info = slurp("/proc/self/fdinfo/" +
							 std::to_string(fd));

			  if (info.find("procfd_state:\texited") ==
			      std::string::npos)
				  return 1;
			  return info.find("procfd_status") ==
						 std::string::npos ?
					 0 :
					 2;
		  }));
	/* It is there for who may read. */
	set_mode(0644);
	EXPECT_EQ(0, as(nobody, [&] {
			  unique_fd fd(must(open_path(at("n"), O_RDONLY)));

			  return slurp("/proc/self/fdinfo/" +
				       std::to_string(fd))
							 .find("procfd_status:"
							       "\t1792") !=
						 std::string::npos ?
					 0 :
					 1;
		  }));
}

/* SECURITY.md says so: when it ended, and how long the record is. */
TEST_F(hostile_reader, sees_by_stat_that_it_is_over)
{
	set_mode(0600);
	EXPECT_EQ(0, as(nobody, [&] {
			  return stat_of(at("n")).st_size ==
						 ssize_t(record_of(dead_.fd)
								 .size()) ?
					 0 :
					 1;
		  }));
}

TEST_F(hostile_reader, sees_nothing_in_a_directory_that_he_may_not_search)
{
	const std::string own = names_directory("own", 0700);
	unique_fd to(must(open_path(own, O_PATH)));

	ASSERT_EQ(0, flink(dead_.fd, to, "n"));
	set_mode(0666);
	EXPECT_EQ(-EACCES, as(nobody, [&] {
		struct stat st;

		return or_errno(stat((own + "/n").c_str(), &st));
	}));
	EXPECT_EQ(-EACCES,
		  as(nobody, [&] { return try_open(own + "/n", O_RDONLY); }));
}

} // namespace
