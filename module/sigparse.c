// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a write to a process descriptor means.
 *
 * The callers are shells as often as programs, so what decides is which slip
 * does harm. `echo 9` must not send signal 57, the number of the character 9,
 * `echo $SIG` with SIG unset must not send SIGUSR1 (a newline is 10), and a
 * program that writes the byte 15 means SIGTERM.
 *
 * Raw bytes are those below the space, so that no row of dashes and no "?" is a
 * real-time signal, which would end the process; and white space alone is no
 * signal, whichever it is: `printf '%s\t' $SIG` writes the byte of SIGKILL.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/signal.h>
#include <linux/string.h>

#include "sigparse.h"
#include "../uapi/procfd.h"

/*
 * SIGRTMIN and SIGRTMAX as user space counts: the C library keeps the kernel's
 * first two real-time signals for itself.
 */
#define USER_RTMIN	34
#define USER_RTMAX	64

/* The last byte that is no printable character, and the last standard signal. */
#define RAW_MAX		31

static const struct {
	const char *name;
	int signal;
} signal_names[] = {
	{ "ABRT", SIGABRT },	{ "ALRM", SIGALRM },	{ "BUS", SIGBUS },
	{ "CHLD", SIGCHLD },	{ "CLD", SIGCHLD },	{ "CONT", SIGCONT },
	{ "FPE", SIGFPE },	{ "HUP", SIGHUP },	{ "ILL", SIGILL },
	{ "INT", SIGINT },	{ "IO", SIGIO },	{ "IOT", SIGABRT },
	{ "KILL", SIGKILL },	{ "PIPE", SIGPIPE },	{ "POLL", SIGIO },
	{ "PROF", SIGPROF },	{ "PWR", SIGPWR },	{ "QUIT", SIGQUIT },
	{ "RTMAX", USER_RTMAX },	{ "RTMIN", USER_RTMIN },
	{ "SEGV", SIGSEGV },	{ "STKFLT", SIGSTKFLT },
	{ "STOP", SIGSTOP },	{ "SYS", SIGSYS },	{ "TERM", SIGTERM },
	{ "TRAP", SIGTRAP },	{ "TSTP", SIGTSTP },	{ "TTIN", SIGTTIN },
	{ "TTOU", SIGTTOU },	{ "URG", SIGURG },	{ "USR1", SIGUSR1 },
	{ "USR2", SIGUSR2 },	{ "VTALRM", SIGVTALRM },
	{ "WINCH", SIGWINCH },	{ "XCPU", SIGXCPU },	{ "XFSZ", SIGXFSZ },
};

static const char * const scope_names[] = {
	[PROCFD_SCOPE_PROCESS]	= "process",
	[PROCFD_SCOPE_MAIN]	= "main",
	[PROCFD_SCOPE_GROUP]	= "group",
	[PROCFD_SCOPE_TREE]	= "tree",
};

/*
 * The kernel's ctype.h speaks Latin-1; a byte above 127 is no letter here, and
 * the white space of a shell's output is what the C locale says.
 */
static bool is_word(char c)
{
	return isascii(c) && isalnum(c);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int parse_number(const char *word, size_t length)
{
	unsigned int value = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		if (!isascii(word[i]) || !isdigit(word[i]))
			return -EINVAL;
		value = value * 10 + (word[i] - '0');
		if (value > _NSIG)
			return -EINVAL;
	}
	return value;
}

/* RTMIN+n and RTMAX-n, as kill -l prints them. Longer than the six letters. */
static int parse_realtime(const char *word, size_t length)
{
	bool from_min = !strncasecmp(word, "RTMIN+", 6);
	int distance;

	if (!from_min && strncasecmp(word, "RTMAX-", 6))
		return -EINVAL;
	distance = parse_number(word + 6, length - 6);
	if (distance < 0 || distance > USER_RTMAX - USER_RTMIN)
		return -EINVAL;
	return from_min ? USER_RTMIN + distance : USER_RTMAX - distance;
}

