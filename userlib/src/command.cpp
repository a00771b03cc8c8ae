// SPDX-License-Identifier: MIT
//
// What a command says becomes a plan, made of everything a child needs, while
// there still is memory to be had and an error is a plain return. The plan is then
// carried out by posix_spawn(3), or by a child of our own, which between fork and
// exec may do no more than a signal handler may.

#include <procfd/command.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <string_view>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.hpp"
#include "internal.hpp"
#include "make_child.hpp"
#include "signal_mask.hpp"

namespace procfd {

namespace calls = internal::calls;
using internal::last_error;
using internal::system_error;

/// A command made ready. It owns what its pointers point to, but the command too
/// must stay as it is.
class command_plan {
public:
	/// \throw std::bad_alloc
	static result<command_plan> make(const command &from);

	result<spawned> spawn(const device &dev) &&;
	result<void> detached(const device &dev);

	/// \return  the child in its place, beside the caller's ends of the pipes
	spawned with(process child) &&noexcept
	{
		ends_.child = std::move(child);
		return std::move(ends_);
	}

private:
	/// dup2(2) in the child.
	struct move {
		int from;
		int to;
	};
	/// How a child of our own says why it could not become the program: it
	/// writes an errno, or closes the pipe by its exec.
	struct report {
		unique_fd reader;
		unique_fd writer;
	};

	explicit command_plan(const command &from) : from_(&from) {}

	result<process> by_posix_spawn(const device &dev);
	result<process> by_fork(const device &dev);
	[[nodiscard]] bool needs_fork() const noexcept
	{
		return from_->identity_ || from_->close_others_;
	}

	result<void> set_environment();
	void set_candidates();
	result<void> set_descriptors();
	result<int> child_end(int number, stdio what);
	result<void> untangle();
	[[nodiscard]] bool is_target(int number) const noexcept;
	[[nodiscard]] result<unique_fd> duplicate(int fd) const noexcept;
	[[nodiscard]] std::optional<sigset_t> mask() const noexcept;

	result<report> make_report() const noexcept;
	[[noreturn]] void become(int report,
				 const sigset_t &mask) const noexcept;
	[[nodiscard]] int prepare(const sigset_t &mask) const noexcept;
	void reset_signals() const noexcept;
	[[nodiscard]] bool take_identity() const noexcept;
	[[nodiscard]] int execute() const noexcept;
	static int outcome(report pipe) noexcept;

	const command *from_;
	std::vector<const char *> argv_; // with its null pointer
	std::vector<std::string> variables_;
	std::vector<const char *> environment_; // with its null pointer
	std::vector<std::string> candidates_; // what exec is tried on
	std::vector<move> moves_;
	std::vector<unique_fd> held_; // the child's, which the parent closes
	spawned ends_;
};

namespace {

/// posix_spawn(3)'s list of what to do with descriptors.
class file_actions {
public:
	file_actions() noexcept { ::posix_spawn_file_actions_init(&list_); }
	~file_actions() { ::posix_spawn_file_actions_destroy(&list_); }
	file_actions(const file_actions &) = delete;
	file_actions &operator=(const file_actions &) = delete;

