// SPDX-License-Identifier: GPL-2.0-only
/*
 * The exit record as text: what reading a process descriptor gives.
 *
 * The same bytes for every reader, for ever. The record is constant, so the
 * text is made when it is wanted and stored nowhere.
 */
#include <linux/kernel.h>
#include <linux/math64.h>

#include "procfd.h"

/**
 * procfd_record_render - the exit record as text
 * @p: process whose state procfd_process_over() has shown to be final
 * @text: where it goes; NUL-terminated, which is not part of the content
 *
 * The first line is `exited CODE`, `killed SIGNO` or `dumped SIGNO`. Lines of
 * `key value` follow. No pid: that differs by reader.
 *
 * Return: length in bytes; 0 if there is no record and never will be.
 */
size_t procfd_record_render(const struct procfd_process *p,
			    char text[PROCFD_RECORD_MAX])
{
	const struct procfd_record *record = &p->record;
	int signal = record->status & 0x7f;

	if (procfd_process_state(p) != PROCFD_STATE_EXITED)
		return 0;

	return scnprintf(text, PROCFD_RECORD_MAX,
			 "%s %d\n"
			 "id %llu\n"
			 "utime_usec %llu\n"
			 "stime_usec %llu\n"
			 "maxrss_kb %llu\n"
			 "minflt %llu\n"
			 "majflt %llu\n"
			 "started_ns %llu\n"
			 "exited_ns %llu\n",
			 !signal ? "exited" :
			 record->status & 0x80 ? "dumped" : "killed",
			 signal ?: (record->status >> 8) & 0xff,
			 p->id,
			 div_u64(record->utime_ns, NSEC_PER_USEC),
			 div_u64(record->stime_ns, NSEC_PER_USEC),
			 record->maxrss_kb, record->minflt, record->majflt,
			 p->started_ns, record->exited_ns);
}

/**
 * procfd_record_size - how long the text is now
 * @p: any process
 *
 * Return: 0 while it runs, then the length that procfd_record_render() gives.
 */
size_t procfd_record_size(const struct procfd_process *p)
{
	char text[PROCFD_RECORD_MAX];

	return procfd_record_render(p, text);
}
