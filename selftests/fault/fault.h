/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations and copies that fail on demand, in a kernel with fault injection
 * (failslab, fail_page_alloc, fail_usercopy, and fail-nth of a task).
 */
#ifndef FAULT_H
#define FAULT_H

#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "flink_common.h"

constexpr const char *counter_path = "/proc/thread-self/fail-nth";

/* No call has this many chances to fail: something repeats itself for ever. */
constexpr unsigned too_many = 3000;

inline void put(const std::string &path, const std::string &value)
{
	unique_fd fd(must(or_errno(open(path.c_str(), O_WRONLY | O_CLOEXEC))));

	must(int(write_to(fd, value)));
}

/* What can fail, and that it does not fill the log. */
inline void allow_faults()
{
	const std::string debug = "/sys/kernel/debug/";

	for (const char *kind : {"failslab", "fail_page_alloc"})
		put(debug + kind + "/ignore-gfp-wait", "N");
	put(debug + "fail_page_alloc/min-order", "0");
	for (const char *kind :
	     {"failslab", "fail_page_alloc", "fail_usercopy"})
		put(debug + kind + "/verbose", "0");
}

/* Of one task: which of its chances to fail it takes. */
class chance {
public:
	explicit chance(const std::string &path = counter_path)
		: fd_(must(or_errno(open(path.c_str(), O_RDWR | O_CLOEXEC))))
	{
	}
	/* The same, opened before. */
	explicit chance(unique_fd fd) : fd_(std::move(fd)) {}
	/* The @nth from now on. */
	void set(unsigned nth) const
	{
		must(int(write_to(fd_, std::to_string(nth))));
	}
	/*
	 * Has it failed? No more of it in any case. The counter counts for the
	 * calls that look at it too, and what they lose was not lost before.
	 */
	bool taken() const
	{
		char text[16];
		const bool ret =
			pread(fd_, text, sizeof(text), 0) > 0 && text[0] == '0';

		while (write(fd_, "0", 1) != 1)
			;
		return ret;
	}

private:
	unique_fd fd_;
};

/* A file of proc whose inode cannot be made is ENOENT, so have it made before. */
inline void keep_in_mind(const std::string &path)
{
	struct stat st;

	must(or_errno(lstat(path.c_str(), &st)));
}

inline std::size_t open_descriptors()
{
	unique_fd dir(must(or_errno(
		open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC))));

	return list(dir).size();
}

class faults : public testing::Test {
protected:
	void SetUp() override
	{
		if (access(counter_path, W_OK))
			GTEST_SKIP() << "no fault injection in this kernel";
		allow_faults();
	}

	/*
	 * Do @call with its first chance to fail taken, its second, and so on,
	 * and hand what it gave to @check, which undoes it. Both run without
	 * anything that could fail in the test's own name. With @refusal, an
	 * errno, the call is one that never succeeds.
	 */
	template <typename Call, typename Check>
	void each(Call call, Check check, int refusal = 0)
	{
		const chance mine;
		const std::size_t descriptors = open_descriptors();

		for (unsigned nth = 1; nth < too_many; nth++) {
			mine.set(nth);
			const int ret = call();
			const bool taken = mine.taken();
			const bool as_ever =
				refusal ? ret == -refusal : ret >= 0;

			EXPECT_TRUE(as_ever || (taken && (ret == -ENOMEM ||
							  ret == -EFAULT)))
				<< "fault " << nth << ": " << name_of(ret);
			check(ret);
			EXPECT_EQ(descriptors, open_descriptors())
				<< "fault " << nth;
			if (HasFailure() || !taken) {
				count = nth - 1;
				printf("# %u faults\n", count);
				return;
			}
		}
		FAIL() << "no end of faults";
	}

	/* How many there were. */
	unsigned count = 0;
};

/* The first superblock of all: before anything here opens the device. */
class faults_first : public faults {
protected:
	void SetUp() override
	{
		faults::SetUp();
		if (IsSkipped())
			return;
		ASSERT_EQ("0\n", slurp("/sys/module/procfd/refcnt"))
			<< "somebody uses the module, so nothing is the first";
	}
};

inline fsfilcnt_t names_used(int dir)
{
	struct statvfs st;

	must(or_errno(fstatvfs(dir, &st)));
	return st.f_files - st.f_ffree;
}

inline std::string options_of(const std::string &path)
{
	const std::string mounts = slurp("/proc/self/mounts");
	const std::size_t at = mounts.find(" " + path + " ");

	return at == std::string::npos ?
		       "" :
		       mounts.substr(at, mounts.find('\n', at) - at);
}

/* An empty procfdfs, which must be left without a name too many or too few. */
class faults_names : public faults {
protected:
	void SetUp() override
	{
		faults::SetUp();
		if (IsSkipped())
			return;
		device();
		fs.emplace(PROCFD_FS_TYPE, "procfd",
			   "uid=0,gid=0,mode=755,max=65536");
		must(fs->error);
		dir = fs->dir;
		used = names_used(dir);
		ASSERT_TRUE(list(dir).empty());
	}
	void TearDown() override
	{
		if (!fs)
			return;
		remove_all(dir);
		EXPECT_EQ(used, names_used(dir));
	}

	std::string at(const char *name) const { return fs->path + "/" + name; }
	/* What is there, and that no more is counted. */
	void holds(const std::vector<std::string> &names) const
	{
		EXPECT_EQ(names, list(dir));
		EXPECT_EQ(used + names.size(), names_used(dir));
	}

	std::optional<mounted> fs;
	int dir = -1;
	fsfilcnt_t used = 0;
};

#endif /* FAULT_H */
