// SPDX-License-Identifier: GPL-2.0-only
// As fs_posix_test: what a person does to names and directories, done to names of
// processes and to FIFOs on a tmpfs.
#include "fs_posix.h"

namespace {

/*
 * In each list: what is allowed and its effect, then what is not, from the path
 * to the permission.
 */
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

EACH(links);
EACH(renames);
EACH(unlinks);
EACH(mkdirs);
EACH(rmdirs);

} // namespace
