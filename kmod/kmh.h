/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the module know of each other; one section a file. */
#ifndef KMAP_HARNESS_KMH_H
#define KMAP_HARNESS_KMH_H

#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "compat.h"
#include "protocol.h"

#define KMH_NEIGHBOURS		4	/* fixmap entries watched above the windows */
#define KMH_MAX_HELD		64	/* mappings and locks one task may hold at once */
#define KMH_MAX_PAGES		(KMH_NO_PAGE - 1)
#define KMH_REGPARM_FIRST(regs)	((regs)->ax)
#define KMH_REGPARM_SECOND(regs) ((regs)->dx)

/* ---- layout.c: constants and run-time facts ---- */

extern pte_t *kmh_pkmap_ptes;		/* PTE of pkmap slot 0; ascending */
extern pte_t *kmh_window_ptes;		/* PTE of fixmap index kmh_window_first; descending */
extern unsigned int kmh_window_first;
extern unsigned int kmh_window_count;

int kmh_layout_init(void);
void kmh_info(struct kmh_info *info);

/* ---- symbols.c: hidden variables of mm/highmem.c ---- */

struct kmh_symbols {
	int *pkmap_count;
	unsigned int *last_pkmap_nr;
	pte_t **pkmap_page_table;
	wait_queue_head_t *pkmap_map_wait;
	void *page_address_htable;
};

extern struct kmh_symbols kmh_symbols;

void kmh_symbols_init(void);
unsigned int kmh_waiters(void);
bool kmh_waits(const struct task_struct *task);

/* ---- pages.c: pools ---- */

struct kmh_pool_page {
	struct page *page;
	u32 pfn;
	atomic_t kmaps;		/* kmap() less kunmap() of this page by the harness */
	u8 kind;
	u8 bucket;
};

extern struct kmh_pool_page *kmh_pages;
extern unsigned int kmh_n_pages;

int kmh_pages_init(void);
void kmh_pages_exit(void);
int kmh_pool(const struct kmh_pool_request *request, void *out, size_t room);
void kmh_pages_unmap(void);
void kmh_pages_release(bool leak);

static inline struct page *kmh_page(u16 id)
{
	return id < kmh_n_pages ? kmh_pages[id].page : NULL;
}

/* ---- tasks.c: threads ---- */

/*
 * Who owns the outcome of the operation in progress.  The task moves from EXEC to
 * IDLE; whoever finds it asleep or dead moves it from EXEC first.
 */
enum kmh_phase {
	KMH_PHASE_IDLE,
	KMH_PHASE_EXEC,
	KMH_PHASE_BLOCKED,	/* asleep in the queue, reported as such */
	KMH_PHASE_FINISHED,	/* was blocked, has its result, not yet reported */
	KMH_PHASE_STUCK,
	KMH_PHASE_DEAD,
};

enum kmh_hold_kind {
	KMH_HOLD_ATOMIC,
	KMH_HOLD_LOCAL,
	KMH_HOLD_IOMAP,
	KMH_HOLD_PREEMPT,
};

struct kmh_hold {
	u8 kind;		/* enum kmh_hold_kind */
	unsigned long address;
};

struct kmh_task {
	struct task_struct *task;
	struct kmh_hold held[KMH_MAX_HELD];
	unsigned int n_held;
	atomic_t phase;		/* enum kmh_phase */
	u32 go;			/* the baton: set by the one before */
	u32 unwind;		/* close open sections: the request ended */
	bool spinning;		/* waits without sleeping, inside an atomic section */
	bool irqs_off;
	bool exits;
	bool alive;		/* the thread function has not been left */
	u8 id;
	u8 cpu;			/* asked for; KMH_TASK_UNBOUND */
	u8 status;		/* of the last operation */
	u8 last_cpu;
	u32 step;		/* of the last operation */
	u32 result;		/* of the operation that blocked */
	u32 blocked_step;
	u16 blocked_page;
	pte_t pteval[KMH_WINDOW]; /* shadow of kmap_ctrl.pteval */
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	unsigned int context_ops; /* operations to run in the interrupt */
	u32 context_done;	/* CONTEXT_* of context.c */
	unsigned int refuse;	/* operations whose context could not be entered */
};

