// SPDX-License-Identifier: MIT
//
// procfd run: start a program under a name, and end as it ends.

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "start.hpp"
#include "watched.hpp"

namespace command {

namespace {

struct options {
	name_options name;
	bool kill_on_close = false;
	bool quiet = false;
	bool detach = false;
	bool tree = false; ///< asked for
	bool no_tree = false;
	std::string timeout;
	std::string retry;
};

/// A program that ends with 0 sooner than this, and leaves processes behind, is
/// taken to have made itself a daemon.
constexpr std::chrono::seconds at_once{10};

/// The signals that procfd run passes on, blocked and read from a descriptor, so
/// that none is lost between the fork and the first look.
class signals {
public:
	signals() noexcept
	{
		sigemptyset(&set_);
		for (int signo : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
				  SIGUSR2, SIGALRM, SIGWINCH, SIGCONT, SIGTSTP})
			add(signo);
		sigaddset(&set_, SIGCHLD); // ignored or not
		::sigprocmask(SIG_BLOCK, &set_, &before_);
		fd_.reset(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
	}
	signals(const signals &) = delete;
	signals &operator=(const signals &) = delete;

	[[nodiscard]] int fd() const noexcept { return fd_.get(); }

	/// In the child: signals as this command got them.
	void restore() const noexcept
	{
		::sigprocmask(SIG_SETMASK, &before_, nullptr);
	}

	/// \return  the next signal that has come, if one has
	[[nodiscard]] std::optional<signalfd_siginfo> next() const noexcept
	{
		signalfd_siginfo info;

		if (::read(fd_.get(), &info, sizeof(info)) !=
		    static_cast<ssize_t>(sizeof(info)))
			return std::nullopt;
		return info;
	}

	/// Stop as SIGTSTP does, until SIGCONT; not in an orphaned process
	/// group, where nobody could continue this.
	static void stop() noexcept
	{
		sigset_t only;

		sigemptyset(&only);
		sigaddset(&only, SIGTSTP);
		::raise(SIGTSTP);
		::sigprocmask(SIG_UNBLOCK, &only, nullptr);
		::sigprocmask(SIG_BLOCK, &only, nullptr);
	}

private:
	/// What is ignored stays so, here and in the child, as under nohup(1).
	void add(int signo) noexcept
	{
		struct sigaction action;

		if (::sigaction(signo, nullptr, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&set_, signo);
	}

	sigset_t set_;
	sigset_t before_;
	procfd::unique_fd fd_;
};

/// A pipe, both ends close-on-exec.
struct channel {
	procfd::unique_fd reader;
	procfd::unique_fd writer;

