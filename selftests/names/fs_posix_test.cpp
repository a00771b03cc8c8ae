// SPDX-License-Identifier: GPL-2.0-only
// What a person does to files, done to names of processes and to FIFOs on a
// tmpfs: the same answer, errno by errno, and the same effect on every mode,
// owner, link count and time. Where the two differ on purpose, both answers
// are written down here.
#include <functional>
#include <map>
#include <sstream>

#include <sys/socket.h>
#include <sys/un.h>

#include "fs.h"

namespace {

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

const std::string too_long(256, 'x');
const std::string longest(255, 'x');
/* Longer than any path may be, though none of its components is. */
std::string long_path()
{
	std::string path;

	while (path.size() < 4096)
		path += "./";
	return path;
}

int chmod_(const std::string &path, mode_t mode)
{
	return or_errno(chmod(path.c_str(), mode));
}

int chown_(const std::string &path, uid_t uid, gid_t gid)
{
	return or_errno(chown(path.c_str(), uid, gid));
}

int link_(const std::string &from, const std::string &to)
{
	return or_errno(link(from.c_str(), to.c_str()));
}

int rename_(const std::string &from, const std::string &to, unsigned flags = 0)
{
	return or_errno(
		renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags));
}

int unlink_(const std::string &path)
{
	return or_errno(unlink(path.c_str()));
}

int mkdir_(const std::string &path, mode_t mode)
{
	return or_errno(mkdir(path.c_str(), mode));
}

int rmdir_(const std::string &path)
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

std::string claim_of(const testing::TestParamInfo<operation> &info)
{
	return info.param.claim;
}

/*
 * In each list: what is allowed and its effect, then what is not, from the path
 * to the permission.
 */
const operation chmods[] = {
	{"sets_the_mode", 0, [](auto &p) { return chmod_(p.r + "/n", 0640); }},
	{"keeps_the_special_bits", 0,
	 [](auto &p) { return chmod_(p.r + "/n", 07711); }},
	{"of_a_directory", 0,
	 [](auto &p) { return chmod_(p.r + "/d", 03770); }},
	{"by_the_owner", 0,
	 [](auto &p) { return chmod_(p.r + "/hers/n", 0622); }, alice},
	{"by_an_owner_outside_the_group_drops_setgid", 0,
	 [](auto &p) { return chmod_(p.r + "/hers/g", 02670); }, alice},
	{"through_a_symlink_elsewhere", 0,
	 [](auto &p) { return chmod_(p.other + "/link", 0640); }},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return chmod_(p.r + "/none", 0640); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return chmod_(p.r + "/n/x", 0640); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return chmod_(p.other + "/loop", 0640); }},
	{"of_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return chmod_(p.r + "/" + too_long, 0640); }},
	{"of_a_long_path_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return chmod_(p.r + "/" + long_path() + "n", 0640); }},
	{"in_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return chmod_(p.r + "/closed/n", 0640); }, alice},
	{"by_a_stranger_is_EPERM", -EPERM,
	 [](auto &p) { return chmod_(p.r + "/n", 0640); }, alice},
	{"by_a_member_of_the_group_is_EPERM", -EPERM,
	 [](auto &p) { return chmod_(p.r + "/teams", 0666); }, ops_alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return chmod_(p.r + "/n", 0640); }, root, 1, true},
};

const operation chowns[] = {
	{"gives_it_away", 0,
	 [](auto &p) { return chown_(p.r + "/n", 1000, ops_gid); }},
	{"of_a_directory", 0,
	 [](auto &p) { return chown_(p.r + "/d", 1000, ops_gid); }},
	{"drops_setuid_and_setgid", 0,
	 [](auto &p) {
		 return chmod_(p.r + "/n", 06755) ?:
						    chown_(p.r + "/n", 1000, -1);
	 }},
	{"by_the_owner_to_a_group_of_hers", 0,
	 [](auto &p) { return chown_(p.r + "/hers/n", -1, ops_gid); },
	 ops_alice},
	{"through_a_symlink_elsewhere", 0,
	 [](auto &p) { return chown_(p.other + "/link", 1000, 1000); }},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return chown_(p.r + "/none", 0, 0); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return chown_(p.r + "/n/x", 0, 0); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return chown_(p.other + "/loop", 0, 0); }},
	{"of_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return chown_(p.r + "/" + too_long, 0, 0); }},
	{"in_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return chown_(p.r + "/closed/n", -1, 1000); }, alice},
	{"by_the_owner_to_another_is_EPERM", -EPERM,
	 [](auto &p) { return chown_(p.r + "/hers/n", 1001, -1); }, alice},
	{"by_the_owner_to_a_foreign_group_is_EPERM", -EPERM,
	 [](auto &p) { return chown_(p.r + "/hers/n", -1, ops_gid); }, alice},
	{"by_a_stranger_is_EPERM", -EPERM,
	 [](auto &p) { return chown_(p.r + "/n", 1000, -1); }, alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return chown_(p.r + "/n", 1000, -1); }, root, 1, true},
};

