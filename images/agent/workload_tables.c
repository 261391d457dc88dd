// SPDX-License-Identifier: GPL-2.0-only
/* A workload of page tables: pages at both ends of them are moved, protected and unmapped. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "workload.h"

#define GROUPS		4u
#define GROUP		3u	/* pages: the last of a table, the first two of the next */

static char *groups[GROUPS];

static char *reserve(size_t size)
{
	char *region = map_area(size + TABLE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);

	return (char *)(((uintptr_t)region + TABLE - 1) & -(uintptr_t)TABLE);
}

static void fill_groups(uint32_t version, bool all)
{
	for (uint32_t i = 0; i < GROUPS * GROUP; i++)
		if (all || mix(i, version + 1000) & 1)
			fill(groups[i / GROUP] + i % GROUP * PAGE, i, version);
}

static uint32_t crc_groups(void)
{
	uint32_t crc = 0;

	for (uint32_t k = 0; k < GROUPS; k++)
		if (groups[k])
			crc = crc32_of(crc, groups[k], GROUP * PAGE);
	return crc;
}

static void drop_group(uint32_t k)
{
	need(munmap(groups[k], GROUP * PAGE));
	groups[k] = NULL;
}

/*
 * Pin a page, if the kernel can: fork() then copies it, and its walk of the page table stops at
 * that entry, the first of its table.
 */
static void pin(void *page)
{
	struct { uint32_t words[30]; } parameters = { { 0 } };	/* struct io_uring_params */
	struct iovec buffer = { page, PAGE };
	int ring = syscall(425, 1, &parameters);		/* io_uring_setup */

	if (ring >= 0)
		syscall(427, ring, 0, &buffer, 1);		/* IORING_REGISTER_BUFFERS */
}

static void look_at_tables(char *region, size_t size)
{
	unsigned char *resident = map_area(size / PAGE, MAP_PRIVATE | MAP_ANONYMOUS);
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	static uint64_t entries[GROUP];

	need(mincore(region, size, resident));
	for (uint32_t k = 0; map >= 0 && k < GROUPS; k++)
		need(pread(map, entries, sizeof(entries), (uintptr_t)groups[k] / PAGE * 8));
	close(map);
}

static void write_groups(void *area)
{
	(void)area;
	stage(1, crc_groups());
	fill_groups(1, false);
	stage(2, crc_groups());
}

static void write_fewer_groups(void *area)
{
	(void)area;
	drop_group(1);
	for (uint32_t i = 0; i < GROUPS * GROUP; i++)
		if (groups[i / GROUP] && mix(i, 5 + 1000) & 1)
			fill(groups[i / GROUP] + i % GROUP * PAGE, i, 5);
	stage(5, crc_groups());
}

static char *move_group(char *from, char *to)
{
	void *moved = mremap(from, GROUP * PAGE, GROUP * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	need(moved == MAP_FAILED ? -1 : 0);
	return moved;
}

void workload_tables(void)
{
	size_t size = (GROUPS + 1) * TABLE;
	char *region = reserve(size), *other = reserve(2 * size);

	for (uint32_t k = 0; k < GROUPS; k++)
		groups[k] = region + (k + 1) * TABLE - PAGE;
	fill_groups(0, true);
	pin(groups[0] + PAGE);
	stage(0, crc_groups());
	await(start(write_groups, NULL));
	need(mprotect(region, size, PROT_READ));
	need(mprotect(region, size, PROT_READ | PROT_WRITE));
	look_at_tables(region, size);
	stage(3, crc_groups());
	for (uint32_t k = 0; k < GROUPS; k++)
		groups[k] = move_group(groups[k], other + 2 * (k + 1) * TABLE - 2 * PAGE);
	stage(4, crc_groups());
	await(start(write_fewer_groups, NULL));
	need(madvise(groups[1] + PAGE, PAGE, MADV_DONTNEED));
	stage(6, crc_groups());
	fill_groups(6, true);
	stage(7, crc_groups());
	groups[2] = move_group(groups[2], region + 3 * TABLE - PAGE);
	stage(8, crc_groups());
	drop_group(1);
	stage(9, crc_groups());
}
