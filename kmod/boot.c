// SPDX-License-Identifier: GPL-2.0-only
/* What the boot has left: the areas of the kernel's addresses, and the frames of memory. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "kmh.h"

#define FRAMES_AT_ONCE	0x4000u	/* before others may run */

static struct kmh_area *put_area(struct kmh_area *area, u32 kind, u32 cpu, u32 first, u32 last)
{
	*area = (struct kmh_area){ kind, cpu, first, last };
	return area + 1;
}

/* A bigger index of the fixmap is a lower address.  Windows may lie between each other. */
static struct kmh_area *put_window(struct kmh_area *area, unsigned int cpu)
{
	u32 one = kmh_window_address(cpu, 0), other = kmh_window_address(cpu, KMH_WINDOW - 1);

	if (abs(kmh_windows.entry) != 1)
		return area;
	return put_area(area, KMH_AREA_CPU_WINDOW, cpu, min(one, other),
			max(one, other) + PAGE_SIZE - 1);
}

/**
 * kmh_areas() - list the areas of the kernel's addresses
 * @out: an array of struct kmh_area
 * @room: its size in bytes
 *
 * Return: the bytes that were written, or -E2BIG.
 */
int kmh_areas(void *out, size_t room)
{
	struct kmh_area *area = out;
	unsigned int cpu;
	u32 first, last;

	if (room < (KMH_ARCH_AREAS + 2 + 2 * NR_CPUS) * sizeof(*area))
		return -E2BIG;
	area = put_area(area, KMH_AREA_DIRECT, 0, PAGE_OFFSET, (u32)high_memory - 1);
	area = put_area(area, KMH_AREA_PKMAP, 0, PKMAP_ADDR(0), PKMAP_ADDR(LAST_PKMAP) - 1);
	area += kmh_arch_areas(area);
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		area = put_window(area, cpu);
		kmh_arch_cpu_entry(cpu, &first, &last);
		area = put_area(area, KMH_AREA_CPU_ENTRY, cpu, first, last);
	}
	return (void *)area - out;
}

/*
 * The frames of a hole have zeroed struct pages (5.10), or reserved ones with a reference.  Of a
 * free block only the first frame says that it is free.
 */
static bool is_taken(struct page *page)
{
	return PageBuddy(page) || (!PageReserved(page) && page_count(page));
}

static u32 frame_flags(unsigned long pfn)
{
	struct page *page;
	u32 flags = KMH_FRAME_VALID;

	if (!pfn_valid(pfn))
		return 0;
	page = pfn_to_page(pfn);
	flags |= PageReserved(page) ? KMH_FRAME_RESERVED : 0;
	flags |= PageHighMem(page) ? KMH_FRAME_HIGHMEM : 0;
	flags |= is_taken(page) ? KMH_FRAME_TAKEN : 0;
	return flags;
}

/* Add frames to the runs.  Return: the last run, or NULL where there is no room for it. */
static struct kmh_frame_run *add_frames(const struct kmh_frame_range *range,
					struct kmh_frame_run *last,
					const struct kmh_frame_run *end)
{
	u32 flags, i;

	for (i = 0; i < range->count; i++) {
		flags = frame_flags(range->first + i) & range->wanted;
		if (!i || last->flags != flags) {
			if (++last >= end)
				return NULL;
			*last = (struct kmh_frame_run){ range->first + i, 0, flags };
		}
		last->count++;
		if (i % FRAMES_AT_ONCE == FRAMES_AT_ONCE - 1)
			cond_resched();
	}
	return last;
}

/**
 * kmh_frames() - tell of each frame whether the kernel may hand it out
 * @ranges: the frames that are asked for
 * @n: number of ranges
 * @out: an array of struct kmh_frame_run
 * @room: its size in bytes
 *
 * Return: the bytes that were written, or -E2BIG.
 */
int kmh_frames(const struct kmh_frame_range *ranges, unsigned int n, void *out, size_t room)
{
	struct kmh_frame_run *last = (struct kmh_frame_run *)out - 1;
	struct kmh_frame_run *end = (struct kmh_frame_run *)out + room / sizeof(*end);
	unsigned int i;

	for (i = 0; i < n; i++) {
		last = add_frames(&ranges[i], last, end);
		if (!last)
			return -E2BIG;
	}
	return (void *)(last + 1) - out;
}
