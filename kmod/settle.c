// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a step, woken waiters either end their kmap or sleep again: the step waits for them
 * before anyone observes.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>

#include "kmh.h"

#define SETTLE_YIELDS	64

/**
 * kmh_out_of_patience() - tell whether the run has made no step for too long
 *
 * A workload takes as long as it likes, if only its stages go on.
 *
 * Return: true if the task that it waits for is stuck.
 */
bool kmh_out_of_patience(void)
{
	unsigned long patience = msecs_to_jiffies(kmh_patience_ms);
	unsigned long since = READ_ONCE(kmh_run.progress);
	unsigned long said = READ_ONCE(kmh_checkpoint_time);

	if (time_after(said, since))
		since = said;
	return time_after(jiffies, since + patience);
}

/* The first task that has not settled, or NULL. */
static struct kmh_task *find_unsettled(const struct kmh_task *self)
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
 * kmh_settle() - wait until no woken task is on its way any more
 * @self: the task that waits, or NULL for the coordinator
 *
 * Woken tasks of this CPU have the same priority and run when this one yields; those of other
 * CPUs run anyway.  It sleeps only as the last resort, for tasks that wait for others.  In an
 * atomic section it does neither: woken tasks of this CPU then run after the section.
 *
 * Return: NULL, or a task that is stuck: neither asleep nor at its end.
 */
struct kmh_task *kmh_settle(const struct kmh_task *self)
{
	bool atomic = self && kmh_atomic(self);
	unsigned int yields = 0;
	struct kmh_task *t;

	for (t = find_unsettled(self); t; t = find_unsettled(self)) {
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
 * kmh_give_up() - end the wait for a task, and report where it stands
 * @t: the task, which has had all the time that the module's patience allows
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
 * Whether the step can wait for woken tasks: not in an interrupt, and not where they flush
 * and wait for this CPU to answer.
 */
static bool may_settle(const struct kmh_task *t)
{
	if (in_interrupt() || t->irqs_off)
		return false;
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || !kmh_atomic(t);
}

static bool anyone_on_its_way(void)
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
 * kmh_settle_after() - wait for the tasks that a step may have woken
 * @t: the current task, whose step has just ended
 *
 * Return: NULL, or a task that is stuck.
 */
struct kmh_task *kmh_settle_after(const struct kmh_task *t)
{
	return anyone_on_its_way() && may_settle(t) ? kmh_settle(t) : NULL;
}
