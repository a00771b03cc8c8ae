// SPDX-License-Identifier: GPL-2.0-only
// flink and frename beside what gives a file its name today. All names are
// relative to an open directory, a tmpfs, for all of them.
#include "bench.hpp"

namespace bench {

namespace {

constexpr int create_flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;

class place {
public:
	explicit place(const char *path)
	{
		must(or_errno(mkdir(path, 0755)));
		dir.reset(must(or_errno(
			open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))));
	}

	int tmpfile() const
	{
		return must(or_errno(openat(
			dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0644)));
	}
	int create(const char *name) const
	{
		return must(or_errno(openat(dir, name, create_flags, 0644)));
	}
	void remove(const char *name) const
	{
		must(or_errno(unlinkat(dir, name, 0)));
	}
	/* linkat(2) as open(2) tells to use it for O_TMPFILE. */
	void link_by_proc(int fd, const char *name) const
	{
		char path[32];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		must(or_errno(
			linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW)));
	}
	void rename(const char *from, const char *to) const
	{
		must(or_errno(renameat(dir, from, dir, to)));
	}

	unique_fd dir;
};

std::vector<std::string> numbered(unsigned count)
{
	std::vector<std::string> names;

	for (unsigned i = 0; i < count; i++)
		names.push_back("name" + std::to_string(i));
	return names;
}

/* A thing that is done to each of count files from O_TMPFILE. */
template <typename F>
std::uint64_t for_tmpfiles(const place &p, unsigned count, F body)
{
	std::vector<unique_fd> files(count);
	std::uint64_t ns;

	for (unique_fd &fd : files)
		fd.reset(p.tmpfile());
	ns = timed([&] {
		for (unsigned i = 0; i < count; i++)
			body(i, int(files[i]));
	});
	files.clear();
	settle();
	return ns;
}

/* The same, each to a name of its own, that goes again. */
template <typename F>
std::uint64_t to_fresh_names(const place &p, unsigned count, F body)
{
	const std::vector<std::string> names = numbered(count);
	const std::uint64_t ns =
		for_tmpfiles(p, count, [&](unsigned i, int fd) {
			body(fd, names[i].c_str());
		});

	for (const std::string &name : names)
		p.remove(name.c_str());
	settle();
	return ns;
}

void frename(const place &p, int fd, const char *name)
{
	must(flink(fd, p.dir, name, PROCFD_LINK_REPLACE));
}

/* A name for a file that is at hand. */
void link_alone(const place &p)
{
	compare("frename alone", 100,
		{{"frename",
		  [&](unsigned count) {
			  return for_tmpfiles(p, count, [&](unsigned, int fd) {
				  frename(p, fd, "file");
			  });
		  }},
		 {"linkat through /proc, rename",
		  [&](unsigned count) {
			  return for_tmpfiles(p, count, [&](unsigned, int fd) {
				  p.link_by_proc(fd, "file.new");
				  p.rename("file.new", "file");
			  });
		  },
		  {0.60, 0.75}}});
	compare("flink alone", 100,
		{{"flink",
		  [&](unsigned count) {
			  return to_fresh_names(
				  p, count, [&](int fd, const char *name) {
					  must(flink(fd, p.dir, name));
				  });
		  }},
		 {"linkat through /proc",
		  [&](unsigned count) {
			  return to_fresh_names(
				  p, count, [&](int fd, const char *name) {
					  p.link_by_proc(fd, name);
				  });
		  },
		  0.70}});
}

void create_rename(const place &p, const char *to)
{
	const unique_fd fd(p.create("file.new"));

	p.rename("file.new", to);
}

/* From open to close, onto a name that exists. */
void replace_whole(const place &p)
{
	const subject usual = {
		"open O_EXCL, rename, close", [&](unsigned count) {
			return repeat(count, [&] { create_rename(p, "file"); });
		}};
	subject peer = usual;

	peer.wanted = {0.95, 1.10};
	compare("replace a file", 100,
		{{"open O_TMPFILE, frename, close",
		  [&](unsigned count) {
			  return repeat(count, [&] {
				  const unique_fd fd(p.tmpfile());

				  frename(p, fd, "file");
			  });
		  }},
		 peer,
		 {"open O_TMPFILE, linkat through /proc, rename, close",
		  [&](unsigned count) {
			  return repeat(count, [&] {
				  const unique_fd fd(p.tmpfile());

				  p.link_by_proc(fd, "file.new");
				  p.rename("file.new", "file");
			  });
		  }}});
	compare("replace by an unlinked file", 100,
		{{"open O_EXCL, unlink, frename, close",
		  [&](unsigned count) {
			  return repeat(count, [&] {
				  const unique_fd fd(p.create("file.new"));

				  p.remove("file.new");
				  frename(p, fd, "file");
			  });
		  }},
		 usual});
	compare("the open alone", 100,
		{{"open O_TMPFILE, close",
		  [&](unsigned count) {
			  return repeat(count,
					[&] { unique_fd fd(p.tmpfile()); });
		  }},
		 {"open O_EXCL, close, unlink", [&](unsigned count) {
			  return repeat(count, [&] {
				  unique_fd(p.create("file.new"));
				  p.remove("file.new");
			  });
		  }}});
}

/* From open to close, to a name that is new. */
void make_whole(const place &p)
{
	const auto repeat_fresh = [&](unsigned count, auto body) {
		const std::vector<std::string> names = numbered(count);
		const std::uint64_t ns = timed([&] {
			for (const std::string &name : names)
				body(name.c_str());
		});

		for (const std::string &name : names)
			p.remove(name.c_str());
		settle();
		return ns;
	};

	compare("make a file", 100,
		{{"open O_TMPFILE, flink, close",
		  [&](unsigned count) {
			  return repeat_fresh(count, [&](const char *name) {
				  const unique_fd fd(p.tmpfile());

				  must(flink(fd, p.dir, name));
			  });
		  }},
		 {"open O_EXCL, rename, close",
		  [&](unsigned count) {
			  return repeat_fresh(count, [&](const char *name) {
				  create_rename(p, name);
			  });
		  },
		  {0.95, 1.10}},
		 {"open O_TMPFILE, linkat through /proc, close",
		  [&](unsigned count) {
			  return repeat_fresh(count, [&](const char *name) {
				  const unique_fd fd(p.tmpfile());

				  p.link_by_proc(fd, name);
			  });
		  }}});
}

} // namespace

void file_cases()
{
	const place p("/tmp/bench");

	unique_fd(p.create("file"));
	link_alone(p);
	replace_whole(p);
	make_whole(p);
	p.remove("file");
	must(or_errno(rmdir("/tmp/bench")));
}

} // namespace bench
