// SPDX-License-Identifier: GPL-2.0-only
/*
 * flink and frename against each other and against whatever else is done to the
 * names, the files and the directory. The kernel warns, and the guest panics,
 * where a race is lost inside it.
 */
#include <atomic>
#include <functional>
#include <optional>
#include <thread>

#include <sys/fsuid.h>

#include "flink_common.h"
#include "half_way.h"
#include "threads.h"

namespace {

const need a_disk(missing_disk);

constexpr int writers = 4;
constexpr int readers = 4;

/* "3 17 300\n" and 300 times a letter that both numbers decide. */
std::string version(int writer, int round)
{
	const int size = (writer * 7919 + round * 104729) % 20000;

	return std::to_string(writer) + " " + std::to_string(round) + " " +
	       std::to_string(size) + "\n" +
	       std::string(std::size_t(size),
			   char('a' + (writer + round) % 26));
}

/* One version, whole. */
bool is_version(const std::string &text)
{
	int writer, round, size;

	return sscanf(text.c_str(), "%d %d %d\n", &writer, &round, &size) ==
		       3 &&
	       text == version(writer, round);
}

/* One entry for each errno that was seen, 0 among them. */
class answers {
public:
	void count(int ret) { seen_[-ret]++; }
	int operator[](int error) const { return seen_[error]; }
	/* Names of those that may not be seen. */
	std::vector<std::string> other_than(std::vector<int> allowed) const
	{
		std::vector<std::string> names;

		for (int i = 0; i < 200; i++)
			if (seen_[i] &&
			    std::find(allowed.begin(), allowed.end(), i) ==
				    allowed.end())
				names.push_back(name_of(-i));
		return names;
	}

private:
	std::atomic<int> seen_[200]{};
};

#define EXPECT_ONLY(answers, ...)             \
	EXPECT_EQ(std::vector<std::string>{}, \
		  (answers).other_than({__VA_ARGS__}))

#define ASSERT_ONLY(answers, ...)             \
	ASSERT_EQ(std::vector<std::string>{}, \
		  (answers).other_than({__VA_ARGS__}))

/* Threads that act until the others have had their rounds. */
class commotion {
public:
	/* Its turns are what the test lasts. */
	template <typename F>
	void rounds(int count, F body)
	{
		working_++;
		threads_.emplace_back([this, count, body] {
			for (int i = 0; i < count; i++)
				body(i);
			working_--;
		});
	}
	template <typename F>
	void meanwhile(F body)
	{
		others_.push_back(body);
	}
	void run()
	{
		for (const auto &body : others_)
			threads_.emplace_back([this, body]() mutable {
				do
					body();
				while (working_ > 0);
			});
		for (std::thread &thread : threads_)
			thread.join();
	}

private:
	std::atomic<int> working_{0};
	std::vector<std::thread> threads_;
	std::vector<std::function<void()>> others_;
};

class flink_race : public testing::TestWithParam<const char *> {
protected:
	flink_race()
	{
		const std::string type = GetParam();
		std::string source = type;

		if (!has_filesystem(type))
			return;
		if (type != "tmpfs") {
			source = flink_disk();
			must(-run("mkfs." + type + " -q " +
				  (type == "ext4" ? "-F " : "-f ") + source));
		}
		fs_.emplace(type.c_str(), source.c_str());
		must(fs_->error);
		dir = fs_->dir;
		must(or_errno(fchmod(dir, 0755)));
	}
	void SetUp() override { NEEDS_FILESYSTEM(GetParam()); }
	~flink_race() override
	{
		if (!fs_)
			return;
		no_hidden_name(dir);
		EXPECT_OK(fs_->unmount());
		const char *const checkers[][2] = {
			{"ext4", "e2fsck -fn "},
			{"xfs", "xfs_repair -n "},
			{"btrfs", "btrfs check "},
		};
		for (const auto &[type, checker] : checkers) {
			if (GetParam() != std::string(type))
				continue;
			EXPECT_EQ(0, run(checker + flink_disk()));
		}
	}

	static void no_hidden_name(int dirfd)
	{
		for (const std::string &name : list(dirfd))
			EXPECT_FALSE(name.starts_with(".flink")) << name;
	}

	/* A file without a name, by both ways where there are two. */
	unique_fd nameless(int dirfd, const std::string &text, int writer,
			   int round)
	{
		if (GetParam() == std::string("btrfs") || round % 2)
			return make_tmpfile(dirfd, text);

		const std::string name = "temporary " + std::to_string(writer);
		unique_fd fd = make_file(dirfd, name.c_str(), text);

		must(or_errno(unlinkat(dirfd, name.c_str(), 0)));
		return fd;
	}

