/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As the kernel's, which speaks Latin-1: the parser must not rely on anything
 * narrower, and what it asks about must be a byte.
 */
#ifndef FUZZ_LINUX_CTYPE_H
#define FUZZ_LINUX_CTYPE_H

#define isascii(c) (((unsigned char)(c)) <= 0x7f)

static inline int isdigit(int c)
{
	return '0' <= c && c <= '9';
}

static inline int isalnum(int c)
{
	const unsigned char b = (unsigned char)c;

	return isdigit(b) || ('a' <= b && b <= 'z') || ('A' <= b && b <= 'Z') ||
	       (b >= 0xc0 && b != 0xd7 && b != 0xf7);
}

#endif /* FUZZ_LINUX_CTYPE_H */
