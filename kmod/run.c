// SPDX-License-Identifier: GPL-2.0-only
/*
 * One RUN request: operations of several tasks, one after the other.
 *
 * A maximal run of operations of one task is executed by that task without a context
 * switch between them.  At its end the task itself hands the baton to the task of
 * the next operation, so that atomic sections on different CPUs can interleave.  The
 * coordinator (the caller of write()) only watches: for a task that sleeps in kmap
 * for good, one that died, one that is stuck.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/hrtimer.h>

#include "kmh.h"

#define WATCH_MIN_NS	20000
#define WATCH_MAX_NS	1000000
#define WATCH_SLACK_NS	5000

struct kmh_run kmh_run;

static bool more_of(const struct kmh_task *t)
{
	return kmh_run.next < kmh_run.n_ops && kmh_run.ops[kmh_run.next].task == t->id;
}

/* ---- what may not run beside a task that spins in an atomic section ---- */

/*
 * With interrupts off over there nobody answers the flush of a wrapping kmap; with
 * CPU 0 taken nobody watches for a task that falls asleep or ends.
 */
static bool refused_beside_spinners(const struct kmh_task *t, const struct kmh_op *op)
{
	const struct kmh_task *other;
	unsigned int i;
	bool waits = op->code == KMH_OP_KMAP || op->code == KMH_OP_EXIT ||
		     op->code == KMH_OP_MIGRATE || op->code == KMH_OP_FLUSH_UNUSED ||
		     op->code == KMH_OP_AFFINITY || op->code == KMH_OP_HOTPLUG;

	for (i = 0; waits && i < kmh_n_tasks; i++) {
		other = kmh_tasks[i];
		if (other == t || !READ_ONCE(other->spinning))
			continue;
		if (other->irqs_off || task_cpu(other->task) == 0 ||
		    op->code == KMH_OP_MIGRATE || op->code == KMH_OP_AFFINITY ||
		    op->code == KMH_OP_HOTPLUG)
			return true;
	}
	return false;
}

/* Whoever wants the lock of a task that died with it would spin for ever, and tell nothing more. */
static bool takes_kmap_lock(u8 code)
{
	return code == KMH_OP_KMAP || code == KMH_OP_KUNMAP || code == KMH_OP_FLUSH_UNUSED;
}

static bool may_run(const struct kmh_task *t)
{
	const struct kmh_task *other;
	unsigned int i;

	if (!t || !t->alive || t->exits || atomic_read(&t->phase) != KMH_PHASE_IDLE || kmh_died(t))
		return false;
	for (i = 0; i < kmh_n_tasks; i++) {
		other = kmh_tasks[i];
		if (other == t || !READ_ONCE(other->spinning))
			continue;
		if (t->cpu == KMH_TASK_UNBOUND || task_cpu(other->task) == task_cpu(t->task))
			return false;
	}
	return true;
}

/* ---- one step ---- */

static void finish_step(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out)
{
	kmh_observe(t, op, out);
	WRITE_ONCE(kmh_run.progress, jiffies);
	kmh_run.next++;
}

/* The operation has ended after it was reported as blocked: its result waits to be fetched. */
static void end_blocked(struct kmh_task *t, const struct kmh_outcome *out)
{
	t->result = out->value;
	smp_wmb(); /* the result before the phase that says it is there */
	atomic_set(&t->phase, KMH_PHASE_FINISHED);
}

/*
 * Return: false if the baton is no longer the task's: it slept and was reported, or it
 * is about to exit, which only the coordinator can observe.
 */
static bool run_step(struct kmh_task *t)
{
	struct kmh_op op = kmh_run.ops[kmh_run.next];
	struct kmh_outcome out = { .status = KMH_ST_REFUSED };
	struct kmh_task *late;

	atomic_set(&t->phase, KMH_PHASE_EXEC);
	if (!refused_beside_spinners(t, &op) && !(kmh_lock_lost && takes_kmap_lock(op.code)))
		kmh_execute(t, &op, &out);
	if (t->exits)
		return false;
	if (atomic_cmpxchg(&t->phase, KMH_PHASE_EXEC, KMH_PHASE_IDLE) != KMH_PHASE_EXEC) {
		end_blocked(t, &out);
		return false;
	}
	late = kmh_settle_after(t);
	if (late)
		kmh_give_up(late, &out);
	finish_step(t, &op, &out);
	if (op.code != KMH_OP_HARDIRQ && op.code != KMH_OP_SOFTIRQ)
		return true;
	if (out.status == KMH_ST_OK)
		kmh_run_in_context(t, &op);
	else
		t->refuse = op.value;
	return true;
}

/**
 * kmh_run_ops() - execute operations of the current run, in whatever context this is
 * @t: the current task
 * @limit: at most so many
 *
 * Return: how many of them are left over.
 */
unsigned int kmh_run_ops(struct kmh_task *t, unsigned int limit)
{
	while (limit && more_of(t) && run_step(t))
		limit--;
	return limit;
}

/**
 * kmh_run_segment() - execute a task's run of operations and pass the baton on
 * @t: the current task, which has the baton
 */
void kmh_run_segment(struct kmh_task *t)
{
	const struct kmh_task *previous = kmh_run.previous;

	/* The one before is gone from its CPU, its windows with it, unless it spins there. */
	while (previous && previous != t && !READ_ONCE(previous->spinning) &&
	       kmh_on_cpu(previous->task))
		cpu_relax();
	t->refuse = 0;
	while (more_of(t)) {
		if (!run_step(t))
			return;
	}
	WRITE_ONCE(t->spinning, kmh_atomic(t));
	kmh_pass(t);
}

