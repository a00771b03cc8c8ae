// SPDX-License-Identifier: MIT
//
// When descriptors or memory run out in the midst of a call: each call with no free
// descriptor, with one, and so on until it gets through, and with each of its
// allocations failing, one at a time. It says EMFILE or ENOMEM and leaves nothing.
#include <new>

#include <sys/resource.h>
#include <sys/xattr.h>

#include <procfd/command.hpp>
#include <procfd/signal_stream.hpp>

#include "common.hpp"

using procfd::process;
using procfd::result;
using procfd::stdio;

namespace {

/// How many allocations succeed before one fails; negative: all do.
thread_local long granted = -1;

/// Null when it is the turn of this one to fail.
void *allocate(std::size_t size) noexcept
{
	return granted >= 0 && granted-- == 0 ? nullptr : std::malloc(size);
}

} // namespace

// Each form that the library uses, for AddressSanitizer's own do not call each other.
// Not inline, lest g++ takes free() for the wrong end of operator new.
[[gnu::noinline]] void *operator new(std::size_t size)
{
	void *p = allocate(size);

	if (!p)
		throw std::bad_alloc();
	return p;
}

[[gnu::noinline]] void *operator new(std::size_t size,
				     const std::nothrow_t &) noexcept
{
	return allocate(size);
}

[[gnu::noinline]] void *operator new[](std::size_t size)
{
	return operator new(size);
}

[[gnu::noinline]] void *operator new[](std::size_t size,
				       const std::nothrow_t &) noexcept
{
	return allocate(size);
}

[[gnu::noinline]] void operator delete(void *p) noexcept
{
	std::free(p);
}

[[gnu::noinline]] void operator delete(void *p, std::size_t) noexcept
{
	std::free(p);
}

[[gnu::noinline]] void operator delete[](void *p) noexcept
{
	std::free(p);
}

[[gnu::noinline]] void operator delete[](void *p, std::size_t) noexcept
{
	std::free(p);
}

namespace {

/// What is left to do when a call has got through: nothing may stay of it.
void settle(const process &p)
{
	if (p.info().value().pid != ::getpid())
		EXPECT_OK(p.wait());
}

void settle(const procfd::spawned &s)
{
	if (s.child)
		settle(s.child);
}

void settle(const auto &)
{
}

template <typename T>
void settle_all(const result<T> &made)
{
	if constexpr (!std::is_void_v<T>)
		settle(*made);
}

const std::vector<std::string> nothing = {"sh", "-c", ":"};

/// More arguments than lie on the stack.
const std::initializer_list<const char *> many = {
	"sh", "-c", ":",  "3",	"4",  "5",  "6",  "7",	"8",  "9",  "10",
	"11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21",
	"22", "23", "24", "25", "26", "27", "28", "29", "30", "31"};

/// A command that wants much: to be started by posix_spawn(3), or not.
procfd::command much(bool by_fork)
{
	procfd::command c(nothing);

	c.set_env("NAME", "value").unset_env("OTHER").cwd("/");
	c.in(stdio::pipe).out(stdio::null).err(stdio::pipe);
	// These two change places
	c.keep(3, 4).keep(4, 3);
	if (by_fork)
		c.close_others();
	return c;
}

} // namespace

class scarce : public with_names {
protected:
	void SetUp() override
	{
		with_names::SetUp();
		if (IsSkipped() || HasFatalFailure())
			return;
		for (auto &fd : held)
			fd.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
		ASSERT_GE(::fcntl(4, F_GETFD), 0);
	}

	/// \return  in how many ways the call failed
	template <typename F>
	static rlim_t with_few_descriptors(F call)
	{
		rlimit all;
		auto lowest = static_cast<rlim_t>(
			procfd::unique_fd(::open("/", O_PATH | O_CLOEXEC))
				.get());
		auto before = open_descriptors();

		::getrlimit(RLIMIT_NOFILE, &all);
		for (rlim_t few = 0; few < 30; few++) {
			rlimit some{lowest + few, all.rlim_max};

			::setrlimit(RLIMIT_NOFILE, &some);
			bool through = [&] {
				auto made = call();

				::setrlimit(RLIMIT_NOFILE, &all);
				if (made)
					settle_all(made);
				else
					EXPECT_ERROR(EMFILE, made);
				return bool(made);
			}();
			EXPECT_EQ(before, open_descriptors());
			EXPECT_EQ(ECHILD, any_child());
			if (through)
				return few;
		}
		ADD_FAILURE() << "it never gets through";
		return 0;
	}

