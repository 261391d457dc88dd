/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: concurrent histories. */
#ifndef KMAP_HARNESS_PROTOCOL_HISTORY_H
#define KMAP_HARNESS_PROTOCOL_HISTORY_H

#include <linux/types.h>

#define KMH_HISTORY_THREADS	16
#define KMH_HISTORY_HOLDS	8	/* mappings that one thread has at most at once */
#define KMH_HISTORY_RECORDS	0x20000	/* room for the records of all threads */
#define KMH_HISTORY_WITNESS	(1u << 0) /* note the order in which kmap_lock was held */
#define KMH_HISTORY_ROUNDS	(1u << 1) /* all threads start each round of mappings together */
#define KMH_HISTORY_NOISE	(1u << 2) /* hold threads up that are about to queue for a slot */
#define KMH_HISTORY_TAG		0x4b500000u /* first word of page id: this + id */

/*
 * A struct kmh_task_request for each thread follows.  The module maps the pages from first_pin
 * on meanwhile, so that few slots are left; the threads map and unmap the pages from first_page
 * on, as the seed decides.
 */
struct kmh_history_request {
	__u32 seed;
	__u32 operations;	/* records that each thread makes */
	__u32 limit_ms;		/* after this time they must end */
	__u16 first_pin;
	__u16 pins;
	__u16 first_page;
	__u16 pages;
	__u8 holds;		/* at most KMH_HISTORY_HOLDS */
	__u8 flags;		/* KMH_HISTORY_* */
	__u16 yields;		/* one step in this many gives the CPU away */
};

enum kmh_history_outcome {
	KMH_HISTORY_RUNS = 0,
	KMH_HISTORY_FINISHED = 1,
	KMH_HISTORY_ASLEEP = 2,	/* all that had not ended slept, and nobody could wake them */
	KMH_HISTORY_DIED = 3,	/* the kernel killed a thread */
	KMH_HISTORY_STUCK = 4,	/* a thread neither ended nor slept in the queue */
	KMH_HISTORY_DEADLOCK = 5, /* of a schedule: threads wait for locks that stay taken */
};

/*
 * The log: this, then
 *   struct kmh_history_thread threads[n_threads]
 *   struct kmh_history_slot   before[last_pkmap], after[last_pkmap]
 *   struct kmh_history_record records[n_threads][stride]
 */
struct kmh_history {
	__u32 outcome;		/* enum kmh_history_outcome */
	__u32 n_threads;
	__u32 stride;
	__u32 last_pkmap;
	__u32 clock;		/* stamps that were drawn; they count from 1 */
	__u32 foreign;		/* critical sections of kmap_lock by others than the threads */
	__u32 dropped;		/* records for which there was no room */
	__u32 cursor_before;	/* last_pkmap_nr */
	__u32 cursor_after;
	__u32 witness;		/* whether the probe was placed */
	__u32 free_slots;	/* pkmap_count 0 and ... */
	__u32 unused_slots;	/* ... 1 at the moment of KMH_HISTORY_ASLEEP */
	__u32 asleep_at;	/* stamps given by then */
	__u32 ms;		/* duration */
};

enum kmh_history_state {
	KMH_HISTORY_THREAD_RUNS = 0,
	KMH_HISTORY_THREAD_ENDED = 1,
	KMH_HISTORY_THREAD_SLEPT = 2,	/* in pkmap_map_wait when all did */
	KMH_HISTORY_THREAD_DIED = 3,
};

struct kmh_history_thread {
	__u32 used;		/* records */
	__u32 invoked;		/* stamp of the operation in progress */
	__u32 section;		/* stamp of its last critical section, 0 for none */
	__u16 page;		/* of the operation in progress */
	__u8 code;		/* enum kmh_history_code, 0 between operations */
	__u8 cpu;		/* where the thread is bound, or KMH_TASK_UNBOUND */
	__u8 state;		/* enum kmh_history_state */
	__u8 reserved[3];
};

struct kmh_history_slot {
	__u32 count;		/* pkmap_count */
	__u32 pfn;		/* of its PTE, 0 for none */
};

enum kmh_history_code {
	KMH_HISTORY_KMAP = 1,	/* value = address */
	KMH_HISTORY_KUNMAP = 2,	/* value = address */
	KMH_HISTORY_PAGE_ADDRESS = 3, /* value = page_address(page) */
	KMH_HISTORY_TAG_READ = 4, /* value = first word of the page */
	KMH_HISTORY_OWN_WRITE = 5, /* value = written to the thread's own word of the page */
	KMH_HISTORY_OWN_READ = 6, /* value = read from it */
	KMH_HISTORY_LOCAL = 7,	/* value = address in the window; the next record is its tag */
	KMH_HISTORY_SECTION = 8, /* ordered = an earlier section of the next record */
};

#define KMH_HISTORY_SLEPT	(1u << 0)	/* the thread left its CPU of its own accord */
#define KMH_HISTORY_FAULT	(1u << 1)	/* an access met a page fault that was caught */

/*
 * All stamps come from one atomic counter, so that they order all events of all CPUs.  Those of
 * an operation enclose it; "ordered" was drawn inside of kmap_lock, or is 0 without witness.
 */
struct kmh_history_record {
	__u32 invoked;
	__u32 ordered;
	__u32 returned;
	__u32 value;
	__u16 page;
	__u8 code;		/* enum kmh_history_code */
	__u8 cpu;		/* where it ended */
	__u8 flags;
	__u8 reserved[3];
};

#endif
