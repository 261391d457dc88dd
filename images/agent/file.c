// SPDX-License-Identifier: GPL-2.0-only
/* Files of the guest, for example those in which a gcov kernel counts what it executed. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "agent.h"

/* Read to the end: files of debugfs tell no size. */
long file_read(const char *path, uint8_t *buffer, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -errno;
	while (size < room) {
		n = read(fd, buffer + size, room - size);
		if (n <= 0)
			break;
		size += n;
	}
	if (n < 0)
		n = -errno;
	else if (n > 0)
		n = -E2BIG;
	close(fd);
	return n ? n : (long)size;
}