	[[nodiscard]] posix_spawn_file_actions_t *get() noexcept
	{
		return &list_;
	}

private:
	posix_spawn_file_actions_t list_;
};

std::vector<const char *> pointers(const std::vector<std::string> &strings)
{
	std::vector<const char *> out;

	out.reserve(strings.size() + 1);
	for (const auto &string : strings)
		out.push_back(string.c_str());
	out.push_back(nullptr);
	return out;
}

/// \return  whether a program would see the whole of it
bool is_whole(const std::string &string)
{
	return string.find('\0') == string.npos;
}

bool assigns(std::string_view variable, std::string_view name)
{
	return variable.size() > name.size() && variable[name.size()] == '=' &&
	       variable.starts_with(name);
}

// The system calls themselves, since libc's functions change all threads, and to
// do so take locks that another thread may have held when this child was forked.
#ifdef SYS_setresuid32
constexpr long sys_setgroups = SYS_setgroups32;
constexpr long sys_setresgid = SYS_setresgid32;
constexpr long sys_setresuid = SYS_setresuid32;
#else
constexpr long sys_setgroups = SYS_setgroups;
constexpr long sys_setresgid = SYS_setresgid;
constexpr long sys_setresuid = SYS_setresuid;
#endif

} // namespace

result<command_plan> command_plan::make(const command &from)
{
	command_plan plan(from);

	if (from.argv_.empty() ||
	    !std::all_of(from.argv_.begin(), from.argv_.end(), is_whole) ||
	    (from.file_ && !is_whole(*from.file_)) ||
	    (from.cwd_ && !is_whole(*from.cwd_)))
		return system_error(EINVAL);
	plan.argv_ = pointers(from.argv_);
	plan.set_candidates();

	auto done = plan.set_environment();

	if (done)
		done = plan.set_descriptors();
	if (!done)
		return unexpected(done.error());
	return plan;
}

result<void> command_plan::set_environment()
{
	if (from_->environment_)
		variables_ = *from_->environment_;
	else
		for (char **v = environ; v && *v; v++)
			variables_.emplace_back(*v);

	for (const auto &[name, value] : from_->variables_) {
		if (name.empty() || name.find('=') != name.npos ||
		    !is_whole(name))
			return system_error(EINVAL);
		std::erase_if(variables_, [&name = name](const auto &v) {
			return assigns(v, name);
		});
		if (value)
			variables_.push_back(name + "=" + *value);
	}
	if (!std::all_of(variables_.begin(), variables_.end(), is_whole))
		return system_error(EINVAL);
	environment_ = pointers(variables_);
	return {};
}

/// As execvp(3) finds a program, but without allocating in the child.
void command_plan::set_candidates()
{
	const std::string &file =
		from_->file_ ? *from_->file_ : from_->argv_.front();

	if (file.empty() || file.find('/') != file.npos) {
		candidates_.push_back(file);
		return;
	}

	const char *variable = std::getenv("PATH");
	std::string_view path = variable ? variable : "/bin:/usr/bin";

	for (std::size_t start = 0, end; start <= path.size();
	     start = end + 1) {
		end = std::min(path.find(':', start), path.size());

		std::string dir(path.substr(start, end - start));

		if (!dir.empty())
			dir += '/';
		candidates_.push_back(dir += file);
	}
}

result<void> command_plan::set_descriptors()
{
	// First, or what is opened below may get the number of what is not open
	for (auto [fd, as] : from_->kept_) {
		if (as < 0 || as >= ::sysconf(_SC_OPEN_MAX) ||
		    ::fcntl(fd, F_GETFD) < 0)
			return system_error(EBADF);
		moves_.push_back({fd, as});
	}
	for (auto what : from_->stdio_)
		if (what.kind_ == stdio::kind::descriptor &&
		    ::fcntl(what.fd_, F_GETFD) < 0)
			return system_error(EBADF);
	if (from_->stdio_[2].kind_ == stdio::kind::output &&
	    from_->stdio_[1].kind_ == stdio::kind::inherit && !is_target(1) &&
	    ::fcntl(1, F_GETFD) < 0)
		return system_error(EBADF);

	for (int number = 0; number < 3; number++) {
		auto what = from_->stdio_[number];

		if (what.kind_ == stdio::kind::inherit)
			continue;

		auto end = child_end(number, what);

		if (!end)
			return unexpected(end.error());
		std::erase_if(moves_, [=](move m) { return m.to == number; });
		moves_.push_back({*end, number});
	}
	return untangle();
}

/// \return  what becomes a standard descriptor, made if need be
result<int> command_plan::child_end(int number, stdio what)
{
	if (what.kind_ == stdio::kind::descriptor)
		return what.fd_;
	if (what.kind_ == stdio::kind::output) {
		// Output has had its turn; what has none is the caller's own
		if (number != 2)
			return system_error(EINVAL);
		for (auto [from, to] : moves_)
			if (to == 1)
				return from;
		return 1;
	}
	if (what.kind_ == stdio::kind::null) {
		unique_fd null(calls::open("/dev/null", O_RDWR | O_CLOEXEC));

		if (!null)
			return last_error();
		held_.push_back(std::move(null));
		return held_.back().get();
	}

	int fds[2];

	if (::pipe2(fds, O_CLOEXEC) < 0)
		return last_error();

	unique_fd reader(fds[0]), writer(fds[1]);
	bool reads = number == 0;
	unique_fd &ours = reads	      ? ends_.in :
			  number == 1 ? ends_.out :
					ends_.err;

	ours = std::move(reads ? writer : reader);
	held_.push_back(std::move(reads ? reader : writer));
	return held_.back().get();
}

bool command_plan::is_target(int number) const noexcept
{
	return std::any_of(moves_.begin(), moves_.end(),
			   [=](move m) { return m.to == number; });
}

/// \return  a duplicate whose number no move overwrites, close-on-exec
result<unique_fd> command_plan::duplicate(int fd) const noexcept
{
	for (int least = 3;;) {
		unique_fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, least));

		// EINVAL: no such number is allowed
		if (!copy)
			return system_error(errno == EINVAL ? EMFILE : errno);
		if (!is_target(copy.get()))
			return copy;
		least = copy.get() + 1;
	}
}

