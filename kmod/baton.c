// SPDX-License-Identifier: GPL-2.0-only
/*
 * One RUN request and its baton: whoever has it executes the next operation, and hands it to
 * the task of the one after that.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include "kmh.h"

struct kmh_run kmh_run;

/* Whether a task can have the baton: it is idle, and no task spins on its CPU. */
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

/**
 * kmh_finish_step() - observe an operation and go on to the next
 * @t: its task, or NULL where it named none
 * @op: the operation
 * @out: how it ended
 */
void kmh_finish_step(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out)
{
	kmh_observe(t, op, out);
	WRITE_ONCE(kmh_run.progress, jiffies);
	kmh_run.next++;
}

/* End the run, and let the tasks that still spin close their sections. */
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
 * @from: the task that has it, or NULL for the coordinator
 *
 * An operation that its task cannot execute now is answered as refused.
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
		kmh_finish_step(t, op, &refused);
	}
	finish_run();
}
