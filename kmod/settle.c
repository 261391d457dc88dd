// SPDX-License-Identifier: GPL-2.0-only
/* Settling: after a step, woken waiters have either ended their kmap or sleep again before anyone observes. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "kmh.h"

#define SETTLE_YIELDS	64

unsigned int kmh_patience_ms = 10000;
module_param_named(patience_ms, kmh_patience_ms, uint, 0644);
MODULE_PARM_DESC(patience_ms, "how long a task may neither end nor sleep in the pkmap queue");

/**
 * kmh_out_of_patience() - whether the current run has made no step for too long
 *
 * Return: true if what it waits for is to be called stuck.
 */
bool kmh_out_of_patience(void)
{
	return time_after(jiffies, READ_ONCE(kmh_run.progress) + msecs_to_jiffies(kmh_patience_ms));
}

/* The first that has not settled; NULL where all have. */
static struct kmh_task *unsettled(const struct kmh_task *self)
{
	struct kmh_task *t;
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		t = kmh_tasks[i];
		switch (atomic_read(&t->phase)) {
		case KMH_PHASE_BLOCKED:
			if (!kmh_asleep(t) && !kmh_died(t) && !kmh_held_back(t, self))
				return t;
			break;
		case KMH_PHASE_FINISHED:
			if (t->task != current && kmh_on_cpu(t->task))
				return t;
			break;
		}
	}
	return NULL;
}

/**
 * kmh_settle() - wait until no task is on its way any more
 * @self: the task that waits, or NULL for the coordinator
 *
 * Woken tasks of the same CPU have this one's priority and run when it yields; those of
 * other CPUs run anyway.  Sleeping is the last resort, for tasks that wait for others; in an
 * atomic section there is neither, and those of this CPU are left for its end.
 *
 * Return: NULL, or a task that is stuck: neither asleep nor at its end.
 */
struct kmh_task *kmh_settle(const struct kmh_task *self)
{
	bool atomic = self && kmh_atomic(self);
	unsigned int yields = 0;
	struct kmh_task *t;

	for (t = unsettled(self); t; t = unsettled(self)) {
		if (kmh_out_of_patience())
			return t;
		if (atomic) {
			cpu_relax();
		} else if (yields++ < SETTLE_YIELDS) {
			yield();
			cpu_relax();
		} else {
			usleep_range(20, 40);
		}
	}
	return NULL;
}

/**
 * kmh_give_up() - end the wait for a task: what is known of it is the step's result
 * @t: the task, which has had all the time there is
 * @out: the outcome of the step that could not settle
 */
void kmh_give_up(struct kmh_task *t, struct kmh_outcome *out)
{
	kmh_casualty = true;
	out->status = KMH_ST_STUCK;
	out->value = kmh_stuck_evidence(t);
	atomic_cmpxchg(&t->phase, KMH_PHASE_BLOCKED, KMH_PHASE_STUCK);
	pr_warn("task %u is stuck\n", t->id);
}

/*
 * Whether the step must wait for woken tasks: not in an interrupt, nor where their flush
 * would wait for an answer of this CPU.
 */
static bool may_settle(const struct kmh_task *t)
{
	if (in_interrupt() || t->irqs_off)
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || !kmh_atomic(t);
}

static bool any_blocked(void)
{
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		int phase = atomic_read(&kmh_tasks[i]->phase);

		if (phase == KMH_PHASE_BLOCKED || phase == KMH_PHASE_FINISHED)
			return true;
	}
	return false;
}

/**
 * kmh_settle_after() - let those settle whom a step may have woken
 * @t: the current task, whose step has just ended
 *
 * Return: NULL, or a task that is stuck.
 */
struct kmh_task *kmh_settle_after(const struct kmh_task *t)
{
	return any_blocked() && may_settle(t) ? kmh_settle(t) : NULL;
}
