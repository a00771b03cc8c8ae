// SPDX-License-Identifier: MIT
#ifndef PROCFD_TESTS_COMMON_HPP
#define PROCFD_TESTS_COMMON_HPP

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <procfd/procfd.hpp>

// What the tests share: things to synchronise and observe with. No test logic.

/// A pipe, both ends close-on-exec. One byte is a message, the end is another.
class channel {
public:
	channel()
	{
		int ends[2];

		if (::pipe2(ends, O_CLOEXEC) < 0)
			std::abort();
		read_.reset(ends[0]);
		write_.reset(ends[1]);
	}

	[[nodiscard]] int reader() const { return read_.get(); }
	[[nodiscard]] int writer() const { return write_.get(); }
	void close_reader() { read_.reset(); }
	void close_writer() { write_.reset(); }

	void send(unsigned char byte) const
	{
		if (::write(write_.get(), &byte, 1) != 1)
			::_exit(99);
	}
	/// \return  the next byte, or -1 at the end
	[[nodiscard]] int receive() const
	{
		unsigned char byte;

		return ::read(read_.get(), &byte, 1) == 1 ? byte : -1;
	}
	/// \return  all that comes until the last writer is gone
	[[nodiscard]] std::string receive_all() const
	{
		std::string all;

		for (int byte; (byte = receive()) >= 0;)
			all += static_cast<char>(byte);
		return all;
	}

private:
	procfd::unique_fd read_;
	procfd::unique_fd write_;
};

/// Fork a child that runs a function and exits with what it returns. It dies
/// with the thread that made it.
template <typename F>
procfd::process child(F body, procfd::fork_flags flags = {})
{
	auto f = procfd::fork(flags);

	if (!f) {
		ADD_FAILURE() << "fork: " << f.error().message();
		return {};
	}
	if (f->in_child()) {
		::prctl(PR_SET_PDEATHSIG, SIGKILL);
		::_exit(body());
	}
	return std::move(f->child);
}

/// A body for child(): run until a signal comes.
inline int stay()
{
	for (;;)
		::pause();
}

/// Make a child that ends at once, and take its zombie.
inline void fork_another(int = 0)
{
	int saved = errno;
	long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0L);

	if (pid == 0)
		::syscall(SYS_exit_group, 77);
	::waitpid(static_cast<pid_t>(pid), nullptr, 0);
	errno = saved;
}

/// A signal every millisecond, handled without SA_RESTART, as long as this lives.
/// The twentieth handler also calls a function.
class interrupts {
public:
	explicit interrupts(std::function<void()> at_last)
	{
		struct sigaction action {};
		itimerval often{{0, 1000}, {0, 1000}};

		count = 0;
		last_ = std::move(at_last);
		action.sa_handler = [](int) {
			count = count + 1;
			if (count == 20)
				last_();
		};
		::sigaction(SIGALRM, &action, &before_);
		::setitimer(ITIMER_REAL, &often, nullptr);
	}
	~interrupts()
	{
		itimerval off{};

		::setitimer(ITIMER_REAL, &off, nullptr);
		::sigaction(SIGALRM, &before_, nullptr);
	}
	interrupts(const interrupts &) = delete;
	interrupts &operator=(const interrupts &) = delete;

	static inline volatile std::sig_atomic_t count;

private:
	static inline std::function<void()> last_;
	struct sigaction before_;
};

/// \return  the directory entries, sorted by nothing, without "." and ".."
inline std::size_t entries(const std::string &dir)
{
	std::size_t count = 0;

	for ([[maybe_unused]] auto &entry :
	     std::filesystem::directory_iterator(dir))
		count++;
	return count;
}

inline std::size_t open_descriptors()
{
	return entries("/proc/self/fd");
}

/// \return  a number that is not open, and that the next to be opened gets
inline int next_descriptor()
{
	return procfd::unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC))
		.get();
}

/// \return  0 if there is a child, whatever kind, exited or not; else ECHILD
inline int any_child()
{
	siginfo_t info{};

	return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) ?
		       errno :
		       0;
}

inline std::string slurp(const std::string &path)
{
	procfd::unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
	std::string all;
	char buffer[4096];

	for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof(buffer))) > 0;)
		all.append(buffer, static_cast<std::size_t>(n));
	return all;
}

/// A directory that is gone after the test.
class scratch {
public:
	scratch()
	{
		const char *base = std::getenv("TMPDIR");

		path_ = std::string(base ? base : "/tmp") + "/procfd-XXXXXX";
		if (!::mkdtemp(path_.data()))
			std::abort();
	}
	~scratch() { std::filesystem::remove_all(path_); }
	scratch(const scratch &) = delete;
	scratch &operator=(const scratch &) = delete;

	[[nodiscard]] std::string operator/(const char *name) const
	{
		return path_ + "/" + name;
	}
	[[nodiscard]] const std::string &str() const { return path_; }

private:
	std::string path_;
};

/// A result that must be a success; prints the error that it is instead.
#define EXPECT_OK(expression)                              \
	do {                                               \
		auto &&ok_ = (expression);                 \
		EXPECT_TRUE(ok_) << ok_.error().message(); \
	} while (0)
#define ASSERT_OK(expression)                              \
	do {                                               \
		auto &&ok_ = (expression);                 \
		ASSERT_TRUE(ok_) << ok_.error().message(); \
	} while (0)

/// A result that must be an error with this errno.
#define EXPECT_ERROR(number, expression)                       \
	do {                                                   \
		auto &&not_ok_ = (expression);                 \
		EXPECT_FALSE(not_ok_);                         \
		EXPECT_EQ(number, not_ok_.error().value());    \
		EXPECT_EQ(std::errc{number}, not_ok_.error()); \
	} while (0)

/// For tests that need the module; skipped where it is not loaded.
class with_module : public ::testing::Test {
protected:
	void SetUp() override
	{
		auto dev = procfd::device::open();

		if (!dev && dev.error() == procfd::errc::module_missing)
			GTEST_SKIP() << dev.error().message();
		ASSERT_OK(dev);
	}
	void TearDown() override
	{
		// One that is still ending would be found by the next test. One
		// that never ends is this test's mistake: its time runs out.
		while (::waitpid(-1, nullptr, __WALL) > 0 || errno == EINTR)
			;
	}
};

/// For tests that need names as well: `dir` is an empty directory of a procfdfs.
class with_names : public with_module {
protected:
	void SetUp() override
	{
		with_module::SetUp();
		if (IsSkipped() || HasFatalFailure())
			return;
		dir = mount_point.str();
		ASSERT_EQ(0, ::mount("procfd", dir.c_str(), "procfdfs", 0,
				     nullptr))
			<< std::system_category().message(errno);
		mounted = true;
		dir += "/test";
		std::filesystem::remove_all(dir);
		ASSERT_EQ(0, ::mkdir(dir.c_str(), 0755));
	}
	void TearDown() override
	{
		if (mounted) {
			std::filesystem::remove_all(dir);
			::umount(mount_point.str().c_str());
		}
		with_module::TearDown();
	}
	[[nodiscard]] std::string at(const char *name) const
	{
		return dir + "/" + name;
	}

	scratch mount_point;
	std::string dir;
	bool mounted = false;
};

#endif
