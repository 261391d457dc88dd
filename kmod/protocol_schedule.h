/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: every schedule of a small program. */
#ifndef KMAP_HARNESS_PROTOCOL_SCHEDULE_H
#define KMAP_HARNESS_PROTOCOL_SCHEDULE_H

#include <linux/types.h>

#define KMH_SCHEDULE_THREADS	4
#define KMH_SCHEDULE_OPS	8	/* of one thread */
#define KMH_SCHEDULE_PAGES	8
#define KMH_SCHEDULE_GATES	240
#define KMH_SCHEDULE_DECISIONS	256	/* of one schedule */
#define KMH_SCHEDULE_EVENTS	512	/* of one schedule */
#define KMH_SCHEDULE_RECORDS	24	/* of one thread */
#define KMH_SCHEDULE_CHANGED	16	/* slots that differ after a schedule */
#define KMH_SCHEDULE_DEPTH	8	/* of a random schedule */
#define KMH_GATE_CODE		12

/* What a call does to the thread that makes it. */
enum kmh_gate_kind {
	KMH_GATE_CALL = 0,	/* nothing that the order of steps depends on */
	KMH_GATE_ACQUIRE = 1,	/* it waits for the lock that its first argument points to */
	KMH_GATE_RELEASE = 2,
	KMH_GATE_SCHEDULE = 3,
	KMH_GATE_FLUSH = 4,	/* it waits for all CPUs to take an interrupt */
	KMH_GATE_START = 5,	/* the beginning of a thread: no instruction of the kernel */
	KMH_GATE_OPERATION = 6,	/* the beginning of an operation, whose number is the gate's */
	KMH_GATE_SLEEP = 7,	/* in the log: the thread goes to sleep */
	KMH_GATE_PAUSE = 8,	/* an operation that lets any other thread go on */
	KMH_GATE_ACCESS = 9,	/* no call: an access to memory that threads share */
};

#define KMH_GATE_BEFORE		(1u << 0) /* the thread waits for its turn before the call ... */
#define KMH_GATE_AFTER		(1u << 1) /* ... and after it */
#define KMH_GATE_SECTION	(1u << 2) /* what it acquires is kmap_lock */
#define KMH_GATE_INLINE		(1u << 3) /* the kernel has put the release in place of its call */

/*
 * One instruction of the kernel's text: it calls another function, or accesses memory.  The
 * registers of the address are 1 ax, 2 cx, 3 dx, 4 bx, 6 bp, 7 si, 8 di, 0 none.
 */
struct kmh_gate {
	__s32 offset;		/* from kunmap_high */
	__u8 kind;		/* enum kmh_gate_kind */
	__u8 flags;		/* KMH_GATE_* */
	__u8 length;		/* of code */
	__u8 reserved;
	__u8 code[KMH_GATE_CODE]; /* which must stand there */
	__u32 displacement;	/* of the address that is accessed */
	__u8 base;
	__u8 index;
	__u8 scale;
	__u8 reserved_too;
};

enum kmh_schedule_code {
	KMH_SCHEDULE_KMAP = 1,
	KMH_SCHEDULE_KUNMAP = 2,
	KMH_SCHEDULE_PAGE_ADDRESS = 3,
	KMH_SCHEDULE_READ = 4,	/* the page's number, through the mapping of this thread */
	KMH_SCHEDULE_FLUSH = 5,	/* kmap_flush_unused() */
	KMH_SCHEDULE_KMAP_LOCAL = 6,
	KMH_SCHEDULE_KUNMAP_LOCAL = 7,
	KMH_SCHEDULE_READ_LOCAL = 8,
	KMH_SCHEDULE_SLEEP = 9,
};

/* Who executes a program.  An interrupt may be taken at each gate of its target, once. */
enum kmh_schedule_context {
	KMH_SCHEDULE_TASK = 0,
	KMH_SCHEDULE_HARDIRQ = 1,
	KMH_SCHEDULE_SOFTIRQ = 2,
};

struct kmh_schedule_thread {
	__u8 cpu;
	__u8 n_ops;
	__u8 context;		/* enum kmh_schedule_context */
	__u8 target;		/* of an interrupt: the thread that it interrupts */
	__u8 codes[KMH_SCHEDULE_OPS]; /* enum kmh_schedule_code */
	__u8 pages[KMH_SCHEDULE_OPS]; /* 0 is the first page of the request */
};

