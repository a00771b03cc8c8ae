// SPDX-License-Identifier: GPL-2.0-only
// What a person does to files, done to names of processes and to FIFOs on a
// tmpfs: the same answer, errno by errno, and the same effect on every mode,
// owner, link count and time. Where the two differ on purpose, both answers
// are written down here.
// This is what is done to what a name means; fs_posix_tree_test has what is done to
// the names themselves.
#include "fs_posix.h"

namespace {

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

EACH(chmods);
EACH(chowns);
EACH(opens);
EACH(others);
EACH(differences);

} // namespace
