/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A replacement that fails half way: when the hidden name is there. Something is
 * mounted on the name that is to be replaced, which nobody but vfs_rename() can
 * tell; all else is known before.
 */
#ifndef FLINK_HALF_WAY_H
#define FLINK_HALF_WAY_H

#include <string>

#include <sys/mount.h>

#include "flink_common.h"

/* While the object lives, frename onto the name is EBUSY half way. */
class half_way {
public:
	half_way(int dirfd, const char *name)
		: path_("/proc/self/fd/" + std::to_string(dirfd) + "/" + name)
	{
		must(or_errno(mount(path_.c_str(), path_.c_str(), nullptr,
				    MS_BIND, nullptr)));
	}
	half_way(half_way &&) = delete;
	~half_way() { EXPECT_OK(or_errno(umount2(path_.c_str(), MNT_DETACH))); }

private:
	const std::string path_;
};

#endif /* FLINK_HALF_WAY_H */
