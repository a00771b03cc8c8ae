/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations and copies that fail on demand, in a kernel with fault injection
 * (failslab, fail_page_alloc, fail_usercopy, and fail-nth of a task).
 */
#ifndef FAULT_H
#define FAULT_H

#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "common.h"

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

#endif /* FAULT_H */
