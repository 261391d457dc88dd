// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of one task: it executes and observes them itself, in its own context or in
 * an interrupt on top of it.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/hrtimer.h>
#include <linux/interrupt.h>

#include "kmh.h"

#define IRQ_DELAY_NS	1000

enum {
	CONTEXT_PENDING,
	CONTEXT_DONE,
	CONTEXT_FOREIGN,	/* the interrupt came on top of another task */
};

/* Whether the next operation of the run is of this task too. */
static bool more_of(const struct kmh_task *t)
{
	return kmh_run.next < kmh_run.n_ops && kmh_run.ops[kmh_run.next].task == t->id;
}

/* ---- operations that the sections of other tasks forbid ---- */

/*
 * Where another task spins with interrupts off, its CPU does not answer the flush of a kmap
 * that wraps; where one spins on CPU 0, the coordinator cannot watch for a task that falls
 * asleep or ends.
 */
static bool refused_beside_spinners(const struct kmh_task *t, const struct kmh_op *op)
{
	const struct kmh_task *other;
	unsigned int i;
	u32 flags = kmh_op_flags(op->code);

	for (i = 0; flags & KMH_OPF_WAITS_FOR_CPUS && i < kmh_n_tasks; i++) {
		other = kmh_tasks[i];
		if (other == t || !READ_ONCE(other->spinning))
			continue;
		if (other->irqs_off || task_cpu(other->task) == 0 ||
		    flags & KMH_OPF_NEEDS_ALL_CPUS)
			return true;
	}
	return false;
}

/* ---- interrupt contexts ---- */

static unsigned int run_ops(struct kmh_task *t, unsigned int limit);

static enum hrtimer_restart on_context_timer(struct hrtimer *timer)
{
	struct kmh_task *t = container_of(timer, struct kmh_task, timer);

	if (current != t->task) {
		WRITE_ONCE(t->context_done, CONTEXT_FOREIGN);
		return HRTIMER_NORESTART;
	}
	run_ops(t, t->context_ops);
	/* pairs with the wait in run_in_context() */
	smp_store_release(&t->context_done, CONTEXT_DONE);
	return HRTIMER_NORESTART;
}

static void on_context_tasklet(struct tasklet_struct *tasklet)
{
	struct kmh_task *t = container_of(tasklet, struct kmh_task, tasklet);

	if (current != t->task) {
		WRITE_ONCE(t->context_done, CONTEXT_FOREIGN);
		return;
	}
	run_ops(t, t->context_ops);
	/* pairs with the wait in run_in_context() */
	smp_store_release(&t->context_done, CONTEXT_DONE);
}

/**
 * kmh_context_setup() - prepare the timer and the tasklet of a task
 * @t: the task
 */
void kmh_context_setup(struct kmh_task *t)
{
	kmh_hrtimer_setup(&t->timer, on_context_timer);
	tasklet_setup(&t->tasklet, on_context_tasklet);
}

/**
 * kmh_context_teardown() - wait until neither of them runs any more
 * @t: the task
 */
void kmh_context_teardown(struct kmh_task *t)
{
	hrtimer_cancel(&t->timer);
	tasklet_kill(&t->tasklet);
}

/*
 * Run the next operations in an interrupt on top of this task.  HARDIRQ is a timer that
 * expires in hard interrupt context, on RT too; SOFTIRQ is a tasklet.  Where the context
 * cannot be entered, the operations are refused one by one.
 */
static void run_in_context(struct kmh_task *t, const struct kmh_op *op)
{
	t->context_ops = op->value;
	WRITE_ONCE(t->context_done, CONTEXT_PENDING);
	if (op->code == KMH_OP_HARDIRQ) {
		/* It must interrupt this task, and not hrtimer_start(), which raises the count. */
		local_irq_disable();
		hrtimer_start(&t->timer, ns_to_ktime(IRQ_DELAY_NS), HRTIMER_MODE_REL_PINNED_HARD);
		local_irq_enable();
	} else {
		local_bh_disable();
		tasklet_hi_schedule(&t->tasklet);
		local_bh_enable();
	}
	/* pairs with the release at the end of the interrupt */
	while (smp_load_acquire(&t->context_done) == CONTEXT_PENDING)
		cpu_relax();
	if (t->context_done == CONTEXT_FOREIGN)
		t->refuse = op->value;
}

/* ---- one step after the other ---- */

/* The operation was reported as blocked and has ended: a later step reports its result. */
static void end_blocked(struct kmh_task *t, const struct kmh_outcome *out)
{
	t->result = out->value;
	smp_wmb(); /* the result before the phase, which says that it is there */
	atomic_set(&t->phase, KMH_PHASE_FINISHED);
}

/*
 * Return: false if the task has lost the baton: it slept and was reported, or it is about to
 * exit, which only the coordinator can observe.
 */
static bool run_step(struct kmh_task *t)
{
	struct kmh_op op = kmh_run.ops[kmh_run.next];
	struct kmh_outcome out = { .status = KMH_ST_REFUSED };
	struct kmh_task *late;

	atomic_set(&t->phase, KMH_PHASE_EXEC);
	if (!refused_beside_spinners(t, &op) &&
	    !(kmh_lock_lost && kmh_op_flags(op.code) & KMH_OPF_KMAP_LOCK))
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
	kmh_finish_step(t, &op, &out);
	if (!(kmh_op_flags(op.code) & KMH_OPF_OPENS_CONTEXT))
		return true;
	if (out.status == KMH_ST_OK)
		run_in_context(t, &op);
	else
		t->refuse = op.value;
	return true;
}

/* Execute at most @limit operations in the present context.  Return: how many are left. */
static unsigned int run_ops(struct kmh_task *t, unsigned int limit)
{
	while (limit && more_of(t) && run_step(t))
		limit--;
	return limit;
}

/**
 * kmh_run_segment() - execute operations of a task until another's turn, and pass the baton
 * @t: the current task, which has the baton
 */
void kmh_run_segment(struct kmh_task *t)
{
	const struct kmh_task *previous = kmh_run.previous;

	/* The task before leaves its CPU, and its windows with it, unless it spins there. */
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
