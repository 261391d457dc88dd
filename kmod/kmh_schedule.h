/* SPDX-License-Identifier: GPL-2.0-only */
/* Every schedule of a small program: the run in progress, and its parts; one section a file. */
#ifndef KMAP_HARNESS_KMH_SCHEDULE_H
#define KMAP_HARNESS_KMH_SCHEDULE_H

#include "kmh.h"

/* ---- schedule_search.c: the run in progress, and which schedule comes next ---- */

enum kmh_schedule_state {
	KMH_SCHEDULE_RUNS,
	KMH_SCHEDULE_PARKED,	/* at a gate */
	KMH_SCHEDULE_SLEEPS,	/* it called schedule() and is off its CPU, or on its way there */
	KMH_SCHEDULE_ENDED,
	KMH_SCHEDULE_ARMED,	/* an interrupt that was not taken */
};

struct kmh_schedule_task {
	struct task_struct *task;
	const struct kmh_schedule_thread *program;
	struct kmh_history_thread shared;
	struct kmh_history_record records[KMH_SCHEDULE_RECORDS];
	unsigned long mapped[KMH_SCHEDULE_PAGES]; /* address of each page for this thread */
	void *local[KMH_SCHEDULE_PAGES]; /* the same for its own mappings */
	unsigned long argument;	/* of the call at whose gate it is */
	bool interrupts;	/* whether it takes interrupts there, ... */
	bool softirqs;		/* ... and softirqs */
	bool shares;		/* its CPU with another thread */
	bool keeps_cpu;		/* at its gate, though it shares it */
	bool interrupted;	/* an interrupt of the schedule is on top of it */
	u8 context;		/* enum kmh_schedule_context */
	u8 kind;		/* enum kmh_gate_kind */
	u8 gate;
	u8 hits[KMH_SCHEDULE_GATES]; /* how often it has passed an access */
	u8 id;
	u32 state;		/* enum kmh_schedule_state */
	u32 epoch;		/* the last schedule that it has run */
	u32 exited;
};

/*
 * The baton: the thread whose turn it is owns all but the states of the others.  The
 * coordinator owns it between two schedules.
 */
struct kmh_schedule_run {
	const struct kmh_schedules_request *request;
	const struct kmh_gate *gates;
	struct kmh_schedule_task tasks[KMH_SCHEDULE_THREADS];
	unsigned int n_tasks;
	int turn;		/* -1: nobody's */
	u32 open;		/* the gates let everybody through, and nothing is logged */
	u32 epoch;
	u32 stop;
	u32 finished;
	u32 clock;		/* stamps drawn */
	bool reads;		/* through mappings: old translations could show */
	bool departed;
	bool too_long;
	struct kmh_decision decisions[KMH_SCHEDULE_DECISIONS];
	unsigned int n_decisions;
	struct kmh_decision plan[KMH_SCHEDULE_DECISIONS];
	unsigned int n_plan;
	struct kmh_gate_event events[KMH_SCHEDULE_EVENTS];
	unsigned int n_events;
	atomic_t held[KMH_SCHEDULE_PAGES]; /* mappings that are to be undone */
	void (*execute)(struct kmh_schedule_task *t); /* an interrupt, once it is raised */
};

extern struct kmh_schedule_run kmh_schedule;

bool kmh_schedule_died(const struct kmh_schedule_task *t);
bool kmh_schedule_any_died(void);
void kmh_schedule_event(struct kmh_schedule_task *t, u8 kind, u8 gate, bool after);
int kmh_schedule_choose(u8 enabled, int running);
bool kmh_schedule_next(void);

/* ---- schedule_pct.c: random schedules ---- */

void kmh_pct_begin(const struct kmh_schedules_request *request, u32 number);
int kmh_pct_choose(u8 enabled);
u32 kmh_pct_longest(void);

/* ---- gate.c: threads wait at gates until it is their turn ---- */

void kmh_gate_start(struct kmh_schedule_task *t);
void kmh_gate_operation(struct kmh_schedule_task *t, u8 number, u8 kind);
void kmh_gate_end(struct kmh_schedule_task *t);
void kmh_gates_begin(void);
int kmh_gates_arm(const struct kmh_gate *gates, unsigned int n);

/* ---- gate_turn.c: whose turn it is ---- */

bool kmh_gate_asleep(const struct kmh_schedule_task *t);
void kmh_turn_await_others(const struct kmh_schedule_task *self);
void kmh_turn_decide(const struct kmh_schedule_task *running);
void kmh_turn_await(struct kmh_schedule_task *t);
bool kmh_turn_keeps_cpu(const struct kmh_schedule_task *t, u8 kind);

/* ---- gate_interrupt.c: interrupts as threads of a schedule ---- */

bool kmh_interrupt_possible(const struct kmh_schedule_task *one);
bool kmh_interrupt_due(const struct kmh_schedule_task *t);
void kmh_interrupt_take(struct kmh_schedule_task *t);
void kmh_interrupt_end(void);

/* ---- schedule_ops.c: what threads and interrupts execute ---- */

int kmh_schedule_flush_init(void);
void kmh_schedule_flush(void);
void kmh_schedule_execute(struct kmh_schedule_task *t);

/* ---- schedule_task.c: the threads ---- */

int kmh_schedule_threads_start(const struct kmh_schedule_thread *programs, unsigned int n);
void kmh_schedule_threads_stop(void);
bool kmh_schedule_threads_rest(void);
void kmh_schedule_threads_wake(void);

/* ---- schedule_state.c: the state that each schedule begins with ---- */

int kmh_schedule_state_begin(void);
void kmh_schedule_state_end(void);
bool kmh_schedule_can_undo(void);
bool kmh_schedule_undo(void);
const struct kmh_history_slot *kmh_schedule_before(void);
unsigned int kmh_schedule_changed(struct kmh_changed_slot *changed, unsigned int room);
bool kmh_schedule_release_pin(void);

/* ---- schedule_log.c: each distinct log once ---- */

int kmh_schedule_log_init(void);
void kmh_schedule_log_free(void);
void kmh_schedule_log_begin(void);
bool kmh_schedule_log_add(u32 number, u32 outcome);
size_t kmh_schedule_log_answer(struct kmh_schedules *head, const void **body);

/* ---- schedule_once.c: one schedule from its beginning to its end ---- */

u32 kmh_schedule_once(void);
bool kmh_schedule_rescue(u32 outcome);

/* ---- schedules.c: one request ---- */

int kmh_schedules(const void *data, size_t length, const void **body);
void kmh_schedules_exit(void);

#endif
