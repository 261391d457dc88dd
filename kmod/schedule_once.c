// SPDX-License-Identifier: GPL-2.0-only
/* One schedule from its beginning to its end; the coordinator waits for the threads. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/wait.h>

#include "kmh_schedule.h"

#define STUCK_MS	5000	/* a schedule has a few hundred steps */
#define LOOKS		1024	/* at the state of the schedule, between two at the clock */
#define RESCUES		20	/* before a slot is made free for those that wait */

static void forget_last(void)
{
	struct kmh_schedule_run *run = &kmh_schedule;
	unsigned int i;

	run->n_decisions = 0;
	run->n_events = 0;
	run->clock = 0;
	run->departed = false;
	run->too_long = false;
	run->finished = 0;
	run->turn = -1;
	for (i = 0; i < run->n_tasks; i++) {
		run->tasks[i].state = run->tasks[i].context ?
			KMH_SCHEDULE_ARMED : KMH_SCHEDULE_RUNS;
		run->tasks[i].interrupted = false;
		memset(&run->tasks[i].shared, 0, sizeof(run->tasks[i].shared));
		run->tasks[i].shared.cpu = run->tasks[i].program->cpu;
	}
}

static bool out_of_time(unsigned long end)
{
	static unsigned int looks;

	cond_resched();
	cpu_relax();
	return !(++looks % LOOKS) && time_after(jiffies, end);
}

/* Nobody can go on.  Those that are still at gates wait for each other's locks. */
static u32 how_it_ended(void)
{
	u32 outcome = KMH_HISTORY_FINISHED;
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		u32 state = READ_ONCE(kmh_schedule.tasks[i].state);

		if (state == KMH_SCHEDULE_PARKED)
			return KMH_HISTORY_DEADLOCK;
		if (state == KMH_SCHEDULE_SLEEPS)
			outcome = KMH_HISTORY_ASLEEP;
	}
	return outcome;
}

/**
 * kmh_schedule_once() - run the schedule that is planned
 *
 * Return: enum kmh_history_outcome; the gates are open afterwards.
 */
u32 kmh_schedule_once(void)
{
	unsigned long end = jiffies + msecs_to_jiffies(STUCK_MS);
	u32 outcome = KMH_HISTORY_FINISHED;

	forget_last();
	WRITE_ONCE(kmh_schedule.open, 0);
	/* pairs with thread_main() */
	smp_store_release(&kmh_schedule.epoch, kmh_schedule.epoch + 1);
	kmh_schedule_threads_wake();
	kmh_gates_begin();
	while (!READ_ONCE(kmh_schedule.finished)) {
		if (kmh_schedule_any_died())
			outcome = KMH_HISTORY_DIED;
		else if (out_of_time(end))
			outcome = KMH_HISTORY_STUCK;
		if (outcome != KMH_HISTORY_FINISHED)
			break;
	}
	WRITE_ONCE(kmh_schedule.open, 1);
	kmh_schedule_threads_wake();
	return outcome == KMH_HISTORY_FINISHED ? how_it_ended() : outcome;
}

/**
 * kmh_schedule_rescue() - wake those that sleep until all threads are at rest
 * @outcome: of the schedule, whose log is complete
 *
 * Return: false if a thread does not end.
 */
bool kmh_schedule_rescue(u32 outcome)
{
	unsigned long end = jiffies + msecs_to_jiffies(STUCK_MS);
	unsigned int tries = 0;

	while (!kmh_schedule_threads_rest()) {
		if (outcome != KMH_HISTORY_FINISHED) {
			wake_up_all(kmh_symbols.pkmap_map_wait);
			usleep_range(20, 40);
			if (++tries > RESCUES && outcome == KMH_HISTORY_ASLEEP)
				kmh_schedule_release_pin();
		}
		if (out_of_time(end))
			return false;
	}
	return true;
}
