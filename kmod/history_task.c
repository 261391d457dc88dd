// SPDX-License-Identifier: GPL-2.0-only
/*
 * The program of the threads of a concurrent history: random operations at full speed.
 *
 * They run with the ordinary policy, so the timer can take the CPU from them anywhere.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kthread.h>

#include "kmh_history.h"

static void one_step(struct kmh_history_task *t)
{
	u32 choice = kmh_history_draw(t, 64);

	if (!kmh_history_draw(t, kmh_history_run.request->yields))
		yield();
	else if (choice == 1)
		kmh_history_ask_address(t);
	else if (choice == 2)
		kmh_history_map_in_window(t);
	else if (!t->n_held || (choice < 24 && t->n_held < kmh_history_run.request->holds))
		kmh_history_map(t);
	else
		kmh_history_use(t);
}

/*
 * Wait until all threads are here.  A thread that missed its wake-up then sleeps for ever, since
 * no other thread goes on and wakes it later by chance.
 */
static void meet_others(struct kmh_history_task *t, unsigned int round)
{
	int all = (round + 1) * kmh_history_run.n_tasks;

	WRITE_ONCE(t->parked, 1);
	atomic_inc(&kmh_history_run.arrived);
	while (atomic_read(&kmh_history_run.arrived) < all && !READ_ONCE(kmh_history_run.stop)) {
		cpu_relax();
		cond_resched();
	}
	WRITE_ONCE(t->parked, 0);
}

static void one_round(struct kmh_history_task *t)
{
	unsigned int maps = 1 + kmh_history_draw(t, kmh_history_run.request->holds);

	while (maps--)
		kmh_history_map(t);
	if (!kmh_history_draw(t, kmh_history_run.request->yields))
		yield();
	for (maps = kmh_history_draw(t, 4); maps--;)
		kmh_history_read_tag(t, t->held[0].page, t->held[0].address);
	while (t->n_held)
		kmh_history_unmap(t, kmh_history_draw(t, t->n_held));
}

/* Whether the log has room for a step or a round, and for the unmap of each mapping. */
static bool has_room(const struct kmh_history_task *t)
{
	return t->shared->used + 4 + 3 * KMH_HISTORY_HOLDS < kmh_history_run.log->stride;
}

static void run_steps(struct kmh_history_task *t)
{
	while (has_room(t) && !READ_ONCE(kmh_history_run.stop)) {
		one_step(t);
		cond_resched();
	}
}

/* The first thread that has no room left ends the history for all. */
static void run_rounds(struct kmh_history_task *t)
{
	unsigned int round;

	for (round = 0; !READ_ONCE(kmh_history_run.stop); round++) {
		one_round(t);
		if (!has_room(t))
			WRITE_ONCE(kmh_history_run.stop, 1);
		meet_others(t, round);
	}
}

static void await_go(void)
{
	atomic_inc(&kmh_history_run.ready);
	/* pairs with the coordinator: the pages' tags before the first access */
	while (!smp_load_acquire(&kmh_history_run.go)) {
		cpu_relax();
		cond_resched();
	}
}

static void await_stop(void)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * kmh_history_main() - the function of each thread
 * @data: its struct kmh_history_task
 *
 * Return: 0
 */
int kmh_history_main(void *data)
{
	struct kmh_history_task *t = data;

	await_go();
	if (kmh_history_run.request->flags & KMH_HISTORY_ROUNDS)
		run_rounds(t);
	else
		run_steps(t);
	while (t->n_held)
		kmh_history_unmap(t, t->n_held - 1);
	/* pairs with kmh_history_ended(): the records before the end */
	smp_store_release(&t->done, 1);
	await_stop();
	return 0;
}
