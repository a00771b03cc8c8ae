// SPDX-License-Identifier: GPL-2.0-only
/*
 * What of the module has run, for the fuzzer, which looks after each input. Only
 * in a module built with PROCFD_COVERAGE=1, which calls
 * __sanitizer_cov_trace_pc() at each branch. (gcov.c is for make coverage: lines
 * and branches of all the tests, told when the module goes.)
 *
 * The kernel has such a function in CONFIG_KCOV. That counts for one task that
 * asked, in its own calls: not in interrupts, not in work queues, and not after
 * the beginning of its exit, which is where much of this module lives. Our own
 * takes the kernel's place when the module is linked, counts whoever comes, and
 * needs no special kernel.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#include "coverage.h"
#include "hooks.h"

void notrace __sanitizer_cov_trace_pc(void);

static u8 *hits;

/* Calls are five bytes long: no two share four. A lost increment is no loss. */
void notrace __sanitizer_cov_trace_pc(void)
{
	u8 *counters = READ_ONCE(hits);
	long at = (long)__builtin_return_address(0) -
		  (long)__sanitizer_cov_trace_pc;
	u8 n;

	at = (at >> 2) + PROCFD_COVERAGE_SIZE / 2;
	/* Not the text of init, which lies elsewhere. */
	if (!counters || at < 0 || at >= PROCFD_COVERAGE_SIZE)
		return;
	n = READ_ONCE(counters[at]);
	if (n != U8_MAX)
		WRITE_ONCE(counters[at], n + 1);
}

static int coverage_mmap(struct file *file, struct vm_area_struct *vma)
{
	return remap_vmalloc_range(vma, hits, vma->vm_pgoff);
}

static const struct file_operations coverage_fops = {
	.owner	= THIS_MODULE,
	.mmap	= coverage_mmap,
};

static struct miscdevice coverage_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "procfd_coverage",
	.fops	= &coverage_fops,
	.mode	= 0600,
};

int __init procfd_coverage_init(void)
{
	int ret;

	hits = vmalloc_user(PROCFD_COVERAGE_SIZE);
	if (!hits)
		return -ENOMEM;
	ret = misc_register(&coverage_device);
	if (ret) {
		vfree(hits);
		hits = NULL;
	}
	return ret;
}

/* Last of all: what runs later still counts, into nothing. */
void procfd_coverage_exit(void)
{
	u8 *counters = hits;

	misc_deregister(&coverage_device);
	WRITE_ONCE(hits, NULL);
	synchronize_rcu();
	vfree(counters);
}