	std::optional<mounted> fs_;
	int dir = -1;
};

INSTANTIATE_TEST_SUITE_P(, flink_race,
			 testing::Values("tmpfs", "ext4", "xfs", "btrfs"),
			 [](const auto &info) { return info.param; });

/*
 * What is decided before a filesystem is asked need not be seen on all. Each
 * thread has a directory of its own, or the directory's lock would be all that
 * is tested.
 */
class flink_race_before_the_filesystem : public flink_race {
protected:
	flink_race_before_the_filesystem()
	{
		for (unique_fd &own : own_) {
			const std::string name =
				"own" + std::to_string(&own - own_);

			must(or_errno(mkdirat(dir, name.c_str(), 0755)));
			own = mounted::open_dir(fs_->path + "/" + name);
		}
	}
	~flink_race_before_the_filesystem() override
	{
		for (unique_fd &own : own_) {
			no_hidden_name(own);
			own.reset();
		}
	}

	unique_fd own_[5];
};

INSTANTIATE_TEST_SUITE_P(, flink_race_before_the_filesystem,
			 testing::Values("tmpfs", "ext4"),
			 [](const auto &info) { return info.param; });

TEST_P(flink_race, readers_find_one_version_whole_at_any_time)
{
	commotion all;
	answers written, opened;
	std::atomic<int> torn{0}, seen{0};

	make_file(dir, "a", version(0, 0));
	for (int w = 0; w < writers; w++)
		all.rounds(150, [&, w](int round) {
			unique_fd fd =
				nameless(dir, version(w, round), w, round);

			written.count(flink(fd, dir, "a", PROCFD_LINK_REPLACE));
		});
	for (int r = 0; r < readers; r++)
		all.meanwhile([&] {
			unique_fd fd(or_errno(
				openat(dir, "a", O_RDONLY | O_CLOEXEC)));

			opened.count(fd < 0 ? int(fd) : 0);
			if (fd < 0)
				return;
			if (is_version(read_all(fd)))
				seen++;
			else
				torn++;
		});
	all.meanwhile([&] { no_hidden_name(dir); });
	all.run();
	EXPECT_ONLY(written, 0);
	EXPECT_ONLY(opened, 0);
	EXPECT_EQ(0, torn);
	EXPECT_GT(seen, 0);
	EXPECT_EQ(std::vector<std::string>{"a"}, [&] {
		std::vector<std::string> names = list(dir);

		std::erase(names, "lost+found");
		return names;
	}());
}

/* lend_linkable(): linkat(2) gives an O_TMPFILE file its name between two looks. */
TEST_P(flink_race_before_the_filesystem, linkat_names_the_tmpfile_meanwhile)
{
	for (int round = 0; round < rounds(); round++) {
		unique_fd fd = make_tmpfile(dir, "x");

		ASSERT_EQ(0, in_threads(2, [&](int i) {
				  return i ? flink(fd, own_[0], "a") == 0 :
					     linkat_fd(fd, own_[1], "a") == 0;
			  }));
		must(or_errno(unlinkat(own_[0], "a", 0)));
		must(or_errno(unlinkat(own_[1], "a", 0)));
	}
}

TEST_P(flink_race, the_name_is_unlinked_and_renamed_meanwhile)
{
	commotion all;
	answers framed, linked, opened;
	std::atomic<int> torn{0};

	for (int w = 0; w < writers; w++)
		all.rounds(150, [&, w](int round) {
			unique_fd fd =
				nameless(dir, version(w, round), w, round);

			if (w % 2)
				framed.count(flink(fd, dir, "a",
						   PROCFD_LINK_REPLACE));
			else
				linked.count(flink(fd, dir, "a"));
		});
	all.meanwhile([&] { unlinkat(dir, "a", 0); });
	all.meanwhile([&] {
		renameat(dir, "a", dir, "b");
		renameat(dir, "b", dir, "a");
	});
	all.meanwhile([&] {
		unique_fd fd(or_errno(openat(dir, "a", O_RDONLY | O_CLOEXEC)));

		opened.count(fd < 0 ? int(fd) : 0);
		if (fd >= 0 && !is_version(read_all(fd)))
			torn++;
	});
	all.meanwhile([&] { no_hidden_name(dir); });
	all.run();
	EXPECT_ONLY(framed, 0);
	EXPECT_ONLY(linked, 0, EEXIST);
	EXPECT_ONLY(opened, 0, ENOENT);
	EXPECT_EQ(0, torn);
	EXPECT_GT(linked[0], 0);
}

TEST_P(flink_race, the_directory_is_removed_meanwhile)
{
	commotion all;
	answers framed, removed;

	must(or_errno(mkdirat(dir, "d", 0755)));
	for (int w = 0; w < writers; w++)
		all.rounds(150, [&, w](int round) {
			unique_fd d(openat(dir, "d",
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC));

			if (d < 0)
				return;
			for (const char *name : {"a", "a", "b"}) {
				unique_fd fd = nameless(dir, version(w, round),
							w, round);

				framed.count(flink(fd, d, name,
						   PROCFD_LINK_REPLACE));
			}
		});
	all.meanwhile([&, before = 0]() mutable {
		/* One name is made at least in each, or it is too quick. */
		if (std::exchange(before, framed[0]) == framed[0])
			return;
		unique_fd d(
			openat(dir, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

		if (d >= 0) {
			unlinkat(d, "a", 0);
			unlinkat(d, "b", 0);
		}
		/* ENOTEMPTY too if a hidden name were left: it would stay. */
		removed.count(or_errno(unlinkat(dir, "d", AT_REMOVEDIR)));
		mkdirat(dir, "d", 0755);
	});
	all.run();
	EXPECT_ONLY(framed, 0, ENOENT);
	EXPECT_ONLY(removed, 0, ENOTEMPTY);
	EXPECT_GT(framed[0], 0);
	EXPECT_GT(removed[0] + removed[ENOTEMPTY], 0);
	unique_fd d = mounted::open_dir(fs_->path + "/d");
	no_hidden_name(d);
}

/*
 * Flinks of one unlinked file. One of them always fails, and late: as another
 * user, whose file it is, in a directory that is not his.
 */
TEST_P(flink_race_before_the_filesystem,
       what_one_flink_lends_another_does_not_take_away)
{
	commotion all;
	answers good, bad;
	unique_fd fd = make_unlinked(dir, "text");

	must(or_errno(fchown(fd, alice, alice)));
	for (int w = 0; w < 2; w++)
		all.rounds(400, [&, w](int) {
			good.count(flink(fd, own_[w], "a"));
			unlinkat(own_[w], "a", 0);
		});
	for (int w = 2; w < 4; w++)
		all.meanwhile([&, w] {
			/* Of this thread alone. */
			setfsuid(alice);
			bad.count(flink(fd, own_[w], "a"));
			setfsuid(0);
		});
	all.run();
	EXPECT_ONLY(good, 0);
	EXPECT_ONLY(bad, EACCES);
	EXPECT_GT(bad[EACCES], 0);
	/* And nothing of it is left. */
	EXPECT_EQ(0u, stat_of(fd).st_nlink);
	EXPECT_ERROR(ENOENT, linkat_fd(fd, dir, "a"));
}

TEST_P(flink_race_before_the_filesystem, linkat_may_use_what_is_lent)
{
	commotion all;
	answers flinked, framed, failed, linked;
	unique_fd fd = make_unlinked(dir, "text");

	must(or_errno(fchown(fd, alice, alice)));
	make_file(own_[1], "a");
	all.rounds(400, [&](int) {
		flinked.count(flink(fd, own_[0], "a"));
		unlinkat(own_[0], "a", 0);
	});
	all.rounds(400, [&](int) {
		framed.count(flink(fd, own_[1], "a", PROCFD_LINK_REPLACE));
		make_file(own_[1], "b");
		renameat(own_[1], "b", own_[1], "a");
	});
	all.meanwhile([&] {
		setfsuid(alice);
		failed.count(flink(fd, own_[2], "a"));
		setfsuid(0);
	});
	for (int w = 3; w < 5; w++)
		all.meanwhile([&, w] {
			linked.count(linkat_fd(fd, own_[w], "a"));
			unlinkat(own_[w], "a", 0);
		});
	all.run();
	/* ENOENT if linkat(2) took it and the name is gone again. */
	EXPECT_ONLY(flinked, 0, ENOENT);
	EXPECT_ONLY(framed, 0, ENOENT);
	EXPECT_ONLY(failed, EACCES);
	EXPECT_ONLY(linked, 0, ENOENT);
	EXPECT_GT(flinked[0], 0);
	EXPECT_GT(framed[0], 0);
}

/* The last name goes while flink has seen it. */
TEST_P(flink_race_before_the_filesystem, the_source_loses_its_name_meanwhile)
{
	commotion all;
	answers made;

	for (int w = 0; w < 2; w++)
		all.rounds(400, [&, w](int) {
			unique_fd fd = make_file(own_[w], "source", "x");

			made.count(flink(fd, own_[w + 2], "a",
					 PROCFD_LINK_REPLACE));
			unlinkat(own_[w], "source", 0);
		});
	for (int w = 0; w < 2; w++)
		all.meanwhile([&, w] { unlinkat(own_[w], "source", 0); });
	all.run();
	EXPECT_ONLY(made, 0);
}

/* Half way there is a name that is taken back, and others use the same file. */
TEST_P(flink_race_before_the_filesystem, failed_replacements_of_one_file)
{
	commotion all;
	answers failed;
	unique_fd fd = make_tmpfile(dir, "text");
	std::optional<half_way> fails[3];

	for (int w = 0; w < 3; w++) {
		make_file(own_[w], "a", "old");
		fails[w].emplace(own_[w], "a");
		all.rounds(300, [&, w](int) {
			failed.count(
				flink(fd, own_[w], "a", PROCFD_LINK_REPLACE));
		});
	}
	all.run();
	EXPECT_ONLY(failed, EBUSY);
	for (int w = 0; w < 3; w++)
		EXPECT_EQ(std::vector<std::string>{"a"}, list(own_[w]));
	EXPECT_EQ(0u, stat_of(fd).st_nlink);
	EXPECT_OK(linkat_fd(fd, dir, "b"));
}

TEST(flink_race_of_processes, one_of_many_takes_the_place_of_the_dead)
{
	mounted fs(PROCFD_FS_TYPE, "procfd");
	ASSERT_OK(fs.error);
	const int dir = fs.dir;

	for (int round = 0; round < 100; round++) {
		child dead = start_zombie();
		child next[4] = {start_sleeper(), start_sleeper(),
				 start_sleeper(), start_sleeper()};
		std::vector<std::thread> threads;
		std::atomic<int> won{0};
		answers got;

		ASSERT_OK(flink(dead.fd, dir, "a", PROCFD_LINK_REPLACE));
		for (int i = 0; i < 4; i++)
			threads.emplace_back([&, i] {
				const int ret = flink(next[i].fd, dir, "a",
						      PROCFD_LINK_REPLACE_DEAD);

				got.count(ret);
				if (!ret)
					won = i;
			});
		for (std::thread &thread : threads)
			thread.join();
		ASSERT_ONLY(got, 0, EEXIST);
		ASSERT_EQ(1, got[0]);
		ASSERT_TRUE(names(dir, "a", next[won].fd));
	}
	EXPECT_EQ(std::vector<std::string>{"a"}, list(dir));
	remove_all(dir);
}

TEST(flink_race_of_processes, a_name_is_there_while_it_is_handed_over)
{
	mounted fs(PROCFD_FS_TYPE, "procfd");
	ASSERT_OK(fs.error);
	const int dir = fs.dir;
	child c[4] = {start_sleeper(), start_sleeper(), start_sleeper(),
		      start_sleeper()};
	commotion all;
	answers framed, opened;

	ASSERT_OK(or_errno(mount("procfd", fs.path.c_str(), nullptr, MS_REMOUNT,
				 "max=1")));
	ASSERT_OK(flink(c[0].fd, dir, "a"));
	for (int i = 0; i < 4; i++)
		all.rounds(200, [&, i](int round) {
			/* Also two at once with one descriptor. */
			framed.count(flink(c[(i / 2 + round) % 4].fd, dir, "a",
					   PROCFD_LINK_REPLACE));
		});
	for (int i = 0; i < 4; i++)
		all.meanwhile([&] {
			unique_fd fd(
				or_errno(openat(dir, "a", O_RDWR | O_CLOEXEC)));

			opened.count(fd < 0 ? int(fd) : 0);
			if (fd >= 0)
				opened.count(write_to(fd, "0") == 1 ? 0 : -EIO);
		});
	all.run();
	EXPECT_ONLY(framed, 0);
	EXPECT_ONLY(opened, 0);
	EXPECT_EQ(std::vector<std::string>{"a"}, list(dir));
	remove_all(dir);
	EXPECT_OK(or_errno(mount("procfd", fs.path.c_str(), nullptr, MS_REMOUNT,
				 "max=65536")));
}

} // namespace
