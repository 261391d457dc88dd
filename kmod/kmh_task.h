/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks: their records, what they hold, how they run and wait; one section a file. */
#ifndef KMAP_HARNESS_KMH_TASK_H
#define KMAP_HARNESS_KMH_TASK_H

#define KMH_MAX_HELD		64	/* mappings and locks that one task may hold at once */

/* ---- task.c: records of tasks ---- */

/*
 * The phase says who reports the outcome of the operation in progress.  The task moves it
 * from EXEC to IDLE; whoever finds the task asleep or dead moves it from EXEC before that.
 */
enum kmh_phase {
	KMH_PHASE_IDLE,
	KMH_PHASE_EXEC,
	KMH_PHASE_BLOCKED,	/* asleep in the queue, reported as such */
	KMH_PHASE_FINISHED,	/* was blocked and has its result, which is not yet reported */
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
	struct mm_struct *mm;	/* that it shares with others, or NULL */
	struct kmh_hold held[KMH_MAX_HELD];
	unsigned int n_held;
	atomic_t phase;		/* enum kmh_phase */
	u32 go;			/* the baton: the task before sets it */
	u32 unwind;		/* the request ended: close the open sections */
	bool spinning;		/* waits without sleeping, inside an atomic section */
	bool irqs_off;
	bool exits;
	bool in_kmap;		/* executes the kernel's kmap(), and nothing of the module */
	bool alive;		/* the thread function has not returned */
	u8 id;
	u8 cpu;			/* that the host asked for, or KMH_TASK_UNBOUND */
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
	u32 context_done;	/* CONTEXT_* of step.c */
	unsigned int refuse;	/* operations whose context could not be entered */
};

extern struct kmh_task *kmh_tasks[KMH_MAX_TASKS];
extern unsigned int kmh_n_tasks;
extern bool kmh_casualty;	/* a task died or is stuck: its pages and locks are lost */
extern bool kmh_lock_lost;	/* a task died in kmap or kunmap, with kmap_lock held */
extern unsigned int kmh_patience_ms;

bool kmh_died(const struct kmh_task *t);
bool kmh_any_blocked(void);

/* ---- hold.c: what a task holds open ---- */

void kmh_hold(struct kmh_task *t, u8 kind, unsigned long address);
void kmh_unhold(struct kmh_task *t, u8 kind, unsigned long address);
void kmh_unwind(struct kmh_task *t);
bool kmh_atomic(const struct kmh_task *t);

/* ---- waiting.c: tasks that sleep in kmap ---- */

unsigned int kmh_waiters(void);
bool kmh_waits(const struct task_struct *task);
bool kmh_asleep(const struct kmh_task *t);
bool kmh_sleeps_elsewhere(const struct kmh_task *t);
bool kmh_interruptible(const struct kmh_task *t);
bool kmh_held_back(const struct kmh_task *t, const struct kmh_task *self);
u32 kmh_stuck_evidence(const struct kmh_task *t);
void kmh_accept_signals(void);
void kmh_forget_signals(void);
void kmh_signal(const struct kmh_op *op, struct kmh_outcome *out);

/* ---- baton.c: one RUN request, and who executes next ---- */

struct kmh_run {
	const struct kmh_op *ops;
	unsigned int n_ops;
	unsigned int next;	/* operation in progress */
	struct kmh_task *holder;
	struct kmh_task *previous;
	struct task_struct *watcher;
	u32 finished;
	bool open;		/* the module closed an atomic section */
	unsigned long progress;	/* jiffies of the last hand-over or observation */
};

extern struct kmh_run kmh_run;

void kmh_pass(struct kmh_task *from);
void kmh_finish_step(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out);

/* ---- settle.c: woken waiters, after a step ---- */

bool kmh_out_of_patience(void);
struct kmh_task *kmh_settle(const struct kmh_task *self);
struct kmh_task *kmh_settle_after(const struct kmh_task *t);
void kmh_give_up(struct kmh_task *t, struct kmh_outcome *out);

/* ---- step.c: the operations of one task, in task and interrupt context ---- */

void kmh_run_segment(struct kmh_task *t);
void kmh_context_setup(struct kmh_task *t);
void kmh_context_teardown(struct kmh_task *t);

/* ---- threads.c: the threads that execute ---- */

int kmh_tasks_start(const struct kmh_task_request *requests, unsigned int count);
void kmh_tasks_stop(void);

/* ---- run.c: the coordinator ---- */

int kmh_run_request(const struct kmh_op *ops, unsigned int n_ops);

#endif
