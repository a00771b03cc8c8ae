// SPDX-License-Identifier: GPL-2.0-only
/* A test that passes and leaves a process whose first thread has exited. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void *stay(void *arg)
{
	while (!arg)
		pause();
	return arg;
}

/* While other threads run, it is a zombie that nobody can reap. */
static int first_thread_is_gone(pid_t pid)
{
	char path[32], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strstr(text, ") Z ") ? 1 : 0;
}

int main(void)
{
	pthread_t thread;
	pid_t pid;

	puts("KTAP version 1\n1..1\nok 1 first");
	fflush(stdout);
	pid = fork();
	if (pid) {
		while (!first_thread_is_gone(pid))
			;
		return 0;
	}
	if (pthread_create(&thread, NULL, stay, NULL))
		return 1;
	pthread_exit(NULL);
}