	/// \return  how many allocations the call makes
	template <typename F>
	static long with_little_memory(F call)
	{
		auto before = open_descriptors();

		for (long few = 0; few < 1000; few++) {
			bool failed = false;

			{
				granted = few;
				auto made = call();
				failed = granted < 0;
				granted = -1;
				if (failed)
					EXPECT_ERROR(ENOMEM, made);
				else
					EXPECT_OK(made);
				if (made)
					settle_all(made);
			}
			EXPECT_EQ(before, open_descriptors());
			EXPECT_EQ(ECHILD, any_child());
			if (!failed)
				return few;
		}
		ADD_FAILURE() << "it allocates for ever";
		return 0;
	}

	procfd::unique_fd held[4];
};

TEST_F(scarce, descriptors_when_a_device_or_a_set_is_made)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	EXPECT_EQ(1U,
		  with_few_descriptors([] { return procfd::device::open(); }));
	EXPECT_EQ(1U, with_few_descriptors(
			      [] { return procfd::process_set::create(); }));
	EXPECT_EQ(1U, with_few_descriptors([&] {
			  return procfd::signal_stream::open(signals);
		  }));
}

TEST_F(scarce, descriptors_when_a_process_is_opened)
{
	auto self = process::self();
	procfd::unique_fd pidfd(
		static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
	auto dev = procfd::device::open();

	ASSERT_OK(self);
	ASSERT_OK(dev);
	// The device, and the process
	EXPECT_EQ(2U, with_few_descriptors([] { return process::self(); }));
	EXPECT_EQ(1U, with_few_descriptors([&] { return self->duplicate(); }));
	EXPECT_EQ(1U, with_few_descriptors([&] { return self->to_pidfd(); }));
	// A pidfd of its own, and what it reads of that
	EXPECT_EQ(3U, with_few_descriptors([&] {
			  return process::from_pidfd(*dev, pidfd.get());
		  }));
	EXPECT_EQ(4U, with_few_descriptors([&] {
			  return process::from_pidfd(pidfd.get());
		  }));
}

TEST_F(scarce, descriptors_when_a_process_is_made)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);
	for (auto flags :
	     {procfd::fork_flags::none, procfd::fork_flags::quiet}) {
		EXPECT_LT(1U, with_few_descriptors([&]() -> result<process> {
				  auto f = procfd::fork(flags);

				  if (!f)
					  return procfd::unexpected(f.error());
				  if (f->in_child())
					  ::_exit(0);
				  return std::move(f->child);
			  }));
		EXPECT_LT(1U, with_few_descriptors([&] {
				  return procfd::spawn({"sh", "-c", ":"},
						       {.flags = flags});
			  }));
		EXPECT_LT(
			0U, with_few_descriptors([&] {
				const char *argv[] = {"sh", "-c", ":", nullptr};

				return procfd::spawn(*dev, argv,
						     {.flags = flags});
			}));
	}
	EXPECT_LT(1U, with_few_descriptors([] {
			  return procfd::spawn_detached({"sh", "-c", ":"});
		  }));
}

TEST_F(scarce, descriptors_when_a_command_is_started)
{
	auto dev = procfd::device::open();

	ASSERT_OK(dev);
	for (bool by_fork : {false, true}) {
		auto c = much(by_fork);

		EXPECT_LT(6U, with_few_descriptors([&] { return c.spawn(); }));
		EXPECT_LT(5U,
			  with_few_descriptors([&] { return c.spawn(*dev); }));
	}
	EXPECT_LT(6U, with_few_descriptors(
			      [] { return much(true).spawn_detached(); }));
	procfd::command plain(nothing);

	EXPECT_LT(1U, with_few_descriptors([&] { return plain.spawn(); }));
	EXPECT_LT(1U,
		  with_few_descriptors([&] { return plain.spawn_detached(); }));
}

