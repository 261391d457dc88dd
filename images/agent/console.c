// SPDX-License-Identifier: GPL-2.0-only
/* Lines for people and for the host's console reader. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

static int console_fd = 2;

void console_open(void)
{
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		console_fd = fd;
}

void say(const char *format, ...)
{
	char line[512] = "kmap-harness: ";
	size_t length = strlen(line);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	strcat(line, "\n");
	if (write(console_fd, line, strlen(line)) < 0)
		return;		/* there is nobody else to tell */
}

void fail(const char *what)
{
	say("error: %s: %s", what, strerror(errno));
}
