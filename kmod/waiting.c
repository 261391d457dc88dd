// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that sleep in kmap: what holds them back, what disturbs them, what is left of one that hangs. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/sched/signal.h>
#include <asm/highmem.h>

#include "kmh.h"

/**
 * kmh_held_back() - whether a woken task cannot run, since one in an atomic section has its CPU
 * @t: the task, reported as blocked
 * @self: the task that asks, or NULL
 *
 * Return: true while it must wait for the end of that section.
 */
bool kmh_held_back(const struct kmh_task *t, const struct kmh_task *self)
{
	const struct kmh_task *other;
	unsigned int i;

	if ((kmh_task_state(t->task) & TASK_NORMAL) || kmh_on_cpu(t->task))
		return false;
	for (i = 0; i < kmh_n_tasks; i++) {
		other = kmh_tasks[i];
		if (other != t && task_cpu(other->task) == task_cpu(t->task) &&
		    (READ_ONCE(other->spinning) || (other == self && kmh_atomic(other))))
			return true;
	}
	return false;
}

static bool slot_free(void)
{
	unsigned int i;

	for (i = 0; kmh_symbols.pkmap_count && i < LAST_PKMAP; i++) {
		if (READ_ONCE(kmh_symbols.pkmap_count[i]) < 2)
			return true;
	}
	return false;
}

/**
 * kmh_stuck_evidence() - where a task stands that neither ends nor sleeps for a slot
 * @t: the task
 *
 * Return: KMH_STUCK_* bits, for the value of an observation that ends as KMH_ST_STUCK.
 */
u32 kmh_stuck_evidence(const struct kmh_task *t)
{
	u32 found = t->id | (u32)kmh_task_state(t->task) << KMH_STUCK_STATE_SHIFT;

	if (kmh_symbols.pkmap_map_wait && kmh_waits(t->task))
		found |= KMH_STUCK_QUEUED;
	if (READ_ONCE(t->task->on_rq))
		found |= KMH_STUCK_ON_RQ;
	if (kmh_on_cpu(t->task))
		found |= KMH_STUCK_ON_CPU;
	if (signal_pending(t->task))
		found |= KMH_STUCK_SIGNAL;
	if (slot_free())
		found |= KMH_STUCK_SLOT_FREE;
	return found;
}

/**
 * kmh_accept_signals() - let SIGKILL reach the current thread
 *
 * A kernel thread ignores what it has not asked for; it acts on none, but a sleep that a
 * signal may end is ended by it.
 */
void kmh_accept_signals(void)
{
	allow_signal(SIGKILL);
}

/**
 * kmh_forget_signals() - what was sent is over when the operation is
 */
void kmh_forget_signals(void)
{
	if (signal_pending(current))
		flush_signals(current);
}

/**
 * kmh_signal() - send SIGKILL to another task
 * @op: value is the task
 * @out: how it ended
 */
void kmh_signal(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct kmh_task *t = op->value < kmh_n_tasks ? kmh_tasks[op->value] : NULL;

	if (!t || !t->alive || kmh_died(t) || send_sig(SIGKILL, t->task, 1))
		out->status = KMH_ST_REFUSED;
}