static int parse_word(const char *word, size_t length)
{
	size_t i;

	if (isascii(word[0]) && isdigit(word[0]))
		return parse_number(word, length);
	if (length > 3 && !strncasecmp(word, "SIG", 3)) {
		word += 3;
		length -= 3;
	}
	for (i = 0; i < ARRAY_SIZE(signal_names); i++) {
		if (strlen(signal_names[i].name) == length &&
		    !strncasecmp(word, signal_names[i].name, length))
			return signal_names[i].signal;
	}
	return length > 6 ? parse_realtime(word, length) : -EINVAL;
}

/*
 * The next word, and the white space behind it.
 *
 * Return: its length, 0 if there is none.
 */
static size_t next_word(struct procfd_sigparse *parse, const char **word)
{
	const char *bytes = parse->bytes;
	size_t end = parse->offset, length;

	while (end < parse->length && is_space(bytes[end]))
		end++;
	*word = bytes + end;
	length = end;
	while (end < parse->length && !is_space(bytes[end]))
		end++;
	length = end - length;
	while (end < parse->length && is_space(bytes[end]))
		end++;
	parse->offset = end;
	return length;
}

/* A word before the signals says whom they are for. */
static void take_scope(struct procfd_sigparse *parse)
{
	const char *word;
	size_t length = next_word(parse, &word);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scope_names); i++) {
		if (strlen(scope_names[i]) == length &&
		    !strncasecmp(word, scope_names[i], length)) {
			parse->scope = i;
			return;
		}
	}
	parse->offset = 0;
}

/**
 * procfd_sigparse_next - take the next signal of a write
 * @parse: where procfd_sigparse_begin() or this function left off
 *
 * White space behind a word belongs to the word, so that after the last signal
 * everything is consumed.
 *
 * Return: a signal number, 0 for the check; PROCFD_SIGPARSE_END; or -EINVAL for
 * what is none, which procfd_sigparse_begin() has ruled out.
 */
int procfd_sigparse_next(struct procfd_sigparse *parse)
{
	const char *word;
	size_t length;
	int signal;

	if (!parse->text) {
		if (parse->offset == parse->length)
			return PROCFD_SIGPARSE_END;
		signal = (unsigned char)parse->bytes[parse->offset++];
		return signal > RAW_MAX ? -EINVAL : signal;
	}
	length = next_word(parse, &word);
	return length ? parse_word(word, length) : PROCFD_SIGPARSE_END;
}

/**
 * procfd_sigparse_begin - check a whole write before its first signal is sent
 * @parse: to be used with procfd_sigparse_next() if this returns 0
 * @bytes: what was written; must stay until the last procfd_sigparse_next()
 * @length: how much, at least 1
 *
 * An ASCII letter or digit anywhere makes the write text. White space alone is
 * what a shell leaves of an empty variable, and refused. The first word of a text may
 * be a scope; then it is consumed when this returns.
 *
 * Return: 0, or -EINVAL and nothing may be sent.
 */
int procfd_sigparse_begin(struct procfd_sigparse *parse, const char *bytes,
			  size_t length)
{
	bool blank = true;
	size_t start, i;
	int ret;

	*parse = (struct procfd_sigparse){ .bytes = bytes, .length = length };
	/* What a program writes, most of the time. */
	if (length == 1 && !is_word(bytes[0]))
		return is_space(bytes[0]) ||
		       (unsigned char)bytes[0] > RAW_MAX ? -EINVAL : 0;

	for (i = 0; i < length; i++) {
		if (is_word(bytes[i]))
			parse->text = true;
		if (!is_space(bytes[i]))
			blank = false;
	}
	if (blank)
		return -EINVAL;

	if (parse->text)
		take_scope(parse);
	start = parse->offset;
	/* A scope alone is what a shell leaves of `tree $SIG`. */
	if (start == length)
		return -EINVAL;
	do
		ret = procfd_sigparse_next(parse);
	while (ret >= 0);
	if (ret != PROCFD_SIGPARSE_END)
		return ret;
	parse->offset = start;
	return 0;
}