const operation links[] = {
	{"makes_another_name", 0,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/l"); }},
	{"into_another_directory", 0,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/e/l"); }},
	{"by_the_owner", 0,
	 [](auto &p) { return link_(p.r + "/hers/n", p.r + "/sticky/l"); },
	 alice},
	{"of_the_longest_name", 0,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/" + longest); }},
	{"a_thousand_times_is_no_EMLINK", 0,
	 [](auto &p) {
		 int ret = 0;

		 for (int i = 0; i < 1000 && !ret; i++)
			 ret = link_(p.r + "/n",
				     p.r + "/e/" + std::to_string(i));
		 return ret;
	 }},
	{"through_a_symlink_elsewhere", 0,
	 [](auto &p) {
		 return or_errno(linkat(AT_FDCWD, (p.other + "/link").c_str(),
					AT_FDCWD, (p.r + "/l").c_str(),
					AT_SYMLINK_FOLLOW));
	 }},
	{"of_an_open_file_by_proc", 0,
	 [](auto &p) {
		 unique_fd fd(must(open_path(p.r + "/n", O_PATH)));

		 return or_errno(linkat(
			 AT_FDCWD,
			 ("/proc/self/fd/" + std::to_string(fd)).c_str(),
			 AT_FDCWD, (p.r + "/l").c_str(), AT_SYMLINK_FOLLOW));
	 }},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return link_(p.r + "/none", p.r + "/l"); }},
	{"into_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/none/l"); }},
	{"as_a_directory_is_ENOENT", -ENOENT,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/l/"); }},
	{"onto_a_name_is_EEXIST", -EEXIST,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/m"); }},
	{"onto_itself_is_EEXIST", -EEXIST,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/n"); }},
	{"onto_a_directory_is_EEXIST", -EEXIST,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/d"); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/m/l"); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return link_(p.r + "/n", p.other + "/loop/l"); }},
	{"to_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/" + too_long); }},
	{"to_another_filesystem_is_EXDEV", -EXDEV,
	 [](auto &p) { return link_(p.r + "/n", p.other + "/l"); }},
	{"from_another_filesystem_is_EXDEV", -EXDEV,
	 [](auto &p) { return link_(p.other + "/n", p.r + "/l"); }},
	{"of_a_directory_is_EPERM", -EPERM,
	 [](auto &p) { return link_(p.r + "/d", p.r + "/l"); }},
	{"by_a_stranger_is_EPERM", -EPERM,
	 [](auto &p) { return link_(p.r + "/sticky/n", p.r + "/sticky/l"); },
	 alice},
	{"into_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return link_(p.r + "/hers/n", p.r + "/d/l"); }, alice},
	{"out_of_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return link_(p.r + "/closed/n", p.r + "/hers/l"); },
	 alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return link_(p.r + "/n", p.r + "/l"); }, root, 1, true},
};

