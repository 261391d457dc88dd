/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: what the kernel made of its addresses and of the machine's memory at boot. */
#ifndef KMAP_HARNESS_PROTOCOL_BOOT_H
#define KMAP_HARNESS_PROTOCOL_BOOT_H

#include <linux/types.h>

enum kmh_area_kind {
	KMH_AREA_DIRECT = 1,	/* the direct map of lowmem */
	KMH_AREA_VMALLOC = 2,
	KMH_AREA_PKMAP = 3,
	KMH_AREA_LDT = 4,	/* the LDT of a process, with page table isolation */
	KMH_AREA_ENTRY = 5,	/* cpu_entry_area, of all CPUs */
	KMH_AREA_FIXMAP = 6,	/* all entries, also those that only early boot uses */
	KMH_AREA_CPU_ENTRY = 7,	/* one CPU's part of cpu_entry_area */
	KMH_AREA_CPU_WINDOW = 8, /* one CPU's window in the fixmap */
};

/* One area of kernel addresses; those of a CPU come for each of NR_CPUS. */
struct kmh_area {
	__u32 kind;		/* enum kmh_area_kind */
	__u32 cpu;		/* of the last two kinds; else 0 */
	__u32 first;		/* address of its first byte */
	__u32 last;		/* address of its last byte */
};

#define KMH_FRAME_VALID		(1u << 0)	/* there is a struct page */
#define KMH_FRAME_RESERVED	(1u << 1)	/* PG_reserved: never handed out */
#define KMH_FRAME_HIGHMEM	(1u << 2)	/* in a zone of highmem */
#define KMH_FRAME_TAKEN		(1u << 3)	/* free, or in use: the allocator has it */

/* Frames that the host asks for, and that the module answers as runs of equal ones. */
struct kmh_frame_range {
	__u32 first;
	__u32 count;
	__u32 wanted;		/* KMH_FRAME_* to look for; the others count as clear */
};

struct kmh_frame_run {
	__u32 first;
	__u32 count;
	__u32 flags;		/* KMH_FRAME_* */
};

#endif
