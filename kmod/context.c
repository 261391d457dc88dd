// SPDX-License-Identifier: GPL-2.0-only
/* Operations in interrupt context, on top of the task that asks for them. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/hrtimer.h>
#include <linux/interrupt.h>

#include "kmh.h"

#define IRQ_DELAY_NS	1000

enum {
	CONTEXT_PENDING,
	CONTEXT_DONE,
	CONTEXT_FOREIGN,	/* it came on top of another task */
};

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct kmh_task *t = container_of(timer, struct kmh_task, timer);

	if (current != t->task) {
		WRITE_ONCE(t->context_done, CONTEXT_FOREIGN);
		return HRTIMER_NORESTART;
	}
	kmh_run_ops(t, t->context_ops);
	/* pairs with the wait in kmh_run_in_context() */
	smp_store_release(&t->context_done, CONTEXT_DONE);
	return HRTIMER_NORESTART;
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	struct kmh_task *t = container_of(tasklet, struct kmh_task, tasklet);

	if (current != t->task) {
		WRITE_ONCE(t->context_done, CONTEXT_FOREIGN);
		return;
	}
	kmh_run_ops(t, t->context_ops);
	/* pairs with the wait in kmh_run_in_context() */
	smp_store_release(&t->context_done, CONTEXT_DONE);
}

void kmh_context_setup(struct kmh_task *t)
{
	kmh_hrtimer_setup(&t->timer, on_timer);
	tasklet_setup(&t->tasklet, on_tasklet);
}

void kmh_context_teardown(struct kmh_task *t)
{
	hrtimer_cancel(&t->timer);
	tasklet_kill(&t->tasklet);
}

/**
 * kmh_run_in_context() - run the next operations in an interrupt on top of this task
 * @t: the current task
 * @op: HARDIRQ (a timer that expires in hard interrupt context, on RT too) or SOFTIRQ
 *
 * Operations whose context cannot be had are refused one by one.
 */
void kmh_run_in_context(struct kmh_task *t, const struct kmh_op *op)
{
	t->context_ops = op->value;
	WRITE_ONCE(t->context_done, CONTEXT_PENDING);
	if (op->code == KMH_OP_HARDIRQ) {
		/* It must interrupt this task, and not hrtimer_start(), which counts on top. */
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
