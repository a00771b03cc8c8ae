// SPDX-License-Identifier: MIT
//
// Threads that others would not have thought of: with the least stack that there can
// be, and cancelled. Each makes calls of the whole library.
#include <pthread.h>

#include <sys/mman.h>

#include <procfd/command.hpp>
#include <procfd/signal_stream.hpp>

#include "common.hpp"

using procfd::process;
using procfd::stdio;

namespace {

/// A thread with as much stack as it must be given, and a hole below.
class small_thread {
public:
	explicit small_thread(std::function<void()> body)
		: body_(std::move(body))
	{
		pthread_attr_t attributes;
		char *place = static_cast<char *>(
			::mmap(nullptr, hole + size, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

		if (::mprotect(place + hole, size, PROT_READ | PROT_WRITE))
			std::abort();
		::pthread_attr_init(&attributes);
		::pthread_attr_setstack(&attributes, place + hole, size);
		::pthread_create(
			&thread_, &attributes,
			[](void *self) -> void * {
				static_cast<small_thread *>(self)->body_();
				return nullptr;
			},
			this);
		::pthread_attr_destroy(&attributes);
	}
	void cancel() { ::pthread_cancel(thread_); }
	/// \return  whether it was cancelled in the end
	bool join()
	{
		void *end;

		return ::pthread_join(thread_, &end) == 0 &&
		       end == PTHREAD_CANCELED;
	}

private:
	static constexpr std::size_t hole = 65536;
#ifdef __SANITIZE_ADDRESS__
	static constexpr std::size_t size = 1 << 20; // it pads the frames
#else
	static constexpr std::size_t size = 16384; // PTHREAD_STACK_MIN
#endif

	std::function<void()> body_;
	pthread_t thread_;
};

/// One that is not what was meant ends the child that runs it.
void must(bool good, int line = __builtin_LINE())
{
	if (!good)
		::_exit(line % 250 + 1);
}

bool waits(const process &p)
{
	auto status = p.wait();

	return status && status->exited();
}

} // namespace

class thread : public with_names {
protected:
	void SetUp() override
	{
		with_names::SetUp();
		if (IsSkipped() || HasFatalFailure())
			return;

		const std::string deep(3000, '/');

		self = *process::self();
		ASSERT_OK(self.link(at("name")));
		name = dir + deep + "name";
		file = place / "file";
		other = place.str() + deep + "other";
		calls = {
			{"device", [&] { must(bool(procfd::device::open())); }},
			{"no device",
			 [&] { must(!procfd::device::open("/nonexistent")); }},
			{"self", [&] { must(bool(process::self())); }},
			{"pidfd",
			 [&] {
				 auto fd = self.to_pidfd();

				 must(bool(fd));
				 must(bool(process::from_pidfd(fd->get())));
			 }},
			{"from_name",
			 [&] {
				 must(bool(process::from_name(name)));
				 must(!process::from_name(other));
			 }},
			{"link",
			 [&] {
				 must(bool(self.replace(name)));
				 must(!self.link(other));
			 }},
			{"signal", [&] { must(bool(self.signal(0))); }},
			{"info", [&] { must(bool(self.info())); }},
			{"duplicate", [&] { must(bool(self.duplicate())); }},
			{"fork",
			 [&] {
				 auto f = procfd::fork();

				 must(bool(f));
				 if (f->in_child())
					 ::_exit(0);
				 must(waits(f->child));
			 }},
			{"quiet fork",
			 [&] {
				 auto f = procfd::fork(
					 procfd::fork_flags::quiet);

				 must(bool(f));
				 if (f->in_child())
					 ::_exit(0);
				 must(waits(f->child));
			 }},
			{"spawn",
			 [&] { must(waits(*procfd::spawn({"true"}))); }},
			{"spawn of nothing",
			 [&] { must(!procfd::spawn({"/nonexistent"})); }},
			{"spawn_detached",
			 [&] { must(bool(procfd::spawn_detached({"true"}))); }},
			{"command",
			 [&] {
				 auto s = command.spawn();

				 must(bool(s));
				 must(waits(s->child));
			 }},
			{"command by fork",
			 [&] {
				 auto s = by_fork.spawn();

				 must(bool(s));
				 must(waits(s->child));
			 }},
			{"command that is not there",
			 [&] { must(!missing.spawn()); }},
			{"command, detached",
			 [&] { must(bool(command.spawn_detached())); }},
			{"process_set",
			 [&] {
				 auto set = procfd::process_set::create();

				 must(bool(set));
				 must(bool(set->add(*procfd::spawn({"true"}),
						    1)));
				 must(set->wait()->size() == 1);
				 must(bool(set->try_wait()));
			 }},
			{"signal_stream",
			 [&] {
				 auto s =
					 procfd::signal_stream::open({SIGUSR1});

				 must(bool(s));
				 must(bool(s->try_read()));
				 ::pthread_kill(::pthread_self(), SIGUSR1);
				 must(s->read()->signo == SIGUSR1);
				 must(!s->read_until(
					 std::chrono::steady_clock::now()));
			 }},
			{"open_anonymous",
			 [&] {
				 must(bool(
					 procfd::open_anonymous(place.str())));
			 }},
			{"flink",
			 [&] {
				 auto fd = procfd::open_anonymous(place.str());

				 must(bool(procfd::flink(fd->get(), file)));
				 must(bool(procfd::frename(fd->get(), other)));
			 }},
			{"replace_file",
			 [&] {
				 must(bool(procfd::replace_file(file, "new")));
				 must(bool(procfd::replace_file(other, "new")));
				 must(!procfd::replace_file("/dev/null", ""));
			 }},
			{"replace_file_from",
			 [&] {
				 must(bool(procfd::replace_file_from(
					 file, null.get())));
			 }},
			{"check_replaceable",
			 [&] { must(bool(procfd::check_replaceable(file))); }},
		};
	}

