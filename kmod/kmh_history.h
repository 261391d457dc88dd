/* SPDX-License-Identifier: GPL-2.0-only */
/* Concurrent histories: the run in progress, and the parts that make it; one section a file. */
#ifndef KMAP_HARNESS_KMH_HISTORY_H
#define KMAP_HARNESS_KMH_HISTORY_H

#include "kmh.h"

/* ---- history_log.c: the log and the run in progress ---- */

struct kmh_history_hold {
	unsigned long address;
	u32 written;		/* last value of the thread's own word of the page */
	u16 page;		/* id */
};

struct kmh_history_task {
	struct task_struct *task;
	struct kmh_history_thread *shared; /* in the log */
	struct kmh_history_record *records;
	struct kmh_history_hold held[KMH_HISTORY_HOLDS];
	unsigned int n_held;
	u32 random;
	u32 written;
	u32 done;
	u32 parked;		/* waits for the other threads to end their round */
	u8 id;
};

/* The history in progress. */
struct kmh_history_run {
	const struct kmh_history_request *request;
	struct kmh_history *log;
	struct kmh_history_task tasks[KMH_HISTORY_THREADS];
	unsigned int n_tasks;
	atomic_t clock;
	atomic_t ready;
	atomic_t arrived;	/* threads that reached the end of a round, over all rounds */
	atomic_t foreign;
	atomic_t dropped;
	u32 go;
	u32 stop;
	u32 frozen;		/* the history is over; threads may still be on their way out */
};

extern struct kmh_history_run kmh_history_run;

int kmh_history_log_init(void);
void kmh_history_log_free(void);
void kmh_history_log_begin(const struct kmh_history_request *request, unsigned int n_threads);
size_t kmh_history_log_length(void);
int kmh_history_log(u32 *out);
struct kmh_history_thread *kmh_history_log_thread(unsigned int id);
struct kmh_history_record *kmh_history_log_records(unsigned int id);
void kmh_history_log_before(void);
void kmh_history_log_after(u32 outcome);
struct kmh_history_record *kmh_history_add(struct kmh_history_task *t, u8 code, u16 page,
					   unsigned int reserve);

/* ---- history_watch.c: the coordinator looks at the threads ---- */

bool kmh_history_ended(const struct kmh_history_task *t);
bool kmh_history_died(const struct kmh_history_task *t);
void kmh_history_states(void);
u32 kmh_history_watch(u32 limit_ms);
void kmh_history_rescue(void);

/* ---- history_probe.c: the order in which kmap_lock was held ---- */

u8 kmh_history_probes_arm(u8 flags);
void kmh_history_probes_disarm(void);

/* ---- history_access.c: one operation of a thread and its record ---- */

u32 kmh_history_draw(struct kmh_history_task *t, u32 below);
void kmh_history_map(struct kmh_history_task *t);
void kmh_history_unmap(struct kmh_history_task *t, unsigned int i);
void kmh_history_read_tag(struct kmh_history_task *t, u16 page, unsigned long address);
void kmh_history_use(struct kmh_history_task *t);
void kmh_history_ask_address(struct kmh_history_task *t);
void kmh_history_map_in_window(struct kmh_history_task *t);

/* ---- history_task.c: the program of a thread ---- */

int kmh_history_main(void *data);

/* ---- history.c: one request ---- */

int kmh_history(const void *data, size_t length, const void **body);
void kmh_history_exit(void);

#endif
