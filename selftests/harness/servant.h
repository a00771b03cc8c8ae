/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that does as it is told over a pipe and tells what became of it
 * over another: what it was ordered, and which signals it got. SIGKILL ends it,
 * no other signal does, and so does the end of the test.
 */
#ifndef PROCFD_SELFTESTS_SERVANT_H
#define PROCFD_SELFTESTS_SERVANT_H

#include <string>
#include <utility>
#include <vector>

#include <sys/signalfd.h>

#include "common.h"

/* Whom the guest knows. */
struct user {
	uid_t uid;
	gid_t gid;
	std::vector<gid_t> groups;
};

constexpr gid_t ops_gid = 2000;
inline const user root{0, 0, {}};
inline const user alice{1000, 1000, {}};
inline const user bob{1001, 1001, {}};
inline const user nobody{65534, 65534, {}};
/* The same as members of group ops. */
inline const user ops_alice{1000, 1000, {ops_gid}};
inline const user ops_bob{1001, 1001, {ops_gid}};

/* For good. */
inline void become(const user &who)
{
	must(or_errno(setgroups(who.groups.size(), who.groups.data())));
	must(or_errno(setresgid(who.gid, who.gid, who.gid)));
	must(or_errno(setresuid(who.uid, who.uid, who.uid)));
	die_with_parent();
}

struct order {
	enum { exit, set_uids, exec } what;
	int a, b, c;
	char path[256];
};

/* What a servant does, with the two ends of pipes that are its own. */
[[noreturn]] inline void serve(int orders, int reports)
{
	sigset_t all;
	unique_fd signals;

	sigfillset(&all);
	must(or_errno(sigprocmask(SIG_SETMASK, &all, nullptr)));
	signals.reset(must(or_errno(signalfd(-1, &all, SFD_CLOEXEC))));

	auto report = [&](int what) {
		must(int(or_errno(write(reports, &what, sizeof(what)))));
	};

	report(0);
	for (;;) {
		pollfd p[] = {{orders, POLLIN, 0}, {signals, POLLIN, 0}};
		signalfd_siginfo info;
		order o;

		must(or_errno(poll(p, 2, -1)));
		if (p[1].revents) {
			must(int(or_errno(read(signals, &info, sizeof(info)))));
			report(int(info.ssi_signo));
			continue;
		}
		if (read(orders, &o, sizeof(o)) != sizeof(o))
			_exit(98); /* the master is gone */
		switch (o.what) {
		case order::exit:
			_exit(o.a);
		case order::set_uids:
			report(or_errno(
				setresuid(uid_t(o.a), uid_t(o.b), uid_t(o.c))));
			die_with_parent();
			break;
		case order::exec:
			must(or_errno(dup2(orders, 3)));
			must(or_errno(dup2(reports, 4)));
			execl(o.path, o.path, nullptr);
			report(-errno);
			break;
		}
	}
}

class servant {
public:
	/* With a descriptor of its own. */
	explicit servant(const user &who = root, std::uint32_t flags = 0)
		: servant(unique_fd(must(announce(flags))), who)
	{
	}
	/* Bound to what this thread has announced. */
	explicit servant(unique_fd announced, const user &who = root)
		: process_(launch(std::move(announced), who))
	{
		must(next_report());
	}

	int fd() const { return process_.fd; }
	pid_t pid() const { return process_.pid; }
	void close_fd() { process_.fd.reset(); }

	/* The next signal that it got; -ETIMEDOUT, or -EPIPE once it is dead. */
	int next_signal() { return next_report(); }
	/* None has come that was not asked for; signals are told of first. */
	bool has_no_signal()
	{
		return set_uids(uid_t(-1), uid_t(-1), uid_t(-1)) == 0;
	}
	/* setresuid(2) */
	int set_uids(uid_t real, uid_t effective, uid_t saved)
	{
		tell({order::set_uids,
		      int(real),
		      int(effective),
		      int(saved),
		      {}});
		return next_report();
	}
	/* Go on as helper_servant, which lies at @path. */
	int exec(const std::string &path)
	{
		order o{order::exec, 0, 0, 0, {}};

		path.copy(o.path, sizeof(o.path) - 1);
		tell(o);
		return next_report();
	}
	/* It is a zombie when this returns. */
	void exit(int code)
	{
		tell({order::exit, code, 0, 0, {}});
		wait_for_zombie(process_.pid);
	}
	/* Reap it: the wait status. */
	int wait() { return process_.wait(); }
	int exit_and_reap(int code)
	{
		exit(code);
		return wait();
	}

private:
	child launch(unique_fd announced, const user &who)
	{
		int orders[2], reports[2];

		must(or_errno(pipe2(orders, O_CLOEXEC)));
		must(or_errno(pipe2(reports, O_CLOEXEC)));

		pid_t pid = must(or_errno(fork()));

		if (!pid) {
			announced.reset();
			close(orders[1]);
			close(reports[0]);
			/* In a user namespace one may not even become oneself. */
			if (who.uid == geteuid())
				die_with_parent();
			else
				become(who);
			serve(orders[0], reports[1]);
		}
		close(orders[0]);
		close(reports[1]);
		orders_.reset(orders[1]);
		reports_.reset(reports[0]);
		return child(pid, std::move(announced));
	}

	void tell(const order &o)
	{
		must(int(or_errno(write(orders_, &o, sizeof(o)))));
	}

	int next_report()
	{
		int what;
		ssize_t n;

		if (!poll_for(reports_, POLLIN, patience_ms()))
			return -ETIMEDOUT;
		n = read(reports_, &what, sizeof(what));
		return n == sizeof(what) ? what : -EPIPE;
	}

	unique_fd orders_, reports_;
	child process_;
};

#endif /* PROCFD_SELFTESTS_SERVANT_H */