	struct call {
		const char *what;
		std::function<void()> make;
	};

	scratch place;
	procfd::unique_fd null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
	process self;
	std::string name, file, other;
	procfd::command command = procfd::command({"true"})
					  .in(stdio::null)
					  .out(stdio::pipe)
					  .cwd("/");
	procfd::command by_fork = procfd::command({"true"}).close_others();
	procfd::command missing =
		procfd::command({"/nonexistent"}).close_others();
	std::vector<call> calls;
};

TEST_F(thread, with_the_least_stack_can_make_every_call)
{
	for (const auto &[what, make] : calls) {
		std::filesystem::remove(file);

		auto c = child([make = make] {
			return small_thread(make).join() ? 1 : 0;
		});

		EXPECT_EQ("exited 0", c.wait()->str()) << what;
	}
}

// Its time comes after the call, in what the caller says is a point for it.
TEST_F(thread, that_is_cancelled_ends_no_call_and_no_program)
{
	for (const auto &[what, make] : calls) {
		std::filesystem::remove(file);

		auto c = child([make = make] {
			bool whole = false;
			small_thread cancelled([&] {
				::pthread_cancel(::pthread_self());
				make();
				whole = true;
				::pthread_testcancel();
			});

			return cancelled.join() && whole ? 0 : 1;
		});

		EXPECT_EQ("exited 0", c.wait()->str()) << what;
	}
}

TEST_F(thread, that_is_cancelled_while_it_waits_ends_its_wait)
{
	auto c = child([] {
		channel ready, end;
		bool whole = false;
		auto waited = child([&] {
			end.close_writer();
			return end.receive() < 0 ? 0 : 1;
		});
		small_thread waiter([&] {
			int enabled;

			// Not in this write
			::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE,
						 &enabled);
			ready.send(1);
			::pthread_setcancelstate(enabled, nullptr);
			whole = waits(waited);
			::pthread_testcancel();
		});

		(void)ready.receive();
		waiter.cancel();
		end.close_writer();
		return waiter.join() && whole ? 0 : 1;
	});

	EXPECT_EQ("exited 0", c.wait()->str());
}
