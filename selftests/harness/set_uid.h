/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs that root's rights come with. */
#ifndef PROCFD_SELFTESTS_SET_UID_H
#define PROCFD_SELFTESTS_SET_UID_H

#include <string>

#include <sys/sendfile.h>

#include "common.h"

/* The path of a helper program, which lies beside the running test. */
inline std::string helper_path(const std::string &name)
{
	char self[4096];
	const int length = must(
		int(or_errno(readlink("/proc/self/exe", self, sizeof(self)))));
	const std::string test(self, std::size_t(length));

	return test.substr(0, test.rfind('/') + 1) + name;
}

/* A set-uid root copy of a program; by default of this very one. */
class set_uid_program {
public:
	explicit set_uid_program(const std::string &of = "/proc/self/exe")
	{
		char name[] = "/tmp/procfd-set-uid-XXXXXX";
		unique_fd to(must(or_errno(mkstemp(name))));
		unique_fd from(must(or_errno(open(of.c_str(), O_RDONLY))));
		struct stat st;

		must(or_errno(fstat(from, &st)));
		for (off_t left = st.st_size; left > 0;)
			left -= must(int(or_errno(sendfile(
				to, from, nullptr, std::size_t(left)))));
		must(or_errno(fchmod(to, 04755)));
		path_ = name;
	}
	set_uid_program(set_uid_program &&) = delete;
	~set_uid_program() { unlink(path_.c_str()); }
	const char *path() const { return path_.c_str(); }

private:
	std::string path_;
};

#endif /* PROCFD_SELFTESTS_SET_UID_H */
