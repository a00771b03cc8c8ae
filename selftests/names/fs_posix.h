/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An operation on files, done to names of processes and to FIFOs on a tmpfs: what
 * both answer, and what it changes. The tests that include this have the lists.
 */
#ifndef FS_POSIX_H
#define FS_POSIX_H

#include <functional>
#include <map>
#include <sstream>

#include <sys/socket.h>
#include <sys/un.h>

#include "fs.h"

/* One of the two: its tree, and a directory on another filesystem. */
struct place {
	std::string r;
	std::string other;
};

struct operation {
	const char *claim;
	int want;
	std::function<int(const place &)> run;
	user who = root;
	/* What the tmpfs answers, where that is not the same. */
	int model_wants = 1;
	bool read_only = false;
};

inline const std::string too_long(256, 'x');
inline const std::string longest(255, 'x');
/* Longer than any path may be, though none of its components is. */
inline std::string long_path()
{
	std::string path;

	while (path.size() < 4096)
		path += "./";
	return path;
}

inline int chmod_(const std::string &path, mode_t mode)
{
	return or_errno(chmod(path.c_str(), mode));
}

inline int chown_(const std::string &path, uid_t uid, gid_t gid)
{
	return or_errno(chown(path.c_str(), uid, gid));
}

inline int link_(const std::string &from, const std::string &to)
{
	return or_errno(link(from.c_str(), to.c_str()));
}

inline int rename_(const std::string &from, const std::string &to,
		   unsigned flags = 0)
{
	return or_errno(
		renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags));
}

inline int unlink_(const std::string &path)
{
	return or_errno(unlink(path.c_str()));
}

inline int mkdir_(const std::string &path, mode_t mode)
{
	return or_errno(mkdir(path.c_str(), mode));
}

inline int rmdir_(const std::string &path)
{
	return or_errno(rmdir(path.c_str()));
}

/* Neither blocks on a true FIFO, nor minds that nobody is at its other end. */
constexpr int both_ways = O_RDWR | O_NONBLOCK;
constexpr int to_read = O_RDONLY | O_NONBLOCK;

class fs_posix : public names_test,
		 public testing::WithParamInterface<operation> {
protected:
	void SetUp() override
	{
		names_test::SetUp();
		model.r = directory("model");
		must(or_errno(mount("tmpfs", model.r.c_str(), "tmpfs", 0,
				    "mode=755")));
		ours.r = names;
		ours.other = directory("names.other", 0777);
		model.other = directory("model.other", 0777);
		populate(ours, [&](const std::string &path) {
			unique_fd to(must(open_path(
				path.substr(0, path.rfind('/')), O_PATH)));

			must(flink(process.fd, to,
				   path.substr(path.rfind('/') + 1).c_str()));
			process.fd.reset(must(open_process(process.pid)));
		});
		populate(model, [](const std::string &path) {
			must(or_errno(mkfifo(path.c_str(), 0600)));
		});
		if (GetParam().read_only) {
			make_read_only(ours.r);
			make_read_only(model.r);
		}
	}

	void TearDown() override
	{
		if (GetParam().read_only)
			must(or_errno(umount2(names.c_str(), MNT_DETACH)));
		must(or_errno(umount2(model.r.c_str(), MNT_DETACH)));
		names_test::TearDown();
	}

	/*
	 * The tree that all operations are done to. Each name has a descriptor
	 * of its own, and hence an inode, though all mean the same process.
	 */
	template <typename F>
	static void populate(const place &p, F make)
	{
		auto owned = [&](const std::string &path, const user &u,
				 mode_t mode) {
			must(chown_(path, u.uid, u.gid));
			must(chmod_(path, mode));
		};
		auto name = [&](const std::string &path, const user &u,
				mode_t mode) {
			make(p.r + path);
			owned(p.r + path, u, mode);
		};
		auto dir = [&](const std::string &path, const user &u,
			       mode_t mode) {
			must(mkdir_(p.r + path, 0700));
			owned(p.r + path, u, mode);
		};

		name("/n", root, 0644);
		name("/m", root, 0644);
		name("/secret", root, 0600);
		name("/teams", {0, ops_gid, {}}, 0660);
		dir("/d", root, 0755);
		name("/d/n", root, 0644);
		dir("/d/e", root, 0755);
		dir("/e", root, 0755);
		dir("/closed", root, 0700);
		name("/closed/n", alice, 0644);
		dir("/team", {0, ops_gid, {}}, 02770);
		dir("/sticky", root, 01777);
		name("/sticky/n", root, 0666);
		name("/sticky/mine", alice, 0600);
		dir("/sticky/d", root, 0777);
		dir("/hers", alice, 0755);
		name("/hers/n", alice, 0600);
		name("/hers/g", {alice.uid, ops_gid, {}}, 0600);
		name("/hers/roots", root, 0600);
		dir("/hers/d", alice, 0755);
		dir("/hers.sticky", alice, 01777);
		name("/hers.sticky/bobs", bob, 0600);

		must(or_errno(mkfifo((p.other + "/n").c_str(), 0600)));
		must(or_errno(symlink((p.r + "/n").c_str(),
				      (p.other + "/link").c_str())));
		must(or_errno(symlink("loop", (p.other + "/loop").c_str())));
	}

	static void make_read_only(const std::string &path)
	{
		must(or_errno(mount(path.c_str(), path.c_str(), nullptr,
				    MS_BIND, nullptr)));
		must(or_errno(mount("", path.c_str(), nullptr,
				    MS_REMOUNT | MS_BIND | MS_RDONLY,
				    nullptr)));
	}

	place ours, model;
	child process = start_sleeper();
};

