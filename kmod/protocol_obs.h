/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: observations after each operation, and snapshots of the whole state. */
#ifndef KMAP_HARNESS_PROTOCOL_OBS_H
#define KMAP_HARNESS_PROTOCOL_OBS_H

#include <linux/types.h>

enum kmh_status {
	KMH_ST_OK = 0,
	KMH_ST_BLOCKED = 1,	/* asleep in the pkmap queue; a delta of a later step ends it */
	KMH_ST_NOT_APPLICABLE = 2, /* this kernel has no such operation */
	KMH_ST_REFUSED = 3,	/* wrong use of the module: task busy or dead, bad id */
	KMH_ST_DIED = 4,	/* the kernel killed the task in this operation */
	KMH_ST_FAULT = 5,	/* READ or WRITE met a page fault that was caught */
	KMH_ST_STUCK = 6,	/* neither ended nor in the queue in the time it has */
	KMH_ST_BUG = 7,		/* typed window: a kernel would BUG; nothing was changed */
	KMH_ST_INTERRUPTIBLE = 8, /* as BLOCKED, but a signal would end the sleep */
};

/*
 * The value of an observation that ended as STUCK: the number of the task (the first of those
 * that should have settled) and where it stood.
 */
#define KMH_STUCK_TASK		0xffu
#define KMH_STUCK_QUEUED	(1u << 8)	/* in pkmap_map_wait */
#define KMH_STUCK_ON_RQ		(1u << 9)	/* runnable */
#define KMH_STUCK_ON_CPU	(1u << 10)
#define KMH_STUCK_SIGNAL	(1u << 11)	/* a signal is pending */
#define KMH_STUCK_SLOT_FREE	(1u << 12)	/* some slot has the count 0 or 1 */
#define KMH_STUCK_STATE_SHIFT	16		/* task_struct's state: TASK_* */

#define KMH_OBS_IRQS_OFF	(1u << 0)
#define KMH_OBS_HARDIRQ		(1u << 1)
#define KMH_OBS_SOFTIRQ		(1u << 2)
#define KMH_OBS_NO_PAGE_ADDRESS	(1u << 3)	/* RT forbids page_address() here */
#define KMH_OBS_OVERFLOW	(1u << 4)	/* not all deltas fit: a snapshot must follow */

/* State after one operation: this, then n_deltas of struct kmh_delta. */
struct kmh_obs {
	__u32 step;		/* counts from 0 since the module was loaded */
	__u8 code;
	__u8 task;
	__u8 status;		/* enum kmh_status */
	__u8 cpu;		/* where it ran */
	__u32 value;		/* address, data, pfn; 0 where the operation has no result */
	__u32 pte_lo;		/* of the address returned or used, by page walk, afterwards */
	__u32 pte_hi;
	__u32 page_address;	/* page_address() of the operation's page, afterwards */
	__u16 cursor;		/* last_pkmap_nr */
	__u8 waiters;		/* entries in pkmap_map_wait */
	__u8 flags;		/* KMH_OBS_* */
	__u32 preempt_count;	/* in the layout of 5.10 to 6.12 */
	__u16 pagefault_disabled;
	__u16 migration_disabled;
	__s16 depth;		/* kmap_ctrl.idx of the task, or __kmap_atomic_idx of the CPU */
	__u8 flush_scans;	/* calls of flush_all_zero_pkmaps since the last observation */
	__u8 flush_ranges;	/* calls of flush_tlb_kernel_range for exactly the pkmap area */
	__u8 flush_cpus;	/* CPUs that flushed everything within those */
	__u8 flush_dirty;	/* translations whose flush came too early: docs/wire.md */
	__u8 flush_odd;		/* other flush_tlb_kernel_range calls that touch the pkmap area */
	__u8 invlpgs;		/* flushes of one page by this task */
	__u32 invlpg_address;	/* of the last one */
	__u32 stale_address;	/* of the first translation that the next two count */
	__u8 wakes;		/* __wake_up(&pkmap_map_wait) calls */
	__u8 warns;		/* __warn() calls */
	__u8 stale_reused;	/* entries that got another PTE while a CPU may hold the old one */
	__u8 stale_left;	/* pkmap slots that are none while a CPU may hold the old PTE */
	__u32 cycles;		/* that the operation took; not judged */
	__u16 n_deltas;
	__u8 messages;		/* printk calls; a marker line follows them on the console */
	__u8 reserved;
	__u32 hash;		/* CRC-32 of the hash before, this up to here, the deltas */
};

