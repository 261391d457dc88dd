// SPDX-License-Identifier: GPL-2.0-only
/* A workload of copy on write: processes share pages since a fork, and write to them. */
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

static int go[2];	/* a pipe by which the parent lets a child go on */

static void write_half(void *area)
{
	fill_half(area, 1);
	stage(1, crc_area(area));
}

static void read_late(void *area)
{
	await_end(go[0]);
	stage(4, crc_area(area));
}

/* The kernel, and not the process, writes to the pages that are shared with the parent. */
static void receive_half(void *area)
{
	static char page[PAGE] __attribute__((aligned(4)));

	for (uint32_t i = 0; i < PAGES; i++) {
		if (!(mix(i, 5 + 1000) & 1))
			continue;
		fill(page, i, 5);
		need(write(go[1], page, PAGE));
		need(read(go[0], (char *)area + i * PAGE, PAGE));
	}
	stage(5, crc_area(area));
}

static void write_below(void *area)
{
	fill_half(area, 8);
	stage(7, crc_area(area));
}

static void write_above(void *area)
{
	await(start(write_below, area));
	fill_half(area, 7);
	stage(8, crc_area(area));
}

static void cow_of_file(void *area)
{
	int file = open_file();
	char *mapped;

	fill_area(area, 10);
	need(pwrite(file, area, AREA, 0));
	mapped = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	need(mapped == MAP_FAILED ? -1 : 0);
	fill_half(mapped, 11);
	stage(10, crc_area(mapped));
	need(pread(file, area, AREA, 0));
	stage(11, crc_area(area));
}

void workload_cow(void)
{
	char *area = map_area(AREA, MAP_PRIVATE | MAP_ANONYMOUS);
	pid_t child;

	make_pipe(go);
	fill_area(area, 0);
	stage(0, crc_area(area));
	await(start(write_half, area));
	stage(2, crc_area(area));
	child = start(read_late, area);
	fill_half(area, 2);
	stage(3, crc_area(area));
	signal_end(go[1]);
	await(child);
	await(start(receive_half, area));
	stage(6, crc_area(area));
	await(start(write_above, area));
	fill_area(area, 9);
	stage(9, crc_area(area));
	cow_of_file(area);
}