#define KMH_SCHEDULE_REPLAY	(1u << 0) /* the decisions given, "limit" times, and no others */
#define KMH_SCHEDULE_RANDOM	(1u << 1) /* "limit" schedules by drawn priorities */

/*
 * Then struct kmh_gate[n_gates] in the order of their offsets, struct kmh_decision[n_decisions]
 * (where the search goes on, or what to replay), and struct kmh_schedule_thread[n_threads].
 *
 * The module maps the pages from first_pin on so that all slots are in use but those from
 * first_free on.  Before each schedule it maps the first pages "initial" times each and sets
 * the cursor.
 */
struct kmh_schedules_request {
	__u32 limit;		/* schedules at most */
	__u32 limit_ms;
	__u16 first_pin;
	__u16 pins;
	__u16 first_page;
	__u16 first_free;
	__u16 slots;
	__u16 cursor;
	__u16 n_decisions;
	__u8 n_threads;
	__u8 n_gates;
	__u8 bound;		/* preemptions of one schedule at most */
	__u8 flags;		/* KMH_SCHEDULE_* */
	__u8 coordinator;	/* the CPU of the process that waits for the threads */
	__u8 pages;
	__u8 initial[KMH_SCHEDULE_PAGES];
	__u32 seed;		/* of random schedules, which have the same for the same number */
	__u32 first;		/* the number of the first random schedule */
	__u16 length;		/* priorities change at a step from 1 to this */
	__u8 depth;		/* 1 + the number of such changes */
	__u8 reserved;
};

/* Several threads could go on; choice did. */
struct kmh_decision {
	__u8 enabled;		/* a bit for each thread that could */
	__u8 current_thread;	/* the one that was running, or KMH_NO_THREAD if it cannot go on */
	__u8 choice;
	__u8 done;		/* choices whose schedules have been run */
	__u8 used;		/* preemptions so far */
	__u8 reserved[3];
};

#define KMH_NO_THREAD	0xff

enum kmh_schedules_status {
	KMH_SCHEDULES_COMPLETE = 1,
	KMH_SCHEDULES_MORE = 2,	/* the limit is reached: the decisions say where to go on */
	KMH_SCHEDULES_STATE = 3, /* after a schedule the state could not be put back */
	KMH_SCHEDULES_STUCK = 4, /* no thread reached its next gate: "stuck" says where they are */
	KMH_SCHEDULES_DEPARTED = 5, /* a thread that was chosen could not go on */
	KMH_SCHEDULES_LONG = 6,	/* a schedule had too many events, decisions or records */
};

/*
 * The answer: this, struct kmh_history_slot[last_pkmap] as before each schedule, struct
 * kmh_decision[n_decisions], and n_outcomes times a struct kmh_outcome_log with its tables.
 */
struct kmh_schedules {
	__u32 status;		/* enum kmh_schedules_status */
	__u32 schedules;
	__u32 n_outcomes;
	__u32 n_decisions;
	__u32 last_pkmap;
	__u32 cursor;
	__u32 events;		/* of all schedules */
	__u32 ms;
	__u32 departed;		/* of a replay: schedules whose events were others */
	__u32 longest;		/* of random schedules: steps of the longest */
	__u32 stuck[KMH_SCHEDULE_THREADS]; /* gate, kind << 16, status << 24 */
};

/*
 * A log that one or more schedules had, with the schedule of the fewest preemptions, and of
 * the fewest events among these:
 *   struct kmh_history_thread  threads[n_threads]
 *   struct kmh_history_record  records[], those of each thread after the other
 *   struct kmh_changed_slot    changed[n_changed]
 *   struct kmh_decision        decisions[n_decisions]
 *   struct kmh_gate_event      events[n_events]
 */
struct kmh_outcome_log {
	__u32 number;		/* of that schedule, in this request */
	__u32 times;		/* schedules that had this log */
	__u32 cursor;		/* after it */
	__u16 outcome;		/* enum kmh_history_outcome */
	__u16 clock;
	__u16 free_slots;
	__u16 unused_slots;
	__u16 preemptions;
	__u16 n_changed;
	__u16 n_decisions;
	__u16 n_events;
};

struct kmh_changed_slot {
	__u32 slot;
	__u32 count;
	__u32 pfn;
};

struct kmh_gate_event {
	__u8 thread;
	__u8 kind;		/* enum kmh_gate_kind */
	__u8 after;		/* whether the call has been made */
	__u8 gate;		/* its index in the request */
};

#endif