/* What differs from the observation before.  "pte" is b, with its high half in c. */
enum kmh_delta_kind {
	KMH_DELTA_PKMAP = 1,	/* index = slot; a = count, pte, d = page_address of its page */
	KMH_DELTA_WINDOW = 2,	/* index = fixmap index; pte */
	KMH_DELTA_PTEVAL = 3,	/* index = entry of kmap_ctrl.pteval of the step's task; pte */
	KMH_DELTA_DONE = 4,	/* aux = task; its step a ended: b = result, d = page_address */
	KMH_DELTA_DEAD = 5,	/* aux = task that died in a step of another */
	/* A page that an interrupt mapped: aux = KMH_INTERRUPT_*, index = depth before it, */
	KMH_DELTA_INTERRUPT = 6, /* a = address, pte, d = first word of the page */
	KMH_DELTA_INTERRUPT_END = 7, /* aux = KMH_INTERRUPT_*; index = depth after the unmaps */
	/* A stage of a workload: aux = stage, a = error, d = CRC; */
	KMH_DELTA_CHECKPOINT = 8, /* index = local mappings that were left */
};

#define KMH_INTERRUPT_HARD	(1u << 0)
#define KMH_INTERRUPT_SOFT	(1u << 1)
#define KMH_INTERRUPT_OWN	(1u << 2)	/* on top of the task whose operation it was */
#define KMH_INTERRUPT_IN_USE	(1u << 3)	/* the next slot held pte; nothing was mapped */
#define KMH_INTERRUPT_TORN	(1u << 4)	/* pte was there, neither before nor afterwards */

struct kmh_delta {
	__u8 kind;		/* enum kmh_delta_kind */
	__u8 aux;
	__u16 index;
	__u32 a;
	__u32 b;
	__u32 c;
	__u32 d;
};

/*
 * Everything at once, read from the live structures.  Followed by:
 *   struct kmh_slot   slots[last_pkmap]
 *   struct kmh_pte    window[n_window]   fixmap indices window_first, window_first + 1, ...
 *   struct kmh_ctrl   tasks[n_tasks], each followed in the local generation by
 *                     struct kmh_pte pteval[window]
 *   u32               page_address[n_pages]
 *   struct kmh_pte    typed[n_typed]
 */
struct kmh_snapshot {
	__u32 step;		/* next step */
	__u32 hash;		/* chain value, for the next step */
	__u32 cursor;
	__u32 waiters;
	__u32 last_pkmap;
	__u32 window_first;	/* that is watched: some entries beside the windows are, too */
	__u32 n_window;
	__u32 n_tasks;
	__u32 n_pages;
	__u32 pteval_entries;	/* per task; 0 in the stack generation */
	__u32 n_typed;		/* entries of the typed window */
	__s32 cpu_depth[32];	/* __kmap_atomic_idx of each CPU (stack generation) */
};

struct kmh_slot {
	__u32 count;
	__u32 pte_lo;
	__u32 pte_hi;
};

struct kmh_pte {
	__u32 lo;
	__u32 hi;
};

struct kmh_ctrl {
	__u8 state;		/* enum kmh_status of its last operation, BLOCKED while asleep */
	__u8 cpu;
	__s16 depth;
	__u32 step;		/* of its last operation */
};

#endif