TEST_F(scarce, descriptors_when_names_are_given)
{
	scratch place;
	auto self = process::self();
	procfd::unique_fd file(::open((place / "file").c_str(),
				      O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	const std::string name = dir + "/name", link = place / "link",
			  other = place / "other",
			  deep = place.str() + std::string(300, '/') + "f";

	ASSERT_OK(self);
	EXPECT_LT(0U, with_few_descriptors([&] { return self->link(name); }));
	EXPECT_EQ(1U, with_few_descriptors(
			      [&] { return process::from_name(name); }));
	EXPECT_EQ(0, ::unlink(name.c_str()));
	EXPECT_LT(0U, with_few_descriptors(
			      [&] { return procfd::flink(file.get(), link); }));
	EXPECT_LT(0U, with_few_descriptors([&] {
			  return procfd::frename(file.get(), other);
		  }));
	EXPECT_EQ(1U, with_few_descriptors([&] {
			  return procfd::open_anonymous(place.str());
		  }));
	EXPECT_LT(1U, with_few_descriptors([&] {
			  return procfd::replace_file(link, "new");
		  }));
	EXPECT_EQ("new", slurp(link));
	// Its value and the list of names are allocated beside the buffer
	EXPECT_EQ(0, ::setxattr(link.c_str(), "security.test", "x", 1, 0));
	EXPECT_LT(2, with_little_memory([&] {
			  return procfd::replace_file_from(link, file.get());
		  }));
	EXPECT_EQ("", slurp(link));
	EXPECT_EQ(1, with_little_memory(
			     [&] { return procfd::check_replaceable(deep); }));

	// No O_TMPFILE there, so that the directory is opened for a name
	ASSERT_EQ(0,
		  ::mount("mqueue", place.str().c_str(), "mqueue", 0, nullptr));
	EXPECT_EQ(2U, with_few_descriptors([&] {
			  return procfd::open_anonymous(place.str());
		  }));
	EXPECT_EQ(0, ::umount(place.str().c_str()));
}

TEST_F(scarce, memory_when_a_program_is_started)
{
	const auto flags = procfd::fork_flags::none;

	EXPECT_EQ(0, with_little_memory([&] {
			  return procfd::spawn({"sh", "-c", ":"},
					       {.flags = flags});
		  }));
	EXPECT_LT(0, with_little_memory([&] {
			  return procfd::spawn(many, {.flags = flags});
		  }));
	EXPECT_LT(0, with_little_memory(
			     [] { return procfd::spawn_detached(many); }));
}

TEST_F(scarce, memory_when_a_command_is_started)
{
	const auto dev = procfd::device::open();

	ASSERT_OK(dev);
	for (bool by_fork : {false, true}) {
		auto c = much(by_fork);

		EXPECT_LT(5, with_little_memory([&] { return c.spawn(); }));
		EXPECT_LT(5, with_little_memory([&] { return c.spawn(*dev); }));
		EXPECT_LT(5, with_little_memory(
				     [&] { return c.spawn_detached(); }));
	}
}

TEST_F(scarce, memory_when_a_process_joins_a_set_or_is_taken_out)
{
	auto set = procfd::process_set::create();
	auto one = process::self();

	ASSERT_OK(set);
	ASSERT_OK(one);
	for (granted = 0;; granted++) {
		long few = granted;
		auto added = set->add(std::move(*one), 1);
		bool failed = granted < 0;

		granted = few;
		if (!failed) {
			granted = -1;
			EXPECT_OK(added);
			break;
		}
		EXPECT_ERROR(ENOMEM, added);
		EXPECT_TRUE(*one);
		EXPECT_EQ(0U, set->size());
	}
	EXPECT_EQ(1U, set->size());
	EXPECT_TRUE(set->remove(1));

	ASSERT_OK(set->add(child([] { return 7; }), 2));
	granted = 0;

	auto lost = set->wait();

	granted = -1;
	EXPECT_ERROR(ENOMEM, lost);

	auto ended = set->wait();

	ASSERT_OK(ended);
	ASSERT_EQ(1U, ended->size());
	EXPECT_EQ(7, ended->front().status->exit_code());
}