/// See to it that no move overwrites what another one still has to read.
result<void> command_plan::untangle()
{
	for (auto &move : moves_) {
		bool overwritten = std::any_of(
			moves_.begin(), moves_.end(), [&](auto other) {
				return other.to == move.from &&
				       other.to != move.to;
			});

		if (!overwritten)
			continue;

		auto copy = duplicate(move.from);

		if (!copy)
			return unexpected(copy.error());
		move.from = copy->get();
		held_.push_back(*std::move(copy));
	}
	return {};
}

/// \return  the mask of the program; absent: that of the calling thread
std::optional<sigset_t> command_plan::mask() const noexcept
{
	if (from_->mask_ || !from_->default_signals_)
		return from_->mask_;

	sigset_t none;

	sigemptyset(&none);
	return none;
}

result<process> command_plan::by_posix_spawn(const device &dev)
{
	file_actions actions;
	posix_spawnattr_t attributes;
	int flags = 0, error = 0;

	if (from_->cwd_)
		error = ::posix_spawn_file_actions_addchdir_np(
			actions.get(), from_->cwd_->c_str());
	for (auto [from, to] : moves_)
		if (!error)
			error = ::posix_spawn_file_actions_adddup2(
				actions.get(), from, to);
	if (error)
		return system_error(error);

	::posix_spawnattr_init(&attributes);
	if (auto set = mask()) {
		flags |= POSIX_SPAWN_SETSIGMASK;
		::posix_spawnattr_setsigmask(&attributes, &*set);
	}
	if (from_->default_signals_) {
		sigset_t all;

		sigfillset(&all);
		flags |= POSIX_SPAWN_SETSIGDEF;
		::posix_spawnattr_setsigdefault(&attributes, &all);
	}
	if (from_->new_session_)
		flags |= POSIX_SPAWN_SETSID;
	if (from_->process_group_) {
		flags |= POSIX_SPAWN_SETPGROUP;
		::posix_spawnattr_setpgroup(&attributes,
					    *from_->process_group_);
	}
	::posix_spawnattr_setflags(&attributes, static_cast<short>(flags));

	auto started = procfd::spawn(
		dev, argv_.data(),
		{.flags = from_->flags_,
		 .file = from_->file_ ? from_->file_->c_str() : nullptr,
		 .environment = environment_.data(),
		 .file_actions = actions.get(),
		 .attributes = &attributes});

	::posix_spawnattr_destroy(&attributes);
	return started;
}

result<command_plan::report> command_plan::make_report() const noexcept
{
	int fds[2];

	if (::pipe2(fds, O_CLOEXEC) < 0)
		return last_error();

	report pipe{unique_fd(fds[0]), unique_fd(fds[1])};
	auto writer = duplicate(pipe.writer.get());

	if (!writer)
		return unexpected(writer.error());
	pipe.writer = *std::move(writer);
	return pipe;
}

