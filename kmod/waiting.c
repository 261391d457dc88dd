// SPDX-License-Identifier: GPL-2.0-only
/* Tasks that sleep in kmap: the queue, what holds them back, what wakes them, how they hang. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/sched/signal.h>
#include <linux/wait.h>
#include <asm/highmem.h>

#include "kmh.h"

/*
 * An entry lies on the stack of the task that waits, which removes it as soon as it is awake:
 * where the caller does not hold the queue's lock, every read may fault.
 */
static unsigned int walk_entries(const wait_queue_head_t *queue, const struct task_struct *wanted,
				 bool *found)
{
	unsigned long entry = (unsigned long)queue->head.next;
	unsigned int count = 0;
	u32 task, next;

	while (entry != (unsigned long)&queue->head && count < 255) {
		unsigned long start = entry - offsetof(wait_queue_entry_t, entry);

		if (!kmh_load(start + offsetof(wait_queue_entry_t, private), &task) ||
		    !kmh_load(entry, &next))
			break;
		if (task == (u32)wanted)
			*found = true;
		count++;
		entry = next;
	}
	return count;
}

/*
 * Walk the queue under its lock, since woken tasks of other CPUs leave it meanwhile.  On RT
 * taking that lock may sleep; in an atomic section, where that is forbidden, no task is woken.
 */
static unsigned int walk_waiters(const struct task_struct *wanted, bool *found)
{
	wait_queue_head_t *queue = kmh_symbols.pkmap_map_wait;
	unsigned long flags;
	unsigned int count;

	if (!queue)
		return 0;
	if (IS_ENABLED(CONFIG_PREEMPT_RT) && !preemptible())
		return walk_entries(queue, wanted, found);
	spin_lock_irqsave(&queue->lock, flags);
	count = walk_entries(queue, wanted, found);
	spin_unlock_irqrestore(&queue->lock, flags);
	return count;
}

/**
 * kmh_waiters() - count the tasks in pkmap_map_wait
 *
 * Return: their number, at most 255; 0 where the queue was not found.
 */
unsigned int kmh_waiters(void)
{
	bool found;

	return walk_waiters(NULL, &found);
}

/* Tasks have been seen to sleep in kmap() elsewhere than in the queue that was found. */
static bool another_queue;

/**
 * kmh_waits() - tell whether a task is in pkmap_map_wait
 * @task: the task
 *
 * Return: true also where the queue was not found, or is not the one that tasks wait in: then
 * only the task's state can tell.
 */
bool kmh_waits(const struct task_struct *task)
{
	bool found = !kmh_symbols.pkmap_map_wait || READ_ONCE(another_queue);

	walk_waiters(task, &found);
	return found;
}

/*
 * Whether a task is off its CPU in kmap(), and nothing has woken it.  The module sleeps in an
 * operation as well, where it waits for an interrupt that comes late.
 *
 * On RT a task that waits for a lock is in the same state, but has pi_blocked_on.
 */
static bool sleeps_in_kmap(const struct kmh_task *t)
{
	struct task_struct *task = t->task;

	if (!(kmh_task_state(task) & TASK_NORMAL) || READ_ONCE(task->on_rq) ||
	    kmh_on_cpu(task))
		return false;
#ifdef CONFIG_RT_MUTEXES
	if (READ_ONCE(task->pi_blocked_on))
		return false;
#endif
	return atomic_read(&t->phase) != KMH_PHASE_EXEC || READ_ONCE(t->in_kmap);
}

/**
 * kmh_asleep() - tell whether a task sleeps in kmap for want of a slot
 * @t: the task
 *
 * The sleep should be uninterruptible, since kmap() cannot report that a signal has come;
 * kmh_interruptible() tells where it is not.
 *
 * Return: true if it is off its CPU, in the queue, and nothing has woken it.
 */
bool kmh_asleep(const struct kmh_task *t)
{
	return sleeps_in_kmap(t) && kmh_waits(t->task);
}

/**
 * kmh_sleeps_elsewhere() - tell whether a task sleeps in kmap, and in no queue that is known
 * @t: the task, for which the module has waited as long as its patience allows
 *
 * A kernel may have a queue for each page, or wait by other means.  From then on the state of
 * the tasks decides, and the host loses the evidence of the queue, which it finds empty.
 *
 * Return: true if so.
 */
bool kmh_sleeps_elsewhere(const struct kmh_task *t)
{
	if (!sleeps_in_kmap(t))
		return false;
	if (!READ_ONCE(another_queue))
		pr_warn("task %u sleeps in kmap, and not in pkmap_map_wait\n", t->id);
	WRITE_ONCE(another_queue, true);
	return true;
}

/**
 * kmh_interruptible() - tell whether a signal would end the sleep of a task
 * @t: the task, which is asleep
 *
 * Return: true for TASK_INTERRUPTIBLE.
 */
bool kmh_interruptible(const struct kmh_task *t)
{
	return kmh_task_state(t->task) & TASK_INTERRUPTIBLE;
}

/**
 * kmh_held_back() - tell whether a task in an atomic section has the CPU of a woken task
 * @t: the woken task, which was reported as blocked
 * @self: the task that asks, or NULL for the coordinator
 *
 * Return: true while the woken task must wait for the end of that section.
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

static bool any_slot_free(void)
{
	unsigned int i;

	for (i = 0; kmh_symbols.pkmap_count && i < LAST_PKMAP; i++) {
		if (READ_ONCE(kmh_symbols.pkmap_count[i]) < 2)
			return true;
	}
	return false;
}

/**
 * kmh_stuck_evidence() - describe a task that neither ends nor sleeps for a slot
 * @t: the task
 *
 * Return: KMH_STUCK_* bits, the value of an observation that ends as KMH_ST_STUCK.
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
	if (any_slot_free())
		found |= KMH_STUCK_SLOT_FREE;
	return found;
}

/**
 * kmh_accept_signals() - let SIGKILL reach the current thread
 *
 * A kernel thread ignores signals that it has not asked for.  It does not act on this one
 * either, but a sleep that a signal may end will end.
 */
void kmh_accept_signals(void)
{
	allow_signal(SIGKILL);
}

/**
 * kmh_forget_signals() - drop the signals that came during the last operation
 */
void kmh_forget_signals(void)
{
	if (signal_pending(current))
		flush_signals(current);
}

/**
 * kmh_signal() - send SIGKILL to another task
 * @op: its value is the number of the task
 * @out: set to how it ended
 */
void kmh_signal(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct kmh_task *t = op->value < kmh_n_tasks ? kmh_tasks[op->value] : NULL;

	if (!t || !t->alive || kmh_died(t) || send_sig(SIGKILL, t->task, 1))
		out->status = KMH_ST_REFUSED;
}
