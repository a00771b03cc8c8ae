// SPDX-License-Identifier: MIT
//
// Paths for PROCFD_IOC_FLINK, which takes a directory and one component. What
// is refused here gets the answer that the kernel gives linkat(2) and rename(2).

#include <climits>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

#include "calls.hpp"
#include "internal.hpp"

namespace procfd::internal {

result<path_cut> path_cut::make(const char *path) noexcept
{
	if (!path)
		return system_error(EINVAL);

	std::string_view all(path, ::strnlen(path, PATH_MAX));

	if (all.empty())
		return system_error(ENOENT);
	if (all.size() == PATH_MAX)
		return system_error(ENAMETOOLONG);

	std::size_t last = all.find_last_not_of('/');

	if (last == all.npos)
		return path_cut{all.size(), 0, end::root};

	// npos + 1 is 0: no slash before the name, no directory part
	std::size_t parent = all.find_last_of('/', last) + 1;
	std::string_view name = all.substr(parent, last + 1 - parent);
	auto ends_in = end::name;

	if (name == "." || name == "..")
		ends_in = end::dots;
	else if (last + 1 != all.size())
		ends_in = end::slash;
	return path_cut{parent, name.size(), ends_in};
}

result<unique_fd> open_parent(int dirfd, const char *path,
			      path_cut cut) noexcept
{
	// What is long is not for the stack: that of some threads is 16 KiB
	char few[256] = ".";
	std::unique_ptr<char[]> many;
	char *parent = few;

	if (cut.parent >= sizeof(few)) {
		many.reset(new (std::nothrow) char[cut.parent + 1]);
		if (!many)
			return system_error(ENOMEM);
		parent = many.get();
	}
	if (cut.parent) {
		std::memcpy(parent, path, cut.parent);
		parent[cut.parent] = '\0';
	}

	unique_fd fd(
		calls::openat(dirfd, parent, O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (!fd)
		return last_error();
	return fd;
}

namespace {

/// What a path that ends in no name is answered once its parent is there.
int refusal(int parent, const char *path, path_cut cut, bool replace) noexcept
{
	if (cut.ends_in != path_cut::end::slash)
		return replace ? EBUSY : EEXIST;

	// Slashes make it a directory's name, which what is linked never is
	char name[NAME_MAX + 1];
	struct stat st;

	if (cut.name > NAME_MAX)
		return ENAMETOOLONG;
	std::memcpy(name, path + cut.parent, cut.name);
	name[cut.name] = '\0';
	if (::fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return replace ? ENOTDIR : EEXIST;
	return replace && errno == ENOENT ? ENOTDIR : errno;
}

} // namespace

result<link_target> link_target::resolve(int dirfd, const char *path,
					 bool replace) noexcept
{
	auto cut = path_cut::make(path);
	bool is_name = cut && cut->ends_in == path_cut::end::name;

	if (!cut)
		return unexpected(cut.error());
	if (is_name && !cut->parent)
		return link_target(unique_fd(), dirfd, path);

	auto parent = open_parent(dirfd, path, *cut);

	if (!parent)
		return unexpected(parent.error());
	if (!is_name)
		return system_error(
			refusal(parent->get(), path, *cut, replace));
	return link_target(*std::move(parent), dirfd, path + cut->parent);
}

} // namespace procfd::internal
