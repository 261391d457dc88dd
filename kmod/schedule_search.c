// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which schedule comes next: a depth-first search over the decisions, with a bound on the
 * preemptions (switches away from a thread that could go on).
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/bitops.h>

#include "kmh_schedule.h"

struct kmh_schedule_run kmh_schedule;

/**
 * kmh_schedule_died() - tell whether the kernel has killed a thread
 * @t: the thread
 *
 * Return: true once it has left its CPU.
 */
bool kmh_schedule_died(const struct kmh_schedule_task *t)
{
	return READ_ONCE(t->task->exit_state) && !kmh_on_cpu(t->task);
}

/**
 * kmh_schedule_any_died() - tell whether the kernel has killed a thread
 *
 * Return: true if so.
 */
bool kmh_schedule_any_died(void)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		if (kmh_schedule_died(&kmh_schedule.tasks[i]))
			return true;
	}
	return false;
}

/**
 * kmh_schedule_event() - note what a thread does
 * @t: the thread, whose turn it is
 * @kind: enum kmh_gate_kind
 * @gate: its index, or that of the operation
 * @after: whether the call has been made
 */
void kmh_schedule_event(struct kmh_schedule_task *t, u8 kind, u8 gate, bool after)
{
	struct kmh_schedule_run *run = &kmh_schedule;

	if (run->n_events == KMH_SCHEDULE_EVENTS) {
		run->too_long = true;
		return;
	}
	run->events[run->n_events++] = (struct kmh_gate_event) {
		.thread = t->id,
		.kind = kind,
		.after = after,
		.gate = gate,
	};
}

static u8 preemptions(void)
{
	return kmh_schedule.n_decisions ?
		kmh_schedule.decisions[kmh_schedule.n_decisions - 1].used : 0;
}

static void decide(u8 enabled, int running, u8 choice, u8 done)
{
	struct kmh_schedule_run *run = &kmh_schedule;
	u8 used = preemptions() + (running >= 0 && choice != running);

	if (run->n_decisions == KMH_SCHEDULE_DECISIONS) {
		run->too_long = true;
		return;
	}
	run->decisions[run->n_decisions++] = (struct kmh_decision) {
		.enabled = enabled,
		.current_thread = running < 0 ? KMH_NO_THREAD : running,
		.choice = choice,
		.done = done,
		.used = used,
	};
}

/* A decision is noted where several can go on, so that the schedule can be replayed. */
static int choose_random(u8 enabled, int running)
{
	int choice = kmh_pct_choose(enabled);

	if (hweight8(enabled) > 1)
		decide(enabled, running, choice, 0);
	return choice;
}

/**
 * kmh_schedule_choose() - decide who goes on
 * @enabled: a bit for each thread that can
 * @running: the thread that has the turn, or -1 where it cannot go on
 *
 * Return: a thread.  Without a plan the running one goes on, or else the first.
 */
int kmh_schedule_choose(u8 enabled, int running)
{
	struct kmh_schedule_run *run = &kmh_schedule;
	int usual = running >= 0 ? running : __ffs(enabled);
	const struct kmh_decision *planned;

	if (run->request->flags & KMH_SCHEDULE_RANDOM)
		return choose_random(enabled, running);
	if (hweight8(enabled) == 1)
		return usual;
	if (run->n_decisions >= run->n_plan) {
		decide(enabled, running, usual, 0);
		return usual;
	}
	planned = &run->plan[run->n_decisions];
	if (!(enabled & BIT(planned->choice))) {
		run->departed = true;
		decide(enabled, running, usual, 0);
		return usual;
	}
	decide(enabled, running, planned->choice, planned->done);
	return planned->choice;
}

/* Whether the choice at this decision has schedules that were not run, within the bound. */
static bool open_choice(unsigned int k, int choice)
{
	const struct kmh_decision *decision = &kmh_schedule.decisions[k];
	u8 used = k ? kmh_schedule.decisions[k - 1].used : 0;

	if (!(decision->enabled & ~decision->done & BIT(choice)) || choice == decision->choice)
		return false;
	if (decision->current_thread != KMH_NO_THREAD && choice != decision->current_thread)
		used++;
	return used <= kmh_schedule.request->bound;
}

static void plan_departure(unsigned int k, int choice)
{
	struct kmh_schedule_run *run = &kmh_schedule;

	memcpy(run->plan, run->decisions, k * sizeof(run->plan[0]));
	run->plan[k] = run->decisions[k];
	run->plan[k].done |= BIT(run->decisions[k].choice);
	run->plan[k].choice = choice;
	run->n_plan = k + 1;
}

/**
 * kmh_schedule_next() - plan the schedule after the one that was run
 *
 * Return: false if it was the last.
 */
bool kmh_schedule_next(void)
{
	int k, choice;

	for (k = kmh_schedule.n_decisions - 1; k >= 0; k--) {
		for (choice = 0; choice < kmh_schedule.n_tasks; choice++) {
			if (open_choice(k, choice)) {
				plan_departure(k, choice);
				return true;
			}
		}
	}
	return false;
}
