/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of flink's errors share: an ext4 with a source and a directory. */
#ifndef FLINK_SCENE_H
#define FLINK_SCENE_H

#include <functional>
#include <optional>

#include "flink_common.h"

inline const need a_disk(missing_disk);

/* What the source is: linkat(2) knows the first two, rename(2) the first. */
enum class kind { named, tmpfile, unlinked };

/* One ext4, made once and emptied by each test. */
class scene {
public:
	explicit scene(kind what)
		: fs("ext4", ext4_disk().c_str()), dir(fs.dir), what(what),
		  dirfd(fs.dir)
	{
		must(fs.error);
		twins = directory("twins", 0777);
	}
	~scene()
	{
		for (const auto &undo : undos)
			undo();
		source.reset();
		for (const std::string &name : list(dir)) {
			EXPECT_FALSE(name.starts_with(".flink")) << name;
			if (name == "lost+found")
				continue;
			EXPECT_EQ(0,
				  run("rm -rf '" + fs.path + "/" + name + "'"));
		}
	}

	unique_fd directory(const char *name, mode_t mode, uid_t owner = 0)
	{
		return make_directory(dir, name, mode, owner);
	}

	/* The source, and if it can have one a second name for rename(2). */
	void make_source(mode_t mode = 0644, uid_t owner = 0)
	{
		switch (what) {
		case kind::named:
			source = make_file(twins, "twin", "new");
			break;
		case kind::tmpfile:
			source = make_tmpfile(twins, "new");
			break;
		case kind::unlinked:
			source = make_unlinked(twins, "new");
			break;
		}
		must(or_errno(fchown(source, owner, owner)));
		must(or_errno(fchmod(source, mode)));
	}

	void set_flags(int fd, int flags)
	{
		must(change_flags(fd, flags));
		const int copy = must(or_errno(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
		undos.push_back([copy] {
			must(change_flags(copy, 0));
			close(copy);
		});
	}

	/* The same filesystem on another mount. */
	std::string bind(bool read_only = false)
	{
		bound.emplace(nullptr, fs.path.c_str(), "", MS_BIND);
		must(bound->error);
		if (read_only)
			must(or_errno(mount(
				nullptr, bound->path.c_str(), nullptr,
				MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr)));
		return bound->path;
	}

	/* Declared first, so the mounts go when nothing is open any more. */
	mounted fs;
	std::optional<mounted> bound, other;
	const int dir;
	const kind what;
	unique_fd source, twins, keep;
	std::vector<std::function<void()>> undos;

	/* The arguments of the calls. */
	int dirfd;
	const char *name = "a";
	uid_t uid = 0;
};

inline void victim(scene &s)
{
	make_file(s.dir, "a", "old");
}

/* The answer of a call, given as a user. */
template <typename F>
inline int ask(const scene &s, F call)
{
	return s.uid ? as_user(s.uid, call) : call();
}

#endif /* FLINK_SCENE_H */