/* Every entry of a tree, and every inode that was there before. */
class snapshot {
public:
	explicit snapshot(const std::string &path)
	{
		collect(path, ".");
		for (const auto &[name, st] : entries_)
			was_.emplace(st.st_ino, name);
	}

	/* Hold what there is, so that its fate can be told when it is gone. */
	void hold(const std::string &path)
	{
		for (const auto &[name, st] : entries_) {
			if (held_.contains(was_[st.st_ino]))
				continue;
			held_[was_[st.st_ino]].reset(
				must(open_path(path + "/" + name, O_PATH)));
		}
	}

	/* How @now differs: entries come and gone, inodes changed. */
	std::string difference(const snapshot &now) const
	{
		std::ostringstream out;

		for (const auto &[name, st] : entries_)
			if (!now.entries_.contains(name))
				out << "gone " << name << "\n";
		for (const auto &[name, st] : now.entries_) {
			const auto old = entries_.find(name);

			if (old != entries_.end() &&
			    old->second.st_ino == st.st_ino)
				continue;

			const auto was = was_.find(st.st_ino);

			out << "entry " << name << " is ";
			if (was == was_.end())
				out << "new: " << facts(st) << "\n";
			else
				out << was->second << "\n";
		}
		for (const auto &[name, fd] : held_) {
			const struct stat then = entries_.at(name),
					  st = stat_of(fd);

			if (facts(then) != facts(st))
				out << name << ": " << facts(st) << "\n";
			if (in_ns(then.st_ctim) != in_ns(st.st_ctim))
				out << name << ": ctime\n";
			if (in_ns(then.st_mtim) != in_ns(st.st_mtim))
				out << name << ": mtime\n";
		}
		return out.str();
	}

private:
	static std::string facts(const struct stat &st)
	{
		std::ostringstream out;

		out << std::oct << st.st_mode << std::dec << " " << st.st_uid
		    << ":" << st.st_gid << " links " << st.st_nlink;
		return out.str();
	}

	void collect(const std::string &path, const std::string &as)
	{
		const struct stat st = stat_of(path);

		entries_[as] = st;
		if (S_ISDIR(st.st_mode))
			for (const auto &name : names_in(path))
				collect(path + "/" + name, as + "/" + name);
	}

	std::map<std::string, struct stat> entries_;
	std::map<ino_t, std::string> was_;
	std::map<std::string, unique_fd> held_;
};

TEST_P(fs_posix, as_on_tmpfs)
{
	const operation &o = GetParam();
	snapshot our_before(ours.r), model_before(model.r);

	our_before.hold(ours.r);
	model_before.hold(model.r);
	next_tick();

	const int our_answer = as(o.who, [&] { return o.run(ours); });
	const int model_answer = as(o.who, [&] { return o.run(model); });

	EXPECT_EQ(o.want, our_answer);
	EXPECT_EQ(o.model_wants == 1 ? o.want : o.model_wants, model_answer);

	const std::string effect = our_before.difference(snapshot(ours.r));

	if (our_answer == model_answer) {
		EXPECT_EQ(model_before.difference(snapshot(model.r)), effect);
	} else if (our_answer < 0) {
		EXPECT_EQ("", effect);
	}
}

inline std::string claim_of(const testing::TestParamInfo<operation> &info)
{
	return info.param.claim;
}

#define EACH(name)                                                        \
	INSTANTIATE_TEST_SUITE_P(name, fs_posix, testing::ValuesIn(name), \
				 claim_of)

#endif /* FS_POSIX_H */