extern struct kmh_task *kmh_tasks[KMH_MAX_TASKS];
extern unsigned int kmh_n_tasks;
extern bool kmh_casualty;	/* a task died or is stuck: its pages and locks are gone */
extern bool kmh_lock_lost;	/* it died in kmap or kunmap: with kmap_lock */

void kmh_task_idle(struct kmh_task *t);
int kmh_tasks_start(const struct kmh_task_request *requests, unsigned int count);
void kmh_tasks_stop(void);
int kmh_reset(void);
bool kmh_atomic(const struct kmh_task *t);
bool kmh_asleep(const struct kmh_task *t);
bool kmh_interruptible(const struct kmh_task *t);
bool kmh_died(const struct kmh_task *t);
void kmh_unwind(struct kmh_task *t);

/* ---- one RUN request, the baton ---- */

struct kmh_run {
	const struct kmh_op *ops;
	unsigned int n_ops;
	unsigned int next;	/* operation in progress */
	struct kmh_task *holder;
	struct kmh_task *previous;
	struct task_struct *watcher;
	u32 finished;
	int error;
	bool open;		/* an atomic section was closed by the module */
	unsigned long progress;	/* jiffies of the last hand-over or observation */
};

extern struct kmh_run kmh_run;

int kmh_run_request(const struct kmh_op *ops, unsigned int n_ops);
void kmh_run_segment(struct kmh_task *t);
unsigned int kmh_run_ops(struct kmh_task *t, unsigned int limit);
void kmh_pass(struct kmh_task *from);

/* ---- ops.c: one operation ---- */

struct kmh_outcome {
	u32 value;
	unsigned long address;	/* returned or operated on, 0 for none */
	u32 cycles;
	u8 status;
};

void kmh_execute(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out);
int kmh_ops_init(void);
void kmh_ops_reset(bool leak);
void kmh_ops_exit(void);

/* ---- settle.c: woken waiters, after a step ---- */

extern unsigned int kmh_patience_ms;

bool kmh_out_of_patience(void);
struct kmh_task *kmh_settle(const struct kmh_task *self);
struct kmh_task *kmh_settle_after(const struct kmh_task *t);
void kmh_give_up(struct kmh_task *t, struct kmh_outcome *out);

/* ---- mapping.c: mappings, and what a task holds ---- */

void kmh_hold(struct kmh_task *t, u8 kind, unsigned long address);
void kmh_unhold(struct kmh_task *t, u8 kind, unsigned long address);
void kmh_execute_map(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out);
void kmh_execute_kunmap(const struct kmh_op *op, struct kmh_outcome *out);
void kmh_execute_unmap(struct kmh_task *t, const struct kmh_op *op, unsigned long address);

/* ---- context.c: interrupt contexts ---- */

void kmh_context_setup(struct kmh_task *t);
void kmh_context_teardown(struct kmh_task *t);
void kmh_run_in_context(struct kmh_task *t, const struct kmh_op *op);

/* ---- address.c: operands, page walks, caught accesses ---- */

extern u32 kmh_registers[KMH_MAX_REGISTERS];

bool kmh_operand(const struct kmh_op *op, unsigned long *address);
u64 kmh_walk(unsigned long address);
pgprot_t kmh_prot(u8 prot);
bool kmh_load(unsigned long address, u32 *value);
bool kmh_store(unsigned long address, u32 value);
bool kmh_set_pte(unsigned long address, struct page *page, pgprot_t prot);
bool kmh_in_window(unsigned long address);

/* ---- probes.c ---- */

struct kmh_counters {
	atomic_t flush_scans;
	atomic_t flush_ranges;
	atomic_t flush_cpus;
	atomic_t flush_odd;
	atomic_t invlpgs;
	atomic_t invlpg_address;
	atomic_t wakes;
	atomic_t warns;
	atomic_t messages;
};

extern struct kmh_counters kmh_counters;
extern struct task_struct *kmh_executing;	/* inside an operation, else NULL */

