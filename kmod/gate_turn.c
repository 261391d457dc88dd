// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose turn it is: who can go on, the decision, and how a thread waits for its turn.
 *
 * A thread that has a CPU of its own waits on it.  One that shares a CPU sleeps, which the
 * kernel could make it do by a preemption there; where it may not be preempted, it keeps the
 * CPU, and nobody else there can go on.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/sched.h>

#include "kmh_schedule.h"

/**
 * kmh_gate_asleep() - tell whether a thread is off its CPU, and nothing has woken it
 * @t: the thread
 *
 * Return: true if so.  TASK_WAKING is a state of its own.
 */
bool kmh_gate_asleep(const struct kmh_schedule_task *t)
{
	return (kmh_task_state(t->task) & TASK_NORMAL) && !READ_ONCE(t->task->on_rq) &&
	       !kmh_on_cpu(t->task);
}

/*
 * stop_machine() and its like must get the CPU where the kernel would give it.  A kernel that
 * does not count sections without preemption is not preempted in any; here it may be.
 */
static void relax(void)
{
	if (need_resched() && in_task() &&
	    (IS_ENABLED(CONFIG_PREEMPT_COUNT) ? preemptible() : !irqs_disabled()))
		cond_resched();
	cpu_relax();
}

static bool at_rest(const struct kmh_schedule_task *t)
{
	/* pairs with arrive() and kmh_gate_end() in gate.c */
	u32 state = smp_load_acquire(&t->state);

	return state == KMH_SCHEDULE_PARKED || state == KMH_SCHEDULE_ENDED ||
	       state == KMH_SCHEDULE_ARMED ||
	       (state == KMH_SCHEDULE_SLEEPS && kmh_gate_asleep(t));
}

/**
 * kmh_turn_await_others() - wait until every other thread is at rest
 * @self: the thread that waits, or NULL
 *
 * A thread that was woken must reach its gate before the next decision.
 */
void kmh_turn_await_others(const struct kmh_schedule_task *self)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_task *t = &kmh_schedule.tasks[i];

		while (t != self && !at_rest(t) && !READ_ONCE(kmh_schedule.open))
			relax();
	}
}

/* The interrupt of a flush would wait for a thread that is at a gate with interrupts off. */
static bool all_take_interrupts(const struct kmh_schedule_task *self)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_task *t = &kmh_schedule.tasks[i];

		if (t != self && t->state == KMH_SCHEDULE_PARKED && !t->interrupts)
			return false;
	}
	return true;
}

/* Another thread is on its CPU and does not leave it. */
static bool occupied(const struct kmh_schedule_task *t)
{
	unsigned int i;

	for (i = 0; t->shares && i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_task *other = &kmh_schedule.tasks[i];

		if (other != t && other->program->cpu == t->program->cpu && other->keeps_cpu &&
		    other->state == KMH_SCHEDULE_PARKED)
			return true;
	}
	return false;
}

static bool can_go_on(const struct kmh_schedule_task *t)
{
	if (t->state == KMH_SCHEDULE_ARMED)
		return kmh_interrupt_possible(t);
	if (t->state != KMH_SCHEDULE_PARKED || t->interrupted || occupied(t))
		return false;
	if (t->kind == KMH_GATE_ACQUIRE)
		return !READ_ONCE(*(u32 *)t->argument);
	return t->kind != KMH_GATE_FLUSH || all_take_interrupts(t);
}

static void wake(const struct kmh_schedule_task *t)
{
	if (t->context)
		t = &kmh_schedule.tasks[t->program->target];
	if (t->shares && t->task != current && !t->keeps_cpu)
		wake_up_process(t->task);
}

/**
 * kmh_turn_decide() - give the turn away
 * @running: who has it and may keep it, or NULL
 */
void kmh_turn_decide(const struct kmh_schedule_task *running)
{
	unsigned int i;
	u8 enabled = 0;
	int next = -1;

	for (i = 0; i < kmh_schedule.n_tasks; i++)
		enabled |= can_go_on(&kmh_schedule.tasks[i]) ? BIT(i) : 0;
	if (enabled)
		next = kmh_schedule_choose(enabled, running && enabled & BIT(running->id) ?
					   running->id : -1);
	if (next < 0)
		WRITE_ONCE(kmh_schedule.finished, 1);
	/* pairs with is_over(): what was done before is seen by whoever has the turn next */
	smp_store_release(&kmh_schedule.turn, next);
	if (next >= 0)
		wake(&kmh_schedule.tasks[next]);
}

static bool is_over(const struct kmh_schedule_task *t)
{
	/* pairs with kmh_turn_decide() */
	return smp_load_acquire(&kmh_schedule.turn) == t->id || READ_ONCE(kmh_schedule.open);
}

/* An interrupt wakes the thread that it is to interrupt, if that sleeps. */
static void leave_cpu(const struct kmh_schedule_task *t)
{
	for (;;) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (is_over(t) || kmh_interrupt_due(t))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * kmh_turn_await() - wait until it is a thread's turn, or all may go on
 * @t: the current thread, or an interrupt that it is in
 */
void kmh_turn_await(struct kmh_schedule_task *t)
{
	while (!is_over(t)) {
		if (kmh_interrupt_due(t))
			kmh_interrupt_take(t);
		else if (t->shares && !t->keeps_cpu)
			leave_cpu(t);
		else
			relax();
	}
	kmh_turn_await_others(t);
}

/**
 * kmh_turn_keeps_cpu() - tell whether a thread that waits at a gate stays on its CPU
 * @t: the current thread
 * @kind: of the gate: three kinds are in the module's own code, which may sleep
 *
 * Return: false if it shares its CPU and the kernel could be preempted there.
 */
bool kmh_turn_keeps_cpu(const struct kmh_schedule_task *t, u8 kind)
{
	bool outside = kind == KMH_GATE_START || kind == KMH_GATE_OPERATION ||
		       kind == KMH_GATE_PAUSE;

	if (!t->shares || kmh_task_state(current) != TASK_RUNNING)
		return true;
	return !outside && !(IS_ENABLED(CONFIG_PREEMPT_COUNT) && preemptible());
}
