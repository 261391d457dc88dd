// SPDX-License-Identifier: GPL-2.0-only
/*
 * The start-up script of the guest with SSH, which the agent executes once, before the first
 * request and only with kmh.ssh=1 on the kernel command line.  There is no other exec.  The
 * user is responsible for its processes: they may use the mappings under test, but not while a
 * scenario runs.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

#define SCRIPT "/etc/kmh/rc"

static void run_script(void)
{
	int console = open("/dev/console", O_RDWR | O_NOCTTY);
	char *arguments[] = { SCRIPT, NULL };
	char *environment[] = { "PATH=/sbin:/bin", "HOME=/root", "TERM=dumb", NULL };

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(console, fd);
	execve(SCRIPT, arguments, environment);
	fail(SCRIPT);
	_exit(127);
}

void run_rc(void)
{
	const char *wanted = option("ssh");
	int status = 0;
	pid_t child;

	if (!wanted || strcmp(wanted, "1"))
		return;
	child = fork();
	if (child == 0)
		run_script();
	if (child < 0 || waitpid(child, &status, 0) < 0)
		fail("rc");
	else if (status)
		say("error: " SCRIPT " ended with status %#x", status);
	/* PID 1 inherits the processes of the script: let the kernel reap them. */
	signal(SIGCHLD, SIG_IGN);
}
