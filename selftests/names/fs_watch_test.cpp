// SPDX-License-Identifier: GPL-2.0-only
// What inotify tells of names: that the process has exited, and what becomes of
// the name.
#include <set>

#include <sys/inotify.h>

#include "fs.h"

namespace {

class fs_watch : public names_test {};

struct event {
	std::uint32_t mask;
	std::string name;

	bool operator==(const event &) const = default;
};

std::ostream &operator<<(std::ostream &out, const event &e)
{
	return out << "{" << std::hex << e.mask << std::dec << " '" << e.name
		   << "'}";
}

class watcher {
public:
	explicit watcher(const std::string &path, std::uint32_t mask)
		: fd_(must(or_errno(inotify_init1(IN_CLOEXEC))))
	{
		must(or_errno(inotify_add_watch(fd_, path.c_str(), mask)));
	}

	/* The next event, or one of mask 0 if none comes. */
	event next()
	{
		if (!poll_for(fd_, POLLIN,
			      pending_.empty() ? patience_ms() : 0) &&
		    pending_.empty())
			return {0, "timed out"};
		if (pending_.empty())
			fill();

		event e = pending_.front();

		pending_.erase(pending_.begin());
		return e;
	}
	bool is_idle() { return pending_.empty() && !poll_now(fd_); }

private:
	void fill()
	{
		alignas(inotify_event) char buffer[4096];
		ssize_t n =
			must(int(or_errno(read(fd_, buffer, sizeof(buffer)))));

		for (char *p = buffer; p < buffer + n;) {
			auto *e = reinterpret_cast<inotify_event *>(p);

			pending_.push_back({e->mask, e->len ? e->name : ""});
			p += sizeof(*e) + e->len;
		}
	}

	unique_fd fd_;
	std::vector<event> pending_;
};

constexpr std::uint32_t all_but_closing = IN_ATTRIB | IN_MODIFY | IN_ACCESS |
					  IN_CREATE | IN_DELETE | IN_MOVE |
					  IN_DELETE_SELF | IN_MOVE_SELF;

TEST_F(fs_watch, tells_who_watches_it_or_its_directory_of_the_exit)
{
	servant s;
	const std::string d = names_directory("d", 0755);

	ASSERT_EQ(0, link(s.fd(), "n"));
	s.close_fd();
	ASSERT_EQ(0, ::link(at("n").c_str(), (d + "/m").c_str()));

	watcher name(at("n"), all_but_closing), parent(names, all_but_closing),
		other_parent(d, all_but_closing);

	s.exit(0);
	EXPECT_EQ((event{IN_ATTRIB, ""}), name.next());
	EXPECT_EQ((event{IN_ATTRIB, "n"}), parent.next());
	EXPECT_EQ((event{IN_ATTRIB, "m"}), other_parent.next());
	/* What the event was about is there to be seen. */
	EXPECT_NE(0, stat_of(at("n")).st_size);
	EXPECT_TRUE(parent.is_idle());
	EXPECT_TRUE(other_parent.is_idle());
}

/* The same event: what a name tells has changed for good. */
TEST_F(fs_watch, tells_who_watches_it_of_a_fork_that_will_not_come)
{
	unique_fd fd(must(announce()));

	ASSERT_EQ(0, link(fd, "n"));

	watcher name(at("n"), all_but_closing), parent(names, all_but_closing);

	ASSERT_EQ(0, cancel());
	EXPECT_EQ((event{IN_ATTRIB, ""}), name.next());
	EXPECT_EQ((event{IN_ATTRIB, "n"}), parent.next());
	EXPECT_TRUE(parent.is_idle());
}

/* Of more than 256 names; whoever watches the name itself is told too. */
TEST_F(fs_watch, tells_the_directories_of_256_names)
{
	constexpr int told = 256;
	servant s;

	for (int i = 0; i < told + 44; i++)
		ASSERT_EQ(0, link(s.fd(), std::to_string(i).c_str()));

	watcher name(at("7"), IN_ATTRIB), parent(names, IN_ATTRIB);
	std::set<std::string> names_told;

	s.exit(0);
	for (int i = 0; i < told; i++) {
		const event e = parent.next();

		EXPECT_EQ(IN_ATTRIB, e.mask);
		names_told.insert(e.name);
	}
	EXPECT_EQ(std::size_t(told), names_told.size()) << "each once";
	EXPECT_EQ((event{IN_ATTRIB, ""}), name.next());
	/* After the exit's events, for it comes later. */
	ASSERT_EQ(0, chmod(names.c_str(), 0700));
	EXPECT_EQ((event{IN_ATTRIB | IN_ISDIR, ""}), parent.next());
}

TEST_F(fs_watch, tells_who_watches_it_of_signals_as_another_event)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	watcher name(at("n"), all_but_closing);

	ASSERT_EQ(4, echo_to(at("n"), "HUP"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	EXPECT_EQ((event{IN_MODIFY, ""}), name.next());
	/* By the descriptor that it is the name of, as well. */
	ASSERT_EQ(3, write_to(s.fd(), "HUP"));
	EXPECT_EQ(SIGHUP, s.next_signal());
	EXPECT_EQ((event{IN_MODIFY, ""}), name.next());
	EXPECT_TRUE(name.is_idle());
}

TEST_F(fs_watch, tells_who_watches_the_directory_of_coming_moving_and_going)
{
	servant s;
	watcher parent(names, IN_CREATE | IN_MOVE | IN_DELETE);

	ASSERT_EQ(0, link(s.fd(), "n"));
	EXPECT_EQ((event{IN_CREATE, "n"}), parent.next());
	ASSERT_EQ(0, rename(at("n").c_str(), at("m").c_str()));
	EXPECT_EQ((event{IN_MOVED_FROM, "n"}), parent.next());
	EXPECT_EQ((event{IN_MOVED_TO, "m"}), parent.next());
	ASSERT_EQ(0, unlink(at("m").c_str()));
	EXPECT_EQ((event{IN_DELETE, "m"}), parent.next());
}

} // namespace
