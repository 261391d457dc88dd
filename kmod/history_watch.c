// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching the threads of a concurrent history.
 *
 * The coordinator (the process that wrote the request) looks at them now and then.  Where all
 * that have not ended sleep in pkmap_map_wait, or wait for those that do, nobody is left to
 * wake them.  That ends the history: the state of the tasks decides, and not a clock.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/sched.h>

#include "kmh_history.h"

#define LOOK_US		1000

/**
 * kmh_history_ended() - tell whether a thread has made its last record
 * @t: the thread
 *
 * Return: true if it has.
 */
bool kmh_history_ended(const struct kmh_history_task *t)
{
	/* pairs with kmh_history_main() */
	return smp_load_acquire(&t->done);
}

/**
 * kmh_history_died() - tell whether the kernel has killed a thread
 * @t: the thread
 *
 * Return: true once it has left its CPU.
 */
bool kmh_history_died(const struct kmh_history_task *t)
{
	return READ_ONCE(t->task->exit_state) && !kmh_on_cpu(t->task);
}

/* Whether it sleeps in kmap for want of a slot; on RT, a lock gives a task that state too. */
static bool thread_asleep(const struct kmh_history_task *t)
{
	struct task_struct *task = t->task;

	if (READ_ONCE(t->shared->code) != KMH_HISTORY_KMAP ||
	    kmh_task_state(task) != TASK_UNINTERRUPTIBLE || READ_ONCE(task->on_rq) ||
	    kmh_on_cpu(task))
		return false;
#ifdef CONFIG_RT_MUTEXES
	if (READ_ONCE(task->pi_blocked_on))
		return false;
#endif
	return kmh_symbols.pkmap_map_wait && kmh_waits(task);
}

struct thread_tally {
	unsigned int ended;
	unsigned int asleep;
	unsigned int parked;	/* at the end of a round that cannot end while others sleep */
	unsigned int died;
	unsigned int before;	/* stamps drawn before the look at the first thread ... */
	unsigned int after;	/* ... and after the look at the last */
};

static struct thread_tally look_at_threads(void)
{
	struct thread_tally found = { .before = atomic_read(&kmh_history_run.clock) };
	unsigned int i;

	/* pairs with the full barrier of atomic_inc_return(), which draws a stamp */
	smp_rmb();
	for (i = 0; i < kmh_history_run.n_tasks; i++) {
		const struct kmh_history_task *t = &kmh_history_run.tasks[i];

		if (kmh_history_ended(t))
			found.ended++;
		else if (kmh_history_died(t))
			found.died++;
		else if (thread_asleep(t))
			found.asleep++;
		else if (READ_ONCE(t->parked))
			found.parked++;
	}
	/* the other half of the pair */
	smp_rmb();
	found.after = atomic_read(&kmh_history_run.clock);
	return found;
}

static bool all_at_rest(const struct thread_tally *found)
{
	unsigned int resting = found->ended + found->asleep + found->parked;

	return found->asleep && resting == kmh_history_run.n_tasks;
}

/*
 * The history ends where two looks find all threads at rest and no stamp was drawn between
 * the first thread of the first look and the last thread of the second: then no thread was on
 * its way, since each draws a stamp as soon as it runs.  One look is not enough: it can see a
 * thread asleep that is woken then, and after that see at rest the thread that woke it.
 */
static u32 outcome_of(const struct thread_tally *last, const struct thread_tally *found)
{
	if (found->died)
		return KMH_HISTORY_DIED;
	if (found->ended == kmh_history_run.n_tasks)
		return KMH_HISTORY_FINISHED;
	if (all_at_rest(last) && all_at_rest(found) && last->before == found->after)
		return KMH_HISTORY_ASLEEP;
	return KMH_HISTORY_RUNS;
}

/**
 * kmh_history_watch() - wait for the end of the history
 * @limit_ms: after this time the threads are told to stop
 *
 * Return: enum kmh_history_outcome
 */
u32 kmh_history_watch(u32 limit_ms)
{
	unsigned long limit = jiffies + msecs_to_jiffies(limit_ms);
	unsigned long moved = jiffies;
	struct thread_tally last = {}, found;
	u32 outcome;

	for (;;) {
		usleep_range(LOOK_US, 2 * LOOK_US);
		found = look_at_threads();
		outcome = outcome_of(&last, &found);
		if (outcome != KMH_HISTORY_RUNS)
			return outcome;
		if (last.before != found.before)
			moved = jiffies;
		last = found;
		if (time_after(jiffies, limit))
			WRITE_ONCE(kmh_history_run.stop, 1);
		if (time_after(jiffies, moved + msecs_to_jiffies(kmh_patience_ms)))
			return KMH_HISTORY_STUCK;
	}
}

/**
 * kmh_history_states() - note in the log how each thread stands
 */
void kmh_history_states(void)
{
	unsigned int i;

	for (i = 0; i < kmh_history_run.n_tasks; i++) {
		struct kmh_history_task *t = &kmh_history_run.tasks[i];

		if (kmh_history_ended(t))
			t->shared->state = KMH_HISTORY_THREAD_ENDED;
		else if (kmh_history_died(t))
			t->shared->state = KMH_HISTORY_THREAD_DIED;
		else if (thread_asleep(t))
			t->shared->state = KMH_HISTORY_THREAD_SLEPT;
	}
}

/**
 * kmh_history_rescue() - wake the threads that sleep until all have ended
 *
 * The log is frozen: what they do then is not part of the history.
 */
void kmh_history_rescue(void)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);

	while (look_at_threads().ended < kmh_history_run.n_tasks && time_before(jiffies, end)) {
		wake_up_all(kmh_symbols.pkmap_map_wait);
		usleep_range(LOOK_US, 2 * LOOK_US);
	}
}
