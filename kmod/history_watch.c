// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watching the threads of a concurrent history.
 *
 * The coordinator (the caller of write()) looks at them now and then.  Where all that
 * have not ended sleep in pkmap_map_wait, or wait for those, nobody is left who could wake
 * them: that ends the history, by the state of the tasks and not by a clock.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/sched.h>

#include "kmh.h"

#define LOOK_US		1000

bool kmh_history_ended(const struct kmh_history_task *t)
{
	/* pairs with kmh_history_main() */
	return smp_load_acquire(&t->done);
}

bool kmh_history_died(const struct kmh_history_task *t)
{
	return READ_ONCE(t->task->exit_state) && !kmh_on_cpu(t->task);
}

/* Asleep in kmap for want of a slot; on RT a task that waits for a lock is in the same state. */
static bool asleep(const struct kmh_history_task *t)
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

struct tally {
	unsigned int ended;
	unsigned int asleep;
	unsigned int parked;	/* at the end of a round that cannot end while others sleep */
	unsigned int died;
	unsigned int before;	/* stamps drawn when the first thread was looked at ... */
	unsigned int after;	/* ... and when the last had been */
};

static struct tally look(void)
{
	struct tally found = { .before = atomic_read(&kmh_history_run.clock) };
	unsigned int i;

	/* pairs with the full barrier of atomic_inc_return(), by which a stamp is drawn */
	smp_rmb();
	for (i = 0; i < kmh_history_run.n_tasks; i++) {
		const struct kmh_history_task *t = &kmh_history_run.tasks[i];

		if (kmh_history_ended(t))
			found.ended++;
		else if (kmh_history_died(t))
			found.died++;
		else if (asleep(t))
			found.asleep++;
		else if (READ_ONCE(t->parked))
			found.parked++;
	}
	/* the other half of the pair */
	smp_rmb();
	found.after = atomic_read(&kmh_history_run.clock);
	return found;
}

static bool at_rest(const struct tally *found)
{
	return found->asleep && found->ended + found->asleep + found->parked == kmh_history_run.n_tasks;
}

/*
 * Two looks that find all threads at rest, and from the first thread of the one to the
 * last of the other no stamp was drawn: none of them was on its way, since each draws
 * one as soon as it runs.  In one look alone a thread can be seen asleep, be woken, and
 * whoever woke it be seen at rest after that.
 */
static u32 outcome_of(const struct tally *last, const struct tally *found)
{
	if (found->died)
		return KMH_HISTORY_DIED;
	if (found->ended == kmh_history_run.n_tasks)
		return KMH_HISTORY_FINISHED;
	if (at_rest(last) && at_rest(found) && last->before == found->after)
		return KMH_HISTORY_ASLEEP;
	return KMH_HISTORY_RUNS;
}

u32 kmh_history_watch(u32 limit_ms)
{
	unsigned long limit = jiffies + msecs_to_jiffies(limit_ms);
	unsigned long moved = jiffies;
	struct tally last = {}, found;
	u32 outcome;

	for (;;) {
		usleep_range(LOOK_US, 2 * LOOK_US);
		found = look();
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

void kmh_history_states(void)
{
	unsigned int i;

	for (i = 0; i < kmh_history_run.n_tasks; i++) {
		struct kmh_history_task *t = &kmh_history_run.tasks[i];

		if (kmh_history_ended(t))
			t->shared->state = KMH_HISTORY_THREAD_ENDED;
		else if (kmh_history_died(t))
			t->shared->state = KMH_HISTORY_THREAD_DIED;
		else if (asleep(t))
			t->shared->state = KMH_HISTORY_THREAD_SLEPT;
	}
}

/* Wake the sleepers by hand until all have ended: what they do then is not logged. */
void kmh_history_rescue(void)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);

	while (look().ended < kmh_history_run.n_tasks && time_before(jiffies, end)) {
		wake_up_all(kmh_symbols.pkmap_map_wait);
		usleep_range(LOOK_US, 2 * LOOK_US);
	}
}