const operation renames[] = {
	{"to_a_new_name", 0,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/o"); }},
	{"into_a_directory", 0,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/d/o"); }},
	{"onto_a_name_replaces_it", 0,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/m"); }},
	{"onto_a_name_in_a_directory_replaces_it", 0,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/d/n"); }},
	{"onto_itself_does_nothing", 0,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/n"); }},
	{"onto_another_name_of_the_same_does_nothing", 0,
	 [](auto &p) {
		 return link_(p.r + "/n", p.r + "/l") ?:
				rename_(p.r + "/l", p.r + "/n");
	 }},
	{"of_a_directory", 0,
	 [](auto &p) { return rename_(p.r + "/d", p.r + "/o"); }},
	{"of_a_directory_into_another", 0,
	 [](auto &p) { return rename_(p.r + "/d", p.r + "/e/d"); }},
	{"of_a_directory_out_of_another", 0,
	 [](auto &p) { return rename_(p.r + "/d/e", p.r + "/o"); }},
	{"of_a_directory_onto_an_empty_one", 0,
	 [](auto &p) { return rename_(p.r + "/d", p.r + "/e"); }},
	{"by_the_owner_in_a_sticky_directory", 0,
	 [](auto &p) {
		 return rename_(p.r + "/sticky/mine", p.r + "/sticky/o");
	 },
	 alice},
	{"by_the_owner_of_a_sticky_directory", 0,
	 [](auto &p) {
		 return rename_(p.r + "/hers.sticky/bobs", p.r + "/hers/o");
	 },
	 alice},
	{"of_a_foreign_name_in_ones_own_directory", 0,
	 [](auto &p) { return rename_(p.r + "/hers/roots", p.r + "/hers/o"); },
	 alice},
	{"without_replacing", 0,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/o", RENAME_NOREPLACE);
	 }},
	{"that_exchanges_names", 0,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/d/n", RENAME_EXCHANGE);
	 }},
	{"that_exchanges_a_name_and_a_directory", 0,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/d/e", RENAME_EXCHANGE);
	 }},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return rename_(p.r + "/none", p.r + "/o"); }},
	{"into_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/none/o"); }},
	{"that_exchanges_with_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/o", RENAME_EXCHANGE);
	 }},
	{"onto_a_name_not_to_be_replaced_is_EEXIST", -EEXIST,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/m", RENAME_NOREPLACE);
	 }},
	{"of_a_name_onto_a_directory_is_EISDIR", -EISDIR,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/e"); }},
	{"of_a_directory_onto_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return rename_(p.r + "/d", p.r + "/n"); }},
	{"of_a_name_as_a_directory_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/o/"); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/m/o"); }},
	{"of_a_directory_onto_one_in_use_is_ENOTEMPTY", -ENOTEMPTY,
	 [](auto &p) { return rename_(p.r + "/e", p.r + "/d"); }},
	{"of_a_directory_into_itself_is_EINVAL", -EINVAL,
	 [](auto &p) { return rename_(p.r + "/d", p.r + "/d/e/d"); }},
	{"onto_what_it_is_in_is_ENOTEMPTY", -ENOTEMPTY,
	 [](auto &p) { return rename_(p.r + "/d/n", p.r + "/d"); }},
	{"with_contradictory_flags_is_EINVAL", -EINVAL,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/o",
				RENAME_NOREPLACE | RENAME_EXCHANGE);
	 }},
	{"of_dot_is_EBUSY", -EBUSY,
	 [](auto &p) { return rename_(p.r + "/d/.", p.r + "/o"); }},
	{"of_the_mount_itself_is_EBUSY", -EBUSY,
	 [](auto &p) { return rename_(p.r, p.r + ".o"); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return rename_(p.other + "/loop/n", p.r + "/o"); }},
	{"to_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/" + too_long); }},
	{"to_another_filesystem_is_EXDEV", -EXDEV,
	 [](auto &p) { return rename_(p.r + "/n", p.other + "/o"); }},
	{"from_another_filesystem_is_EXDEV", -EXDEV,
	 [](auto &p) { return rename_(p.other + "/n", p.r + "/o"); }},
	{"out_of_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return rename_(p.r + "/d/n", p.r + "/hers/o"); }, alice},
	{"into_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return rename_(p.r + "/hers/n", p.r + "/d/o"); }, alice},
	{"out_of_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return rename_(p.r + "/closed/n", p.r + "/hers/o"); },
	 alice},
	{"of_a_foreign_directory_to_another_place_is_EACCES", -EACCES,
	 [](auto &p) {
		 return chmod_(p.r + "/hers/d", 0555) ?:
				rename_(p.r + "/hers/d", p.r + "/sticky/o");
	 },
	 alice},
	{"of_a_foreign_name_in_a_sticky_directory_is_EPERM", -EPERM,
	 [](auto &p) { return rename_(p.r + "/sticky/n", p.r + "/sticky/o"); },
	 alice},
	{"onto_a_foreign_name_in_a_sticky_directory_is_EPERM", -EPERM,
	 [](auto &p) {
		 return rename_(p.r + "/sticky/mine", p.r + "/sticky/n");
	 },
	 alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return rename_(p.r + "/n", p.r + "/o"); }, root, 1,
	 true},
};

