// SPDX-License-Identifier: GPL-2.0-only
/* Two areas of a process, and calls that copy all of one. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

char *workload_area, *workload_copy;

void make_areas(void)
{
	workload_area = map_area(AREA, MAP_PRIVATE | MAP_ANONYMOUS);
	workload_copy = map_area(AREA, MAP_PRIVATE | MAP_ANONYMOUS);
	fill_area(workload_area, 0);
}

void read_all(int fd, char *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		long n = need(read(fd, to + done, size - done));

		if (!n)
			break;
		done += n;
	}
}

void write_all(int fd, const char *from, size_t size)
{
	for (size_t done = 0; done < size;)
		done += need(write(fd, from + done, size - done));
}

void copied(uint32_t number)
{
	stage(number, crc_area(workload_copy));
	memset(workload_copy, 0, AREA);
}