u32 kmh_probes_arm(u32 mask);
u32 kmh_probes_available(void);
void kmh_probes_exit(void);
void kmh_probes_clear(void);
void kmh_marker(u32 step);
unsigned long kmh_function(const char *name);

/* ---- flushed.c: page tables at the moment of a flush ---- */

void kmh_flushed_range(unsigned long start, unsigned long end);
void kmh_flushed_page(unsigned long address);
u8 kmh_flushed_early(void);
void kmh_flushed_clear(void);

/* ---- observe.c ---- */

extern struct kmh_work kmh_work;
#define kmh_step	(kmh_work.steps)
extern u32 kmh_hash;

int kmh_observe_init(void);
void kmh_observe_exit(void);
void kmh_observe_begin(unsigned int n_ops);
size_t kmh_observe_length(void);
const void *kmh_observe_data(void);
size_t kmh_observe_capacity(void);
void kmh_observe(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out);
void kmh_observe_resync(void);
bool kmh_page_address_allowed(void);
u32 kmh_page_address(struct page *page);

/* ---- typed.c: the typed window ---- */

extern unsigned int kmh_typed_count;
extern unsigned long kmh_typed_top;
extern bool kmh_typed_used;	/* since the last reset */

int kmh_typed_init(void);
void kmh_typed_exit(void);
void kmh_typed_reset(void);
void kmh_typed(const struct kmh_op *op, struct kmh_outcome *out);
u64 kmh_typed_pte(unsigned int index);

/* ---- instant.c: interrupts in the middle of an operation ---- */

void kmh_instant_init(void);
void kmh_instant_reset(void);
void kmh_instant_arm(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out);
void kmh_instant_begin(struct kmh_task *t, const struct kmh_op *op);
void kmh_instant_finish(struct kmh_task *t);
void kmh_instant_report(const struct kmh_task *t, struct kmh_obs *obs,
			struct kmh_delta *(*next)(struct kmh_obs *obs));

/* ---- outside.c: what is done to a task by others; children; user mode ---- */

void kmh_outside(const struct kmh_op *op, struct kmh_outcome *out);
void kmh_outside_reset(void);
void kmh_return_mapped(void);
void kmh_back_from_user(void);

/* ---- waiting.c: tasks that sleep in kmap ---- */

bool kmh_held_back(const struct kmh_task *t, const struct kmh_task *self);
u32 kmh_stuck_evidence(const struct kmh_task *t);
void kmh_accept_signals(void);
void kmh_forget_signals(void);
void kmh_signal(const struct kmh_op *op, struct kmh_outcome *out);

/* ---- history*.c: concurrent histories ---- */

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
	u32 parked;		/* waits for the others, who have to end their round first */
	u8 id;
};

/* Of the history in progress. */
struct kmh_history_run {
	const struct kmh_history_request *request;
	struct kmh_history *log;
	struct kmh_history_task tasks[KMH_HISTORY_THREADS];
	unsigned int n_tasks;
	atomic_t clock;
	atomic_t ready;
	atomic_t arrived;	/* at the end of a round, over all rounds */
	atomic_t foreign;
	atomic_t dropped;
	u32 go;
	u32 stop;
	u32 frozen;		/* the history is over; threads may still be on their way out */
};

extern struct kmh_history_run kmh_history_run;

int kmh_history(const void *data, size_t length, const void **body);
int kmh_history_log(u32 *out);
void kmh_history_exit(void);
int kmh_history_main(void *data);
struct kmh_history_record *kmh_history_add(struct kmh_history_task *t, u8 code, u16 page,
					   unsigned int reserve);
bool kmh_history_ended(const struct kmh_history_task *t);
bool kmh_history_died(const struct kmh_history_task *t);
void kmh_history_states(void);
u32 kmh_history_watch(u32 limit_ms);
void kmh_history_rescue(void);
u8 kmh_history_probes_arm(u8 flags);
void kmh_history_probes_disarm(void);

/* ---- snapshot.c ---- */

int kmh_snapshot(void *out, size_t room);

#endif
