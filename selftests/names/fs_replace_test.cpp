// SPDX-License-Identifier: GPL-2.0-only
// A service is restarted by replacing its name, while others read and signal by
// that name without a pause: none of them ever misses it, and what they get and
// whom they reach is the old process or the new one, never a third.
#include <atomic>

#include <linux/sched.h>
#include <sys/mman.h>

#include "fs.h"

namespace {

constexpr int rounds = 300;
constexpr int readers = 4, signallers = 4;

/* What each daemon exits with; never 0. */
int code_of(int round)
{
	return 1 + round % 250;
}

struct shared {
	std::atomic<bool> stop;
	/* Which process was started in which round. */
	std::atomic<std::uint64_t> id[rounds + 1];
	std::atomic<int> opened, not_opened;
	std::atomic<int> records, bad_records;
	std::atomic<int> sent, too_late, not_sent;
	std::atomic<int> received, strays;
};

shared *s;

/* The record of the process @id: all of it, and of no other. */
bool is_whole(const std::string &record, std::uint64_t id)
{
	int round = 0;

	while (round <= rounds && s->id[round] != id)
		round++;
	if (round > rounds ||
	    first_line(record) != "exited " + std::to_string(code_of(round)))
		return false;
	for (const char *key :
	     {"utime_usec ", "stime_usec ", "maxrss_kb ", "minflt ", "majflt ",
	      "started_ns ", "exited_ns "}) {
		if (record.find(std::string("\n") + key) == std::string::npos)
			return false;
	}
	return record.find("\nid " + std::to_string(id) + "\n") !=
		       std::string::npos &&
	       record.ends_with('\n');
}

void count_a_stray(int)
{
	s->strays++;
}

/* For everybody whom no signal is meant for. */
void mind_strays()
{
	must(signal(SIGUSR1, count_a_stray) == SIG_ERR ? -errno : 0);
}

/* Take SIGUSR1, and exit with @code on SIGTERM. */
int be_daemon(int code)
{
	sigset_t set;
	int sig;

	/* Blocked since before the fork, so that none is lost or deadly. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	for (;;) {
		must(-sigwait(&set, &sig));
		if (sig == SIGTERM)
			return code;
		s->received++;
	}
}

void block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	must(or_errno(sigprocmask(how, &set, nullptr)));
}

/*
 * Somebody else who happens to get the pid of a dead daemon; 1 if a signal came
 * to it. Returns its pid, or -EEXIST if the pid is taken.
 */
pid_t start_bystander(pid_t pid, const gate &leave)
{
	clone_args args{};

	args.exit_signal = SIGCHLD;
	args.set_tid = std::uint64_t(std::uintptr_t(&pid));
	args.set_tid_size = 1;
	block(SIG_BLOCK);

	const pid_t ret =
		pid_t(or_errno(syscall(SYS_clone3, &args, sizeof(args))));

	if (!ret) {
		sigset_t pending;

		die_with_parent();
		if (!leave.pass())
			_exit(2);
		must(or_errno(sigpending(&pending)));
		_exit(sigismember(&pending, SIGUSR1) ||
		      sigismember(&pending, SIGTERM));
	}
	block(SIG_UNBLOCK);
	return ret;
}

class fs_replace : public names_test {
protected:
	int read_on()
	{
		mind_strays();
		while (!s->stop) {
			unique_fd fd(open_path(at("service"), O_RDONLY));

			if (fd < 0) {
				s->not_opened++;
				continue;
			}
			s->opened++;

			std::string record;
			char part[7];
			ssize_t n;

			/* As a shell reads it: in bits, by its own offset. */
			while ((n = read(fd, part, sizeof(part))) > 0)
				record.append(part, std::size_t(n));
			if (n == 0 && is_whole(record, info_of(fd).id))
				s->records++;
			else
				s->bad_records++;
		}
		return 0;
	}

	int signal_on()
	{
		mind_strays();
		while (!s->stop) {
			unique_fd fd(open_path(at("service"), O_WRONLY));

			if (fd < 0) {
				s->not_opened++;
				continue;
			}
			s->opened++;
			switch (write_to(fd, "USR1")) {
			case 4:
				s->sent++;
				break;
			case -ESRCH: /* the old one, and that has exited */
				s->too_late++;
				break;
			default:
				s->not_sent++;
			}
		}
		return 0;
	}

	/* Half of them get their name before the fork, half after it. */
	child restart(int round)
	{
		unique_fd fd(must(announce()));

		if (round % 2)
			must(link(fd, "service", PROCFD_LINK_REPLACE));
		block(SIG_BLOCK);

		const pid_t pid = must(or_errno(fork()));

		if (!pid) {
			die_with_parent();
			_exit(be_daemon(code_of(round)));
		}
		block(SIG_UNBLOCK);
		s->id[round] = info_of(fd).id;
		if (round % 2 == 0)
			must(link(fd, "service", PROCFD_LINK_REPLACE));
		return child(pid, std::move(fd));
	}
};

TEST_F(fs_replace, misses_no_reader_and_no_signaller_and_hits_nobody_else)
{
	void *p = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	std::vector<child> others;
	int bystanders = 0;

	ASSERT_NE(MAP_FAILED, p);
	s = new (p) shared{};
	mind_strays();

	auto current = std::make_unique<child>(restart(0));

	for (int i = 0; i < readers; i++)
		others.push_back(
			start_without_descriptor([this] { return read_on(); }));
	for (int i = 0; i < signallers; i++)
		others.push_back(start_without_descriptor(
			[this] { return signal_on(); }));

	gate leave;
	pid_t bystander = -1;

	for (int round = 1; round <= rounds; round++) {
		auto next = std::make_unique<child>(restart(round));
		const pid_t pid = current->pid;

		ASSERT_EQ(4, write_to(current->fd, "TERM"));
		ASSERT_EQ(W_EXITCODE(code_of(round - 1), 0), current->wait());
		current = std::move(next);

		/* The one with the pid before was there for a whole round. */
		if (bystander > 0) {
			leave.open();
			ASSERT_EQ(0, wait_for(bystander)) << "hit by a signal";
		}
		bystander = start_bystander(pid, leave);
		ASSERT_TRUE(bystander > 0 || bystander == -EEXIST) << bystander;
		bystanders += bystander > 0;
	}
	if (bystander > 0) {
		leave.open();
		EXPECT_EQ(0, wait_for(bystander)) << "hit by a signal";
	}

	/* Who waits for the last one has to be let go. */
	s->stop = true;
	ASSERT_EQ(4, write_to(current->fd, "TERM"));
	ASSERT_EQ(W_EXITCODE(code_of(rounds), 0), current->wait());
	for (child &other : others)
		EXPECT_EQ(0, other.wait());

	EXPECT_EQ(0, s->not_opened);
	EXPECT_EQ(0, s->bad_records);
	EXPECT_EQ(0, s->not_sent);
	EXPECT_EQ(0, s->strays);
	EXPECT_EQ(std::set<std::string>{"service"}, names_in(names));
	/* And it was not for want of trying. */
	EXPECT_GT(s->records, rounds / 10);
	EXPECT_GT(s->sent, rounds / 10);
	EXPECT_GT(s->received, 0);
	EXPECT_GT(bystanders, rounds / 2);
}

} // namespace
