// SPDX-License-Identifier: GPL-2.0-only
/*
 * The coordinator of a RUN request: operations of several tasks, one after the other.
 *
 * A task executes its operations up to the next one of another task without a context switch
 * between them.  Then it hands the baton to that task itself, so that atomic sections on
 * different CPUs can interleave.  The coordinator (the process that wrote the request) only
 * watches: for a task that sleeps in kmap, for one that died, and for one that is stuck.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/hrtimer.h>

#include "kmh.h"

#define WATCH_MIN_NS	20000
#define WATCH_MAX_NS	1000000
#define WATCH_SLACK_NS	5000

/* Report the operation in place of the task, which loses the baton. */
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
	kmh_finish_step(t, op, &out);
	kmh_pass(NULL);
}

/* Look at the task that has the baton, and report for it what it cannot report itself. */
static void watch_holder(struct kmh_task *t)
{
	if (kmh_died(t)) {
		t->alive = false;
		if (t->exits) {
			report_for(t, KMH_PHASE_DEAD, KMH_ST_OK);
			return;
		}
		kmh_casualty = true;
		kmh_lock_lost |= !!(kmh_op_flags(kmh_run.ops[kmh_run.next].code) &
				   KMH_OPF_KMAP_LOCK);
		pr_warn("task %u died; this kernel may be unusable from here on\n", t->id);
		report_for(t, KMH_PHASE_DEAD, KMH_ST_DIED);
	} else if (atomic_read(&t->phase) == KMH_PHASE_EXEC &&
		   (kmh_asleep(t) || (kmh_out_of_patience() && kmh_sleeps_elsewhere(t)))) {
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
		watch_holder(READ_ONCE(kmh_run.holder));
		pause = min_t(u64, pause * 2, WATCH_MAX_NS);
	}
}

/* Wait until every task has left its CPU: only then is the state at rest. */
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
 * kmh_run_request() - execute operations and write their observations to the answer
 * @ops: the operations, in the order in which they happen
 * @n_ops: their number
 *
 * An atomic section must end within the request that began it.  The module closes one that
 * is still open, after the last observation.
 *
 * Return: 0, -EBUSY if a section had to be closed, -E2BIG if the answer cannot fit.
 */
int kmh_run_request(const struct kmh_op *ops, unsigned int n_ops)
{
	kmh_assert_request();
	if (n_ops > kmh_answer_capacity() / sizeof(struct kmh_obs))
		return -E2BIG;
	kmh_answer_begin(n_ops);
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
