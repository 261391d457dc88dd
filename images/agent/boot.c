// SPDX-License-Identifier: GPL-2.0-only
/* The machine before the first request: file systems, drivers, limits, the port. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

#define PORT_TRIES	500	/* each 10 ms: a virtio port appears some time after its driver */

const char *option(const char *name)
{
	static char line[4096], value[4096];
	size_t length = strlen(name);
	ssize_t size;
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	size = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[size > 0 ? size : 0] = 0;
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n")) {
		if (!strncmp(word, "kmh.", 4) && !strncmp(word + 4, name, length) &&
		    word[4 + length] == '=')
			return strcpy(value, word + 4 + length + 1);
	}
	return NULL;
}

static void mount_one(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		fail(where);
}

void mount_all(void)
{
	mount_one("devtmpfs", "/dev");
	console_open();
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("debugfs", "/sys/kernel/debug");
}

/* Load the drivers that kmh.modules=a,b,c names, in that order. */
void load_modules(void)
{
	const char *names = option("modules");
	char list[2048], path[2200];

	if (!names)
		return;
	snprintf(list, sizeof(list), "%s", names);
	for (char *name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		int error;

		snprintf(path, sizeof(path), MODULE_FOLDER "/%s.ko", name);
		error = module_insert(path, "");
		if (error && error != -EEXIST)
			say("error: %s: %s", path, strerror(-error));
	}
}

static void set_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(path);
	if (fd >= 0)
		close(fd);
}

/* Print every message, stay on one CPU, and never fetch a page of the agent again. */
void set_limits(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("sched_setaffinity");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall");
	set_file("/proc/sys/kernel/printk", "8");
	/* The harness's threads are SCHED_FIFO and may run for long stretches. */
	set_file("/proc/sys/kernel/sched_rt_runtime_us", "-1");
}

#define PIPE_PAGES	16	/* a pipe holds this many */

/*
 * kmh.variant=N: take so many pages for good that the pools get other frames, and with them
 * other page_address buckets and PTEs.  Pipes take pages of the same kind as the pools:
 * highmem, not movable.
 */
void shift_frames(void)
{
	static char page[4096];
	const char *given = option("variant");
	uint32_t variant = given ? strtoul(given, NULL, 10) : 0;
	uint32_t wanted = variant * 2654435769u >> 22;	/* 0 to 1023 */
	int ends[2] = { -1, -1 };

	for (uint32_t taken = 0; taken < wanted; taken++) {
		if (taken % PIPE_PAGES == 0 && pipe2(ends, O_CLOEXEC))
			return fail("pipe2");
		if (write(ends[1], page, sizeof(page)) < 0)
			return fail("pipe");
	}
}

static void set_raw(int fd)
{
	struct termios mode;

	if (tcgetattr(fd, &mode))
		return;		/* a virtio port is no terminal */
	cfmakeraw(&mode);
	cfsetspeed(&mode, B115200);
	mode.c_cflag |= CLOCAL | CREAD;
	tcsetattr(fd, TCSAFLUSH, &mode);
}

/* Open the port that kmh.port= names; it may take a moment to appear. */
int open_port(void)
{
	const char *path = option("port");
	struct timespec pause = { 0, 10000000 };
	int fd = -1;

	if (!path)
		path = "/dev/vport0p1";
	for (int i = 0; fd < 0 && i < PORT_TRIES; i++) {
		fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			nanosleep(&pause, NULL);
	}
	if (fd < 0) {
		say("error: no port: %s: %s", path, strerror(errno));
		return -1;
	}
	set_raw(fd);
	return fd;
}

#define PVPANIC_PORT	0x505	/* QEMU, docs/specs/pvpanic.rst */
#define PVPANIC_PANICKED 1

/*
 * The machine stops at this very instruction and continues when the host says so.  QEMU may set
 * the clock forward to the next timer meanwhile, or not (icount_start_warp_timer() in
 * main_loop_wait() takes a stopped CPU for an idle one): no step that counts may follow.
 */
int stop_machine(void)
{
	const char byte = PVPANIC_PANICKED;
	int fd = open("/dev/port", O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (pwrite(fd, &byte, 1, PVPANIC_PORT) < 0)
		error = -errno;
	close(fd);
	return error;
}

void power_off(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	fail("reboot");
}
