// SPDX-License-Identifier: GPL-2.0-only
/* The harness module: loading, unloading, and one request after the other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

static int device_fd = -1;

static int result(long returned)
{
	return returned < 0 ? -errno : 0;
}

int module_insert(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return -errno;
	error = result(syscall(SYS_finit_module, fd, parameters, 0));
	close(fd);
	return error;
}

/* kmh.params= separates parameters by commas; the kernel expects blanks. */
static const char *parameters(void)
{
	static char text[2048];
	const char *given = option("params");

	snprintf(text, sizeof(text), "%s", given ? given : "");
	for (char *at = text; *at; at++)
		if (*at == ',')
			*at = ' ';
	return text;
}

static int open_device(void)
{
	device_fd = open("/dev/" KMH_DEVICE, O_RDWR | O_CLOEXEC);
	return device_fd < 0 ? -errno : 0;
}

/* Load the module of the image, or that of the request, and open its device. */
int harness_load(const void *image, size_t length)
{
	int error;

	if (length)
		error = result(syscall(SYS_init_module, image, length, parameters()));
	else
		error = module_insert(MODULE_FOLDER "/" HARNESS_MODULE ".ko", parameters());
	if (error) {
		say("error: loading " HARNESS_MODULE ": %s", strerror(-error));
		return error;
	}
	error = open_device();
	if (error)
		say("error: /dev/" KMH_DEVICE ": %s", strerror(-error));
	return error;
}

int harness_unload(void)
{
	int error;

	if (device_fd >= 0)
		close(device_fd);
	device_fd = -1;
	error = result(syscall(SYS_delete_module, HARNESS_MODULE, O_NONBLOCK));
	if (error) {
		say("error: unloading " HARNESS_MODULE ": %s", strerror(-error));
		open_device();
	}
	return error;
}

int harness_request(const void *request, size_t length)
{
	if (device_fd < 0)
		return -ENODEV;
	return result(write(device_fd, request, length));
}

long harness_answer(void *buffer, size_t room)
{
	size_t size = 0;

	while (size < room) {
		ssize_t n = read(device_fd, (char *)buffer + size, room - size);

		if (n < 0)
			return -errno;
		if (!n)
			return size;
		size += n;
	}
	return -E2BIG;
}
