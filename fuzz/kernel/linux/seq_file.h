/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_LINUX_SEQ_FILE_H
#define FUZZ_LINUX_SEQ_FILE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct seq_file {
	char text[256];
	size_t count;
};

__attribute__((format(printf, 2, 3))) static inline void
seq_printf(struct seq_file *m, const char *format, ...)
{
	const size_t room = sizeof(m->text) - m->count;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(m->text + m->count, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room)
		abort();
	m->count += (size_t)length;
}

#endif /* FUZZ_LINUX_SEQ_FILE_H */