	[[nodiscard]] bool open() noexcept
	{
		int ends[2];

		if (::pipe2(ends, O_CLOEXEC) < 0)
			return false;
		reader.reset(ends[0]);
		writer.reset(ends[1]);
		return true;
	}
};

/// \return  whether this process has children, dead or alive
bool has_children() noexcept
{
	siginfo_t ignored;

	return ::waitid(P_ALL, 0, &ignored,
			WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/// Take the zombies of all children. How the one that matters has ended is kept
/// by its descriptor.
void reap_all() noexcept
{
	while (::waitpid(-1, nullptr, WNOHANG | __WALL) > 0)
		;
}

/// One run of a command, from its name to its end.
class runner {
public:
	runner(const options &options, const operands &command,
	       std::optional<std::chrono::nanoseconds> timeout, schedule plan)
		: options_(options), command_(command), timeout_(timeout),
		  plan_(std::move(plan)), had_children_(has_children())
	{
	}

	/// \return  the code to exit with
	int run()
	{
		name_options name = options_.name;

		if (int code = announce())
			return code;
		if (!name.name.empty()) {
			where_ = name.take(child_.process);
			if (!where_)
				return own_failure;
			child_.path = where_->path();
		} else {
			child_.path = command_.front();
		}
		// Not before: nobody would get what comes while this waits for
		// the name.
		signals_.emplace();
		// Who daemonises becomes a child of this process, and is seen.
		if (!options_.detach)
			::prctl(PR_SET_CHILD_SUBREAPER, 1);
		if (int code = start())
			return code;
		return options_.detach ? int(tool::success) : follow();
	}

private:
	int announce()
	{
		auto device = procfd::device::open();

		if (!device)
			return failed("/dev/procfd",
				      device_reason(device.error()));

		auto flags = options_.kill_on_close ?
				     procfd::fork_flags::kill_on_close :
				     procfd::fork_flags::none;

		tree_ = options_.tree || (!options_.no_tree &&
					  (timeout_ || options_.kill_on_close ||
					   options_.detach));

		auto fd = device->announce_fork(
			tree_ ? flags | procfd::fork_flags::tree : flags);

		// Too deep in trees to make one that nobody has asked for
		if (tree_ && !options_.tree && !fd &&
		    fd.error() == std::errc::too_many_symbolic_link_levels) {
			tree_ = false;
			fd = device->announce_fork(flags);
		}
		if (!fd)
			return failed(
				"fork",
				fd.error() == std::errc::
							too_many_symbolic_link_levels ?
					"too many trees in each other" :
					device_reason(fd.error()));
		child_.process = procfd::process::adopt(*std::move(fd));
		return 0;
	}

	int failed(const std::string &subject, const std::string &reason) const
	{
		complain(subject, reason);
		if (where_)
			where_->give_up(child_.process);
		return own_failure;
	}

	/// Fork and execute.
	/// \return  0, or the code to exit with; then no name is left
	int start()
	{
		channel report; // errno of a failed exec, or its end
		channel hold; // ends when the name is gone
		int error = 0;

		if (!report.open() || !hold.open())
			return failed("pipe", std::strerror(errno));
		pid_ = ::fork();
		if (pid_ < 0)
			return failed("fork", std::strerror(errno));
		if (pid_ == 0)
			become(report, hold);
		report.writer.reset();

		auto info = child_.process.info();

		if (!info || info->pid != pid_) {
			// Its zombie is ours, so the id is
			::kill(pid_, SIGKILL);
			return failed("fork", "another child took the name");
		}

		ssize_t size;

		do
			size = ::read(report.reader.get(), &error,
				      sizeof(error));
		while (size < 0 && errno == EINTR);
		if (size != static_cast<ssize_t>(sizeof(error)))
			return 0;

		// Until the child is let go it lives, and so does its name: only
		// force can have taken it away.
		if (where_)
			where_->give_up(child_.process);
		hold.writer.reset();
		if (auto ended = child_.process.wait(); !ended)
			complain(child_.path, ended.error().message());
		return not_executed(command_.front(), error);
	}

	[[noreturn]] void become(channel &report, channel &hold) const
	{
		char byte;

		hold.writer.reset();
		report.reader.reset();
		if (options_.detach) {
			::setsid();
			procfd::unique_fd null(
				::open("/dev/null", O_RDONLY | O_CLOEXEC));
			if (null)
				::dup2(null.get(), STDIN_FILENO);
		}
		signals_->restore();

		int error = execute(command_);

		if (::write(report.writer.get(), &error, sizeof(error)) ==
		    static_cast<ssize_t>(sizeof(error)))
			while (::read(hold.reader.get(), &byte, 1) < 0 &&
			       errno == EINTR)
				;
		::_exit(own_failure);
	}

	/// Pass signals on until the command has ended.
	/// \return  the code to exit with
	int follow()
	{
		std::optional<clock::time_point> deadline;
		bool stopping = false;

		if (timeout_)
			deadline = clock::now() + *timeout_;
		for (;;) {
			look(child_);
			if (!child_.pending())
				break;
			if (await(deadline))
				continue;
			stopping = true;

			auto step = plan_.next();

			for (int signo : step.signals)
				if (child_.pending())
					send(child_, signo,
					     tree_ && signo == SIGKILL ?
						     procfd::scope::tree :
						     procfd::scope::process);
			if (!child_.pending())
				break;
			if (!step.patience) {
				complain(child_.path, "is still running");
				return timed_out;
			}
			deadline = clock::now() + *step.patience;
		}
		if (child_.failed)
			return own_failure;
		// The time is up for what it has left behind, too.
		if (stopping && tree_ &&
		    child_.process.signal(SIGKILL, procfd::scope::tree))
			(void)child_.process.wait_empty();
		look_behind();
		return stopping ? int(timed_out) : mirrored(*child_.status);
	}

	/// Wait for the end of the command, or a signal and deal with it.
	/// \return  whether anything happened before the deadline
	bool await(std::optional<clock::time_point> deadline)
	{
		struct pollfd entries[] = {
			{.fd = child_.process.native_handle(),
			 .events = POLLIN,
			 .revents = 0},
			{.fd = signals_->fd(), .events = POLLIN, .revents = 0},
		};
		timespec left{};

		if (deadline)
			left = time_left(*deadline);
		if (::ppoll(entries, std::size(entries),
			    deadline ? &left : nullptr, nullptr) == 0)
			return false;
		while (auto info = signals_->next())
			pass_on(*info);
		return true;
	}

	void pass_on(const signalfd_siginfo &info)
	{
		int signo = static_cast<int>(info.ssi_signo);

		if (signo == SIGCHLD) {
			reap_all();
			return;
		}

		// A terminal signals the whole foreground group, the command
		// with it; and what the command sends it does not want back.
		bool from_terminal = info.ssi_code > 0;
		bool from_command =
			info.ssi_pid == static_cast<std::uint32_t>(pid_);

		if (!from_terminal && !from_command)
			(void)child_.process.signal(signo);
		if (signo == SIGTSTP)
			signals::stop();
	}

	/// Warn about a command that made itself a daemon: the name is not its.
	void look_behind() const
	{
		reap_all();
		if (options_.quiet || tree_ || had_children_ ||
		    !child_.status->success() || !has_children())
			return;

		auto info = child_.process.info();

		if (!info || info->ended - info->started >= at_once)
			return;
		complain(child_.path,
			 fmt::format("warning: {} has ended at once and left "
				     "processes behind: it made itself a "
				     "daemon, which has no name; tell it to "
				     "stay in the foreground",
				     printable(command_.front())));
	}

	const options &options_;
	const operands &command_;
	const std::optional<std::chrono::nanoseconds> timeout_;
	schedule plan_;
	const bool had_children_;
	std::optional<signals> signals_; ///< once there is a name
	watched child_;
	bool tree_ = false; ///< it is the first of one
	std::optional<place> where_;
	pid_t pid_ = -1; ///< only to be compared with
};

int act(const options &options, const operands &command)
{
	std::optional<std::chrono::nanoseconds> timeout;

	if (options.kill_on_close && !options.name.name.empty())
		throw misuse("--kill-on-close does not go with --name: with a "
			     "name a process outlives who started it");
	if (options.kill_on_close && options.detach)
		throw misuse("--kill-on-close does not go with --detach");
	if (options.tree && options.no_tree)
		throw misuse("--tree does not go with --no-tree");
	if (options.detach && !options.timeout.empty())
		throw misuse("--timeout does not go with --detach");
	if (options.timeout.empty() && !options.retry.empty())
		throw misuse("--retry goes with --timeout");
	if (!options.timeout.empty())
		timeout = duration_option(options.timeout);
	if (timeout && timeout->count() == 0) // as for timeout(1)
		timeout.reset();

	auto plan = schedule::parse(options.retry.empty() ? default_schedule :
							    options.retry,
				    SIGTERM);
	auto checked = options;

	checked.name.who.resolve();
	if (int code = look_for(command.front()))
		return code;
	return runner(checked, command, timeout, std::move(plan)).run();
}

} // namespace

subcommand make_run(CLI::App &parent)
{
	auto *app = add(parent, "run", "[OPTION...] [--] COMMAND [ARGUMENT...]",
			"Start COMMAND, with a name, and end as it ends");
	auto set = std::make_shared<options>();

	set->name.declare(*app);
	flag(*app, "-d,--detach", set->detach,
	     "return once it runs; it gets a session of its own");
	flag(*app, "-k,--kill-on-close", set->kill_on_close,
	     "it is killed if this command is; not with a name");
	option(*app, "-t,--timeout", set->timeout,
	       "stop it after this time, and exit with 124; 0 is no limit",
	       "TIME");
	option(*app, "-r,--retry", set->retry,
	       std::string("how --timeout stops it (default ") +
		       default_schedule + ")",
	       "SCHEDULE");
	flag(*app, "--tree", set->tree,
	     "what it starts belongs to it: default with -d, -k and -t");
	flag(*app, "--no-tree", set->no_tree, "it alone is meant");
	flag(*app, "-q,--quiet", set->quiet,
	     "do not warn of a command that makes itself a daemon");
	return {app,
		own_failure,
		1,
		any_number,
		true,
		[set](const operands &command) { return act(*set, command); }};
}

} // namespace command
