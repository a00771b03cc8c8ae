/* SPDX-License-Identifier: GPL-2.0-only */
/* Tests that measure what a memory cgroup is charged for, on procfdfs. */
#ifndef PROCFD_SELFTESTS_MEMORY_GROUP_H
#define PROCFD_SELFTESTS_MEMORY_GROUP_H

#include "fs.h"

/* Names without a limit, and a memory cgroup that is empty. */
class memory_group_test : public names_test {
protected:
	void SetUp() override
	{
		names_test::SetUp();
		must(mount_names(names, "max=0", MS_REMOUNT));
		root_group = directory("cgroup");
		must(or_errno(mount("cgroup2", root_group.c_str(), "cgroup2", 0,
				    "")));
		if (slurp(root_group + "/cgroup.controllers").find("memory") ==
		    std::string::npos)
			GTEST_SKIP() << "no memory controller";
		write_file(root_group + "/cgroup.subtree_control", "+memory");
		group = root_group + "/procfd." + std::to_string(getpid());
		must(or_errno(mkdir(group.c_str(), 0755)));
	}

	void TearDown() override
	{
		if (!group.empty()) {
			EXPECT_TRUE(eventually(
				[&] { return rmdir(group.c_str()) == 0; }));
		}
		must(or_errno(umount2(root_group.c_str(), MNT_DETACH)));
		names_test::TearDown();
	}

	long used() const { return stol(slurp(group + "/memory.current")); }

	/* How often somebody was held back for memory.high. */
	long held_back() const
	{
		const std::string text = slurp(group + "/memory.events");

		return stol(text.substr(text.find("high ") + 5));
	}

	void enter_group() const { write_file(group + "/cgroup.procs", "0"); }

	/* How many bytes the group is charged for what make() makes in it. */
	template <typename F>
	long cost_of(F make)
	{
		gate ready, go, made, leave;
		child c = start_without_descriptor([&] {
			enter_group();
			ready.open();
			return go.pass() && make() == 0 &&
					       (made.open(), leave.pass()) ?
				       0 :
				       1;
		});
		long before, after;

		if (!ready.pass())
			return -1;
		before = used();
		go.open();
		if (!made.pass())
			return -1;
		after = used();
		leave.open();
		return c.wait() == 0 ? after - before : -1;
	}

	std::string root_group, group;
};

#endif /* PROCFD_SELFTESTS_MEMORY_GROUP_H */
