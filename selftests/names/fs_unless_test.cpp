// SPDX-License-Identifier: GPL-2.0-only
// "Start it unless it runs already", the main use of a pidfile: two who try at
// once, again and again.
#include <atomic>

#include <sys/mman.h>

#include "fs.h"

namespace {

constexpr int rounds = 1000;

/* What the racers, the watcher and the referee share. */
struct shared {
	std::atomic<int>
		round; /* the racers may start; raised by the referee */
	std::atomic<int> looks; /* of the watcher */
	std::atomic<int> misses;
	std::atomic<bool> stop;
	std::atomic<pid_t> started[2]; /* each racer's daemon, 0 if refused */
	std::atomic<int> done[2]; /* the last round of each that is over */
};

shared *share()
{
	void *p = mmap(nullptr, sizeof(shared), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(p == MAP_FAILED ? -errno : 0);
	return new (p) shared{};
}

class fs_unless : public names_test {
protected:
	/* The pid of the daemon, or -EEXIST if one runs already. */
	pid_t start_unless_running()
	{
		unique_fd fd(must(announce()));
		const int ret = link(fd, "daemon", PROCFD_LINK_REPLACE_DEAD);

		if (ret < 0) {
			must(cancel());
			return ret;
		}

		const pid_t pid = must(or_errno(fork()));

		if (!pid) {
			die_with_parent();
			sleep_for_ever();
		}
		return pid;
	}

	int race(int me)
	{
		for (int round = 1; round <= rounds; round++) {
			if (!eventually([&] { return s->round >= round; }))
				return 1;

			const pid_t pid = start_unless_running();

			if (pid < 0 && pid != -EEXIST)
				return 2;
			s->started[me] = pid;
			s->done[me] = round;
			if (pid < 0)
				continue;
			/* The referee kills it, by name. */
			if (wait_for(pid) != SIGKILL)
				return 3;
		}
		return 0;
	}

	/* From the first start on there is a name, of the living or the dead. */
	int watch()
	{
		while (!s->stop) {
			const int ret = try_open(at("daemon"), O_RDONLY);

			s->looks++;
			if (ret < 0)
				s->misses++;
		}
		return 0;
	}

	shared *s = share();
};

TEST_F(fs_unless, of_two_at_once_exactly_one_starts_the_daemon_and_it_is_named)
{
	/* What is there in the beginning is dead. */
	{
		child dead = start_zombie();

		ASSERT_EQ(0, link(dead.fd, "daemon"));
	}

	child racers[] = {
		start_without_descriptor([&] { return race(0); }),
		start_without_descriptor([&] { return race(1); }),
	};
	child watcher = start_without_descriptor([&] { return watch(); });

	for (int round = 1; round <= rounds; round++) {
		s->round = round;
		ASSERT_TRUE(eventually([&] {
			return s->done[0] == round && s->done[1] == round;
		})) << "in round "
		    << round;

		const pid_t one = s->started[0], other = s->started[1];

		ASSERT_EQ(1, (one > 0) + (other > 0)) << "in round " << round;
		ASSERT_EQ(-EEXIST, std::min(one, other))
			<< "in round " << round;

		unique_fd name(open_path(at("daemon"), O_RDWR));

		ASSERT_LE(0, name) << "in round " << round;
		ASSERT_EQ(std::uint32_t(PROCFD_STATE_RUNNING),
			  info_of(name).state);
		ASSERT_EQ(std::max(one, other), info_of(name).pid);
		ASSERT_EQ(4, write_to(name, "KILL"));
		ASSERT_EQ("killed 9", first_line(record_of(name)));
	}
	s->stop = true;
	EXPECT_EQ(0, racers[0].wait());
	EXPECT_EQ(0, racers[1].wait());
	EXPECT_EQ(0, watcher.wait());
	EXPECT_GT(s->looks, 0);
	EXPECT_EQ(0, s->misses);
	EXPECT_EQ(std::set<std::string>{"daemon"}, names_in(names));
}

} // namespace