/// Read what the child has to say. A child that another thread forks at the same
/// time has the pipe too, until its exec: that is waited for as well.
/// \return  the errno that was reported; 0 if the program runs
int command_plan::outcome(report pipe) noexcept
{
	int error = 0;
	ssize_t n;

	pipe.writer.reset();
	do {
		n = calls::read(pipe.reader.get(), &error, sizeof(error));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(error) ? error : 0;
}

result<process> command_plan::by_fork(const device &dev)
{
	auto pipe = make_report();

	if (!pipe)
		return unexpected(pipe.error());

	auto made = [&] {
		internal::signals_blocked guard;
		auto f = internal::fork(dev, from_->flags_, guard);

		if (f && f->in_child())
			become(pipe->writer.get(), guard.for_child());
		return f;
	}();

	if (!made)
		return unexpected(made.error());
	if (int error = outcome(*std::move(pipe))) {
		(void)made->child.wait();
		return system_error(error);
	}
	return std::move(made->child);
}

result<spawned> command_plan::spawn(const device &dev) &&
{
	auto child = needs_fork() ? by_fork(dev) : by_posix_spawn(dev);

	if (!child)
		return unexpected(child.error());
	return std::move(*this).with(*std::move(child));
}

result<void> command_plan::detached(const device &dev)
{
	auto pipe = make_report();

	if (!pipe)
		return unexpected(pipe.error());

	auto between = [&] {
		internal::signals_blocked guard;
		auto f = internal::fork(dev, fork_flags::quiet, guard);

		if (f && f->in_child()) {
			// Not fork(3): its handlers may want a lock that another
			// thread held
			pid_t pid = ::_Fork();

			if (pid == 0)
				become(pipe->writer.get(), guard.for_child());
			if (pid < 0)
				internal::report(pipe->writer.get(), errno);
			::_exit(0);
		}
		return f;
	}();

	if (!between)
		return unexpected(between.error());

	int error = outcome(*std::move(pipe));

	(void)between->child.wait();
	if (error)
		return system_error(error);
	return {};
}

// From here on: in the child, which has every signal blocked.

void command_plan::become(int report, const sigset_t &inherited) const noexcept
{
	auto own = mask();
	int error = prepare(own ? *own : inherited);

	if (!error)
		error = execute();
	internal::report(report, error);
	::_exit(127);
}

/// All that comes before exec.
/// \return  0 or the errno of what failed
int command_plan::prepare(const sigset_t &mask) const noexcept
{
	reset_signals();
	if (from_->new_session_ && ::setsid() < 0)
		return errno;
	if (from_->process_group_ && ::setpgid(0, *from_->process_group_) < 0)
		return errno;
	if (from_->cwd_ && ::chdir(from_->cwd_->c_str()) < 0)
		return errno;
	// What is moved below loses the mark again
	if (from_->close_others_ &&
	    ::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return errno;
	for (auto [from, to] : moves_) {
		int done =
			from == to ? ::fcntl(to, F_SETFD, 0) : ::dup2(from, to);

		if (done < 0)
			return errno;
	}
	if (from_->identity_ && !take_identity())
		return errno;
	return ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

/// The parent's handlers must not run in the child once signals are unblocked.
void command_plan::reset_signals() const noexcept
{
	struct sigaction action;

	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		if (::sigaction(signo, nullptr, &action) < 0 ||
		    action.sa_handler == SIG_DFL ||
		    (action.sa_handler == SIG_IGN && !from_->default_signals_))
			continue;
		action = {};
		action.sa_handler = SIG_DFL;
		::sigaction(signo, &action, nullptr);
	}
}

bool command_plan::take_identity() const noexcept
{
	const auto &who = *from_->identity_;

	return ::syscall(sys_setgroups, who.groups.size(), who.groups.data()) ==
		       0 &&
	       ::syscall(sys_setresgid, who.gid, who.gid, who.gid) == 0 &&
	       ::syscall(sys_setresuid, who.uid, who.uid, who.uid) == 0;
}

/// \return  the errno for which it could not be, as posix_spawnp(3) chooses it
int command_plan::execute() const noexcept
{
	bool denied = false;

	for (const auto &path : candidates_) {
		::execve(path.c_str(), const_cast<char *const *>(argv_.data()),
			 const_cast<char *const *>(environment_.data()));
		switch (errno) {
		case EACCES:
			denied = true;
			break;
		case ENOENT:
		case ENOTDIR:
		case ENODEV:
		case ESTALE:
		case ETIMEDOUT:
			break;
		default:
			return errno;
		}
	}
	return denied ? EACCES : errno;
}

command &command::set_env(std::string name, std::string value)
{
	variables_.push_back({std::move(name), std::move(value)});
	return *this;
}

command &command::unset_env(std::string name)
{
	variables_.push_back({std::move(name), std::nullopt});
	return *this;
}

command &command::environment(std::vector<std::string> variables)
{
	environment_ = std::move(variables);
	variables_.clear();
	return *this;
}

command &command::keep(int fd, int as)
{
	std::erase_if(kept_, [=](kept other) { return other.as == as; });
	kept_.push_back({fd, as});
	return *this;
}

command &command::credentials(uid_t uid, gid_t gid, std::vector<gid_t> groups)
{
	identity_ = identity{uid, gid, std::move(groups)};
	return *this;
}

// The device is opened after the plan is made, which looks at what is open: it may
// get the number of what is not.
result<spawned> command::spawn() const noexcept
try {
	return command_plan::make(*this).and_then([](command_plan &&plan) {
		return device::open().and_then([&](const device &dev) {
			return std::move(plan).spawn(dev);
		});
	});
} catch (const std::bad_alloc &) {
	return system_error(ENOMEM);
}

result<spawned> command::spawn(const device &dev) const noexcept
try {
	return command_plan::make(*this).and_then([&](command_plan &&plan) {
		return std::move(plan).spawn(dev);
	});
} catch (const std::bad_alloc &) {
	return system_error(ENOMEM);
}

result<spawned> command::spawn_detached() const noexcept
try {
	if (flags_ != fork_flags::none)
		return system_error(EINVAL);

	auto plan = command_plan::make(*this);

	if (!plan)
		return unexpected(plan.error());

	auto dev = device::open();

	if (!dev)
		return unexpected(dev.error());

	auto started = plan->detached(*dev);

	if (!started)
		return unexpected(started.error());
	return (*std::move(plan)).with({});
} catch (const std::bad_alloc &) {
	return system_error(ENOMEM);
}

} // namespace procfd
