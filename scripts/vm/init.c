// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the guest: starts /harness/guest, reaps whatever it is left
 * with, and powers off when the script ends. A shell would not do as process
 * 1: it reaps only while it waits, and never children without SIGCHLD.
 */
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	static char *const argv[] = { "sh", "/harness/guest", NULL };
	static char *const envp[] = {
		"PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/root", "TERM=linux", NULL
	};
	pid_t script = fork();

	if (script == 0) {
		setsid();
		execve("/bin/sh", argv, envp);
		_exit(127);
	}
	while (script > 0) {
		pid_t pid = waitpid(-1, NULL, __WALL);

		if (pid == script || pid < 0)
			break;
	}
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