const operation unlinks[] = {
	{"removes_a_name", 0, [](auto &p) { return unlink_(p.r + "/n"); }},
	{"of_one_of_two_leaves_the_other", 0,
	 [](auto &p) {
		 return link_(p.r + "/n", p.r + "/l") ?: unlink_(p.r + "/n");
	 }},
	{"of_a_foreign_name_in_ones_own_directory", 0,
	 [](auto &p) { return unlink_(p.r + "/hers/roots"); }, alice},
	{"of_ones_own_in_a_sticky_directory", 0,
	 [](auto &p) { return unlink_(p.r + "/sticky/mine"); }, alice},
	{"by_the_owner_of_a_sticky_directory", 0,
	 [](auto &p) { return unlink_(p.r + "/hers.sticky/bobs"); }, alice},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return unlink_(p.r + "/none"); }},
	{"twice_is_ENOENT", -ENOENT,
	 [](auto &p) { return unlink_(p.r + "/n") ?: unlink_(p.r + "/n"); }},
	{"of_a_directory_is_EISDIR", -EISDIR,
	 [](auto &p) { return unlink_(p.r + "/e"); }},
	{"as_a_directory_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return unlink_(p.r + "/n/"); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return unlink_(p.r + "/n/x"); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return unlink_(p.other + "/loop/x"); }},
	{"of_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return unlink_(p.r + "/" + too_long); }},
	{"in_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return unlink_(p.r + "/d/n"); }, alice},
	{"in_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return unlink_(p.r + "/closed/n"); }, alice},
	{"of_a_foreign_name_in_a_sticky_directory_is_EPERM", -EPERM,
	 [](auto &p) { return unlink_(p.r + "/sticky/n"); }, alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return unlink_(p.r + "/n"); }, root, 1, true},
};

const operation mkdirs[] = {
	{"makes_one", 0, [](auto &p) { return mkdir_(p.r + "/new", 0755); }},
	{"in_another", 0, [](auto &p) { return mkdir_(p.r + "/d/new", 0755); }},
	{"takes_the_umask_off", 0,
	 [](auto &p) {
		 umask(027);
		 return mkdir_(p.r + "/new", 0777);
	 }},
	{"keeps_the_sticky_bit", 0,
	 [](auto &p) { return mkdir_(p.r + "/new", 01777); }},
	{"makes_the_maker_its_owner", 0,
	 [](auto &p) { return mkdir_(p.r + "/hers/new", 0755); }, alice},
	{"in_a_setgid_directory_takes_group_and_bit", 0,
	 [](auto &p) { return mkdir_(p.r + "/team/new", 0755); }, ops_alice},
	{"of_the_longest_name", 0,
	 [](auto &p) { return mkdir_(p.r + "/" + longest, 0755); }},
	{"with_a_slash_behind", 0,
	 [](auto &p) { return mkdir_(p.r + "/new/", 0755); }},
	{"in_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return mkdir_(p.r + "/none/new", 0755); }},
	{"in_a_removed_directory_is_ENOENT", -ENOENT,
	 [](auto &p) {
		 unique_fd fd(must(open_path(p.r + "/e", O_PATH)));

		 return rmdir_(p.r + "/e") ?:
					     or_errno(mkdirat(fd, "new", 0755));
	 }},
	{"onto_a_name_is_EEXIST", -EEXIST,
	 [](auto &p) { return mkdir_(p.r + "/n", 0755); }},
	{"onto_a_directory_is_EEXIST", -EEXIST,
	 [](auto &p) { return mkdir_(p.r + "/d", 0755); }},
	{"of_dot_is_EEXIST", -EEXIST,
	 [](auto &p) { return mkdir_(p.r + "/.", 0755); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return mkdir_(p.r + "/n/new", 0755); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return mkdir_(p.other + "/loop/new", 0755); }},
	{"of_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return mkdir_(p.r + "/" + too_long, 0755); }},
	{"in_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return mkdir_(p.r + "/d/new", 0755); }, alice},
	{"in_a_team_of_others_is_EACCES", -EACCES,
	 [](auto &p) { return mkdir_(p.r + "/team/new", 0755); }, alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return mkdir_(p.r + "/new", 0755); }, root, 1, true},
};

const operation rmdirs[] = {
	{"removes_one", 0, [](auto &p) { return rmdir_(p.r + "/e"); }},
	{"removes_one_in_another", 0,
	 [](auto &p) { return rmdir_(p.r + "/d/e"); }},
	{"of_ones_own", 0, [](auto &p) { return rmdir_(p.r + "/hers/d"); },
	 alice},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return rmdir_(p.r + "/none"); }},
	{"of_one_with_names_is_ENOTEMPTY", -ENOTEMPTY,
	 [](auto &p) { return rmdir_(p.r + "/closed"); }},
	{"of_one_with_directories_is_ENOTEMPTY", -ENOTEMPTY,
	 [](auto &p) { return unlink_(p.r + "/d/n") ?: rmdir_(p.r + "/d"); }},
	{"of_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return rmdir_(p.r + "/n"); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return rmdir_(p.r + "/n/x"); }},
	{"of_dot_is_EINVAL", -EINVAL,
	 [](auto &p) { return rmdir_(p.r + "/e/."); }},
	{"of_dot_dot_is_ENOTEMPTY", -ENOTEMPTY,
	 [](auto &p) { return rmdir_(p.r + "/d/e/.."); }},
	{"of_the_mount_itself_is_EBUSY", -EBUSY,
	 [](auto &p) { return rmdir_(p.r); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return rmdir_(p.other + "/loop/x"); }},
	{"of_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return rmdir_(p.r + "/" + too_long); }},
	{"under_a_mount_is_EBUSY", -EBUSY,
	 [](auto &p) {
		 int ret;

		 must(or_errno(
			 mount("t", (p.r + "/e").c_str(), "tmpfs", 0, "")));
		 ret = rmdir_(p.r + "/e");
		 must(or_errno(umount((p.r + "/e").c_str())));
		 return ret;
	 }},
	{"in_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return rmdir_(p.r + "/d/e"); }, alice},
	{"of_a_foreign_one_in_a_sticky_directory_is_EPERM", -EPERM,
	 [](auto &p) { return rmdir_(p.r + "/sticky/d"); }, alice},
	{"on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return rmdir_(p.r + "/e"); }, root, 1, true},
};

const operation opens[] = {
	{"of_a_name", 0,
	 [](auto &p) { return try_open(p.r + "/n", both_ways); }},
	{"that_would_create_of_a_name", 0,
	 [](auto &p) {
		 return try_open(p.r + "/n", both_ways | O_CREAT, 0666);
	 }},
	{"that_truncates", 0,
	 [](auto &p) { return try_open(p.r + "/n", both_ways | O_TRUNC); }},
	{"of_a_directory", 0,
	 [](auto &p) { return try_open(p.r + "/d", O_RDONLY | O_DIRECTORY); }},
	{"as_a_path", 0, [](auto &p) { return try_open(p.r + "/n", O_PATH); }},
	{"through_a_symlink_elsewhere", 0,
	 [](auto &p) { return try_open(p.other + "/link", both_ways); }},
	{"by_the_owner", 0,
	 [](auto &p) { return try_open(p.r + "/hers/n", both_ways); }, alice},
	{"by_a_member_of_the_group", 0,
	 [](auto &p) { return try_open(p.r + "/teams", both_ways); },
	 ops_alice},
	{"by_anyone_for_what_anyone_may", 0,
	 [](auto &p) { return try_open(p.r + "/n", to_read); }, nobody},
	{"by_root_of_anything", 0,
	 [](auto &p) { return try_open(p.r + "/hers/n", both_ways); }},
	{"of_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) { return try_open(p.r + "/none", both_ways); }},
	{"that_would_create_in_nothing_is_ENOENT", -ENOENT,
	 [](auto &p) {
		 return try_open(p.r + "/none/new", both_ways | O_CREAT, 0666);
	 }},
	{"that_must_create_of_a_name_is_EEXIST", -EEXIST,
	 [](auto &p) {
		 return try_open(p.r + "/n", both_ways | O_CREAT | O_EXCL,
				 0666);
	 }},
	{"of_a_directory_to_write_is_EISDIR", -EISDIR,
	 [](auto &p) { return try_open(p.r + "/d", both_ways); }},
	{"that_would_create_of_a_directory_is_EISDIR", -EISDIR,
	 [](auto &p) { return try_open(p.r + "/d", to_read | O_CREAT, 0666); }},
	{"of_a_name_as_a_directory_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return try_open(p.r + "/n", to_read | O_DIRECTORY); }},
	{"of_a_name_with_a_slash_behind_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return try_open(p.r + "/n/", to_read); }},
	{"through_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return try_open(p.r + "/n/x", to_read); }},
	{"through_a_loop_is_ELOOP", -ELOOP,
	 [](auto &p) { return try_open(p.other + "/loop", to_read); }},
	{"of_a_symlink_not_to_be_followed_is_ELOOP", -ELOOP,
	 [](auto &p) {
		 return try_open(p.other + "/link", to_read | O_NOFOLLOW);
	 }},
	{"of_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) { return try_open(p.r + "/" + too_long, to_read); }},
	{"that_would_create_a_long_name_is_ENAMETOOLONG", -ENAMETOOLONG,
	 [](auto &p) {
		 return try_open(p.r + "/" + too_long, both_ways | O_CREAT,
				 0666);
	 }},
	{"in_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return try_open(p.r + "/closed/n", to_read); }, alice},
	{"to_read_by_a_stranger_is_EACCES", -EACCES,
	 [](auto &p) { return try_open(p.r + "/secret", to_read); }, alice},
	{"to_write_by_a_stranger_is_EACCES", -EACCES,
	 [](auto &p) { return try_open(p.r + "/n", both_ways); }, alice},
	{"by_one_outside_the_group_is_EACCES", -EACCES,
	 [](auto &p) { return try_open(p.r + "/teams", to_read); }, alice},
	{"by_an_owner_who_forbade_it_is_EACCES", -EACCES,
	 [](auto &p) {
		 return chmod_(p.r + "/hers/n", 0066) ?:
				try_open(p.r + "/hers/n", to_read);
	 },
	 alice},
	{"that_would_create_in_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) {
		 return try_open(p.r + "/d/new", both_ways | O_CREAT, 0666);
	 },
	 alice},
	{"to_read_on_a_read_only_mount", 0,
	 [](auto &p) { return try_open(p.r + "/n", to_read); }, root, 1, true},
	{"that_would_create_on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) {
		 return try_open(p.r + "/new", both_ways | O_CREAT, 0666);
	 },
	 root, 1, true},
};

const operation others[] = {
	{"readlink_of_a_name_is_EINVAL", -EINVAL,
	 [](auto &p) {
		 char buffer[16];

		 return int(or_errno(readlink((p.r + "/n").c_str(), buffer,
					      sizeof(buffer))));
	 }},
	{"chdir_to_a_name_is_ENOTDIR", -ENOTDIR,
	 [](auto &p) { return or_errno(chdir((p.r + "/n").c_str())); }},
	{"chdir_to_a_closed_directory_is_EACCES", -EACCES,
	 [](auto &p) { return or_errno(chdir((p.r + "/closed").c_str())); },
	 alice},
	{"truncate_of_a_name_is_EINVAL", -EINVAL,
	 [](auto &p) { return or_errno(truncate((p.r + "/n").c_str(), 0)); }},
	{"truncate_of_a_directory_is_EISDIR", -EISDIR,
	 [](auto &p) { return or_errno(truncate((p.r + "/d").c_str(), 0)); }},
	{"access_goes_by_the_mode", 0,
	 [](auto &p) { return or_errno(access((p.r + "/n").c_str(), R_OK)); },
	 alice},
	{"access_against_the_mode_is_EACCES", -EACCES,
	 [](auto &p) { return or_errno(access((p.r + "/n").c_str(), W_OK)); },
	 alice},
	{"touch_by_the_owner", 0,
	 [](auto &p) {
		 const timespec times[] = {{1, 0}, {2, 0}};

		 return or_errno(utimensat(AT_FDCWD, (p.r + "/hers/n").c_str(),
					   times, 0));
	 },
	 alice},
	{"touch_by_one_who_may_write", 0,
	 [](auto &p) {
		 return or_errno(utimensat(
			 AT_FDCWD, (p.r + "/sticky/n").c_str(), nullptr, 0));
	 },
	 alice},
	{"touch_with_a_date_by_a_stranger_is_EPERM", -EPERM,
	 [](auto &p) {
		 const timespec times[] = {{1, 0}, {2, 0}};

		 return or_errno(utimensat(
			 AT_FDCWD, (p.r + "/sticky/n").c_str(), times, 0));
	 },
	 alice},
	{"touch_by_one_who_may_not_write_is_EACCES", -EACCES,
	 [](auto &p) {
		 return or_errno(
			 utimensat(AT_FDCWD, (p.r + "/n").c_str(), nullptr, 0));
	 },
	 alice},
	{"touch_on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) {
		 return or_errno(
			 utimensat(AT_FDCWD, (p.r + "/n").c_str(), nullptr, 0));
	 },
	 root, 1, true},
	{"symlink_onto_a_name_is_EEXIST", -EEXIST,
	 [](auto &p) { return or_errno(symlink("x", (p.r + "/n").c_str())); }},
	{"symlink_in_a_foreign_directory_is_EACCES", -EACCES,
	 [](auto &p) { return or_errno(symlink("x", (p.r + "/d/l").c_str())); },
	 alice},
	{"mknod_onto_a_name_is_EEXIST", -EEXIST,
	 [](auto &p) { return or_errno(mkfifo((p.r + "/n").c_str(), 0666)); }},
	{"mknod_on_a_read_only_mount_is_EROFS", -EROFS,
	 [](auto &p) { return or_errno(mkfifo((p.r + "/new").c_str(), 0666)); },
	 root, 1, true},
};

/* On purpose. */
const operation differences[] = {
	{"a_file_is_not_created_by_open", -EPERM,
	 [](auto &p) { return try_open(p.r + "/new", O_RDWR | O_CREAT, 0666); },
	 root, 0},
	{"nor_without_a_name", -EOPNOTSUPP,
	 [](auto &p) { return try_open(p.r, O_RDWR | O_TMPFILE, 0666); }, root,
	 0},
	{"nor_by_mknod", -EPERM,
	 [](auto &p) {
		 return or_errno(
			 mknod((p.r + "/new").c_str(), S_IFREG | 0666, 0));
	 },
	 root, 0},
	{"a_true_fifo_is_not_made", -EPERM,
	 [](auto &p) { return or_errno(mkfifo((p.r + "/new").c_str(), 0666)); },
	 root, 0},
	{"a_symlink_is_not_made", -EPERM,
	 [](auto &p) { return or_errno(symlink("n", (p.r + "/new").c_str())); },
	 root, 0},
	{"a_socket_is_not_bound", -EPERM,
	 [](auto &p) {
		 unique_fd s(must(or_errno(socket(AF_UNIX, SOCK_STREAM, 0))));
		 sockaddr_un to{};

		 to.sun_family = AF_UNIX;
		 must(or_errno(chdir(p.r.c_str())));
		 strcpy(to.sun_path, "new");
		 return or_errno(bind(s, reinterpret_cast<sockaddr *>(&to),
				      sizeof(to)));
	 },
	 root, 0},
	{"a_read_only_mount_refuses_to_signal", -EROFS,
	 [](auto &p) { return try_open(p.r + "/n", both_ways); }, root, 0,
	 true},
	{"a_whiteout_is_not_left", -EINVAL,
	 [](auto &p) {
		 return rename_(p.r + "/n", p.r + "/o", RENAME_WHITEOUT);
	 },
	 root, 0},
};

#define EACH(name)                                                        \
	INSTANTIATE_TEST_SUITE_P(name, fs_posix, testing::ValuesIn(name), \
				 claim_of)

EACH(chmods);
EACH(chowns);
EACH(links);
EACH(renames);
EACH(unlinks);
EACH(mkdirs);
EACH(rmdirs);
EACH(opens);
EACH(others);
EACH(differences);

} // namespace
