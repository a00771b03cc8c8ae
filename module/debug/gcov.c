// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which lines and branches of the module were run; only with PROCFD_GCOV=y.
 *
 * The kernel can do this with CONFIG_GCOV_KERNEL, which no distribution sets,
 * and a kernel of one's own has not the filesystems that the tests want. What
 * the compiler needs is little: a section with what it knows of each file
 * (-fprofile-info-section), between two markers of ours, and somebody who
 * writes the counters out. That is done when the module goes, to a file which
 * scripts/coverage takes apart again. (coverage.c is for the fuzzer: what has run
 * so far, to be seen at once, but as addresses and without a compiler's notes.)
 *
 * Structures and format are those of kernel/gcov/gcc_4_7.c.
 */
#include <linux/fs.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "gcov.h"

/* scripts/vm/guest makes the directory. */
#define OUTPUT		"/run/coverage/module"

#if __GNUC__ >= 15
#define COUNTERS	10
#elif __GNUC__ >= 14
#define COUNTERS	9
#else
#define COUNTERS	8
#endif

/* From gcc 12 on, lengths are in bytes and there is a checksum. */
#if __GNUC__ >= 12
#define UNIT		4
#else
#error "coverage needs gcc 12"
#endif

#define MAGIC		0x67636461
#define TAG_FUNCTION	0x01000000
#define TAG_COUNTER(n)	(0x01a10000 + ((n) << 17))

struct gcov_counters {
	unsigned int count;
	s64 *values;
};

struct gcov_function {
	const struct gcov_info *key;
	unsigned int ident;
	unsigned int lineno_checksum;
	unsigned int cfg_checksum;
	struct gcov_counters counters[];
};

struct gcov_info {
	unsigned int version;
	struct gcov_info *next;
	unsigned int stamp;
	unsigned int checksum;
	const char *filename;
	void *merge[COUNTERS];	/* functions; NULL: not counted */
	unsigned int n_functions;
	struct gcov_function **functions;
};

/* Set in what counts; to call it is libgcov's business. */
void __gcov_merge_add(s64 *counters, unsigned int count)
{
}

struct writer {
	struct file *file;
	loff_t offset;
	int error;
};

static void put(struct writer *w, const void *data, size_t size)
{
	ssize_t ret;

	if (w->error)
		return;
	ret = kernel_write(w->file, data, size, &w->offset);
	if (ret != (ssize_t)size)
		w->error = ret < 0 ? ret : -ENOSPC;
}

static void put_u32(struct writer *w, u32 value)
{
	put(w, &value, sizeof(value));
}

static void put_function(struct writer *w, const struct gcov_info *info,
			 const struct gcov_function *function)
{
	const struct gcov_counters *counters = function->counters;
	unsigned int type;

	put_u32(w, TAG_FUNCTION);
	put_u32(w, 3 * UNIT);
	put_u32(w, function->ident);
	put_u32(w, function->lineno_checksum);
	put_u32(w, function->cfg_checksum);
	for (type = 0; type < COUNTERS; type++) {
		if (!info->merge[type])
			continue;
		put_u32(w, TAG_COUNTER(type));
		put_u32(w, counters->count * 2 * UNIT);
		put(w, counters->values, counters->count * sizeof(s64));
		counters++;
	}
}

/* A file: its path's length, its path, and what is in a .gcda of it. */
static void put_info(struct writer *w, const struct gcov_info *info)
{
	unsigned int i;

	put_u32(w, strlen(info->filename));
	put(w, info->filename, strlen(info->filename));
	put_u32(w, MAGIC);
	put_u32(w, info->version);
	put_u32(w, info->stamp);
	put_u32(w, info->checksum);
	for (i = 0; i < info->n_functions; i++) {
		/* A function that the linker took from another object. */
		if (info->functions[i] && info->functions[i]->key == info)
			put_function(w, info, info->functions[i]);
	}
	put_u32(w, 0);
}

/* Nothing of the module runs any more but this. */
void procfd_gcov_write(void)
{
	struct gcov_info *const *info;
	struct writer w = {};

	w.file = filp_open(OUTPUT, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (IS_ERR(w.file)) {
		pr_warn("coverage is lost, no %s: %ld\n", OUTPUT,
			PTR_ERR(w.file));
		return;
	}
	for (info = procfd_gcov_first; info < procfd_gcov_last; info++) {
		if (*info)
			put_info(&w, *info);
	}
	if (w.error)
		pr_warn("coverage is lost: %d\n", w.error);
	filp_close(w.file, NULL);
}