/* ---- the baton ---- */

static void finish_run(void)
{
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		if (READ_ONCE(kmh_tasks[i]->spinning)) {
			kmh_run.open = true;
			WRITE_ONCE(kmh_tasks[i]->unwind, 1);
		}
	}
	/* pairs with await_end(): the answer before the end */
	smp_store_release(&kmh_run.finished, 1);
	wake_up_process(kmh_run.watcher);
}

/**
 * kmh_pass() - hand the baton to the task of the next operation
 * @from: who had it, or NULL for the coordinator
 *
 * Operations that nobody can execute now are answered as refused.
 */
void kmh_pass(struct kmh_task *from)
{
	static const struct kmh_outcome refused = { .status = KMH_ST_REFUSED };
	const struct kmh_op *op;
	struct kmh_task *t;

	kmh_run.previous = from;
	while (kmh_run.next < kmh_run.n_ops) {
		op = &kmh_run.ops[kmh_run.next];
		t = op->task < kmh_n_tasks ? kmh_tasks[op->task] : NULL;
		if (may_run(t)) {
			WRITE_ONCE(kmh_run.holder, t);
			/* pairs with task_main(): the run before the baton */
			smp_store_release(&t->go, 1);
			wake_up_process(t->task);
			return;
		}
		finish_step(t, op, &refused);
	}
	finish_run();
}

/* ---- the coordinator ---- */

/* Report the holder's operation in its place; it has lost the baton. */
static void report_for(struct kmh_task *t, u8 phase, u8 status)
{
	const struct kmh_op *op = &kmh_run.ops[kmh_run.next];
	struct kmh_outcome out = { .status = status };

	if (status == KMH_ST_STUCK)
		out.value = kmh_stuck_evidence(t);
	t->blocked_step = kmh_step;
	t->blocked_page = op->page;
	if (phase == KMH_PHASE_DEAD)
		atomic_set(&t->phase, phase);
	else if (atomic_cmpxchg(&t->phase, KMH_PHASE_EXEC, phase) != KMH_PHASE_EXEC)
		return;
	kmh_settle(NULL);
	finish_step(t, op, &out);
	kmh_pass(NULL);
}

static void watch(struct kmh_task *t)
{
	if (kmh_died(t)) {
		t->alive = false;
		if (t->exits) {
			report_for(t, KMH_PHASE_DEAD, KMH_ST_OK);
			return;
		}
		kmh_casualty = true;
		kmh_lock_lost |= takes_kmap_lock(kmh_run.ops[kmh_run.next].code);
		pr_warn("task %u died; this kernel may be unusable from here on\n", t->id);
		report_for(t, KMH_PHASE_DEAD, KMH_ST_DIED);
	} else if (atomic_read(&t->phase) == KMH_PHASE_EXEC && kmh_asleep(t)) {
		report_for(t, KMH_PHASE_BLOCKED,
			   kmh_interruptible(t) ? KMH_ST_INTERRUPTIBLE : KMH_ST_BLOCKED);
	} else if (atomic_read(&t->phase) == KMH_PHASE_EXEC && kmh_out_of_patience()) {
		kmh_casualty = true;
		pr_warn("task %u is stuck\n", t->id);
		report_for(t, KMH_PHASE_STUCK, KMH_ST_STUCK);
	}
}

static void await_end(void)
{
	u64 pause = WATCH_MIN_NS;
	ktime_t timeout;

	/* pairs with finish_run() */
	while (!smp_load_acquire(&kmh_run.finished)) {
		timeout = ns_to_ktime(pause);
		set_current_state(TASK_IDLE);
		if (!READ_ONCE(kmh_run.finished))
			schedule_hrtimeout_range(&timeout, WATCH_SLACK_NS, HRTIMER_MODE_REL);
		__set_current_state(TASK_RUNNING);
		if (READ_ONCE(kmh_run.finished))
			break;
		watch(READ_ONCE(kmh_run.holder));
		pause = min_t(u64, pause * 2, WATCH_MAX_NS);
	}
}

/* Until every task has left its CPU: only then is the state at rest. */
static void await_rest(void)
{
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		struct kmh_task *t = kmh_tasks[i];

		while (t->alive && atomic_read(&t->phase) != KMH_PHASE_STUCK &&
		       (READ_ONCE(t->spinning) || kmh_on_cpu(t->task)))
			usleep_range(20, 40);
	}
}

/**
 * kmh_run_request() - execute operations; the answer is in the observation buffer
 * @ops: the operations, in the order they are to happen
 * @n_ops: their number
 *
 * An atomic section must end within the request that began it.  One that is still open
 * is closed by the module, after the last observation.
 *
 * Return: 0, -EBUSY if a section had to be closed, -E2BIG if the answer cannot fit.
 */
int kmh_run_request(const struct kmh_op *ops, unsigned int n_ops)
{
	if (n_ops > kmh_observe_capacity() / sizeof(struct kmh_obs))
		return -E2BIG;
	kmh_observe_begin(n_ops);
	kmh_run = (struct kmh_run) {
		.ops = ops,
		.n_ops = n_ops,
		.watcher = current,
		.progress = jiffies,
	};
	kmh_pass(NULL);
	await_end();
	await_rest();
	kmh_return_mapped();
	if (!kmh_run.open)
		return 0;
	pr_warn("an atomic section was still open at the end of a request; it was closed\n");
	kmh_probes_clear();
	return -EBUSY;
}
