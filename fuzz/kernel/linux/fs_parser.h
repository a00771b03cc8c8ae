/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel does with an option by a filesystem's table, for the one type
 * that ours has.
 */
#ifndef FUZZ_LINUX_FS_PARSER_H
#define FUZZ_LINUX_FS_PARSER_H

#include <limits.h>
#include <string.h>

#include <linux/fs_context.h>
#include <linux/types.h>

/* In the kernel's errno.h alone. */
#define ENOPARAM 519

enum fs_value_type { fs_value_is_flag, fs_value_is_string };

struct fs_parameter {
	const char *key;
	enum fs_value_type type;
	const char *string;
};

struct fs_parse_result {
	u32 uint_32;
};

struct fs_parameter_spec {
	const char *name;
	int opt;
	unsigned int base;
};

/* clang-format off */
#define fsparam_u32(name, opt) { name, opt, 0 }
#define fsparam_u32oct(name, opt) { name, opt, 8 }
/* clang-format on */

static inline unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a' + 10);
	return UINT_MAX;
}

static inline int kstrtouint(const char *s, unsigned int base, u32 *to)
{
	unsigned long long value = 0;
	const char *first;

	if (*s == '+')
		s++;
	if (!base) {
		base = *s != '0' ? 10 : (s[1] | 0x20) == 'x' ? 16 : 8;
		if (base == 16)
			s += 2;
	}
	for (first = s; digit_of(*s) < base; s++) {
		value = value * base + digit_of(*s);
		if (value > UINT_MAX)
			return -ERANGE;
	}
	if (s == first)
		return -EINVAL;
	if (*s == '\n')
		s++;
	if (*s)
		return -EINVAL;
	*to = (u32)value;
	return 0;
}

static inline int fs_parse(struct fs_context *fc,
			   const struct fs_parameter_spec *spec,
			   const struct fs_parameter *param,
			   struct fs_parse_result *result)
{
	result->uint_32 = 0;
	for (; spec->name; spec++) {
		if (strcmp(spec->name, param->key))
			continue;
		if (param->type != fs_value_is_string ||
		    kstrtouint(param->string, spec->base, &result->uint_32))
			return invalfc(fc, "Bad value for '%s'", param->key);
		return spec->opt;
	}
	return -ENOPARAM;
}

#endif /* FUZZ_LINUX_FS_PARSER_H */
