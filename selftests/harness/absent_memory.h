/* SPDX-License-Identifier: GPL-2.0-only */
/* A page that does not come: what a hostile user has system calls wait for. */
#ifndef PROCFD_SELFTESTS_ABSENT_MEMORY_H
#define PROCFD_SELFTESTS_ABSENT_MEMORY_H

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common.h"

/* Memory that whoever uses it waits for, until it is filled. */
class absent_memory {
public:
	explicit absent_memory(std::size_t pages)
		: size_(pages * page),
		  faults_(or_errno(int(syscall(SYS_userfaultfd, O_CLOEXEC))))
	{
		uffdio_api api{UFFD_API, 0, 0};
		uffdio_register all{};

		if (faults_ < 0)
			return;
		memory_ = static_cast<char *>(
			mmap(nullptr, size_, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
		all.range = range();
		all.mode = UFFDIO_REGISTER_MODE_MISSING;
		must(or_errno(ioctl(faults_, UFFDIO_API, &api)));
		must(or_errno(ioctl(faults_, UFFDIO_REGISTER, &all)));
	}
	~absent_memory()
	{
		if (memory_)
			munmap(memory_, size_);
	}

	explicit operator bool() const { return faults_ >= 0; }
	char *of(std::size_t n) const { return memory_ + n * page; }
	/* Until one more waits. */
	void wait() const
	{
		uffd_msg message;

		must(int(or_errno(read(faults_, &message, sizeof(message)))));
	}
	void fill() const
	{
		uffdio_zeropage zeros{};

		zeros.range = range();
		must(or_errno(ioctl(faults_, UFFDIO_ZEROPAGE, &zeros)));
	}

private:
	static constexpr std::size_t page = 4096;

	uffdio_range range() const
	{
		return {reinterpret_cast<std::uintptr_t>(memory_), size_};
	}

	std::size_t size_;
	unique_fd faults_;
	char *memory_ = nullptr;
};

#endif /* PROCFD_SELFTESTS_ABSENT_MEMORY_H */
