// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts as threads of a schedule: when one is chosen, the thread whose CPU it is for,
 * which waits at a gate, raises it there.  Its handler executes the interrupt's operations.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/interrupt.h>
#include <linux/irq_work.h>

#include "kmh_schedule.h"

static struct kmh_schedule_task *chosen(void)
{
	int turn = READ_ONCE(kmh_schedule.turn);

	return turn < 0 || !kmh_schedule.tasks[turn].context ? NULL : &kmh_schedule.tasks[turn];
}

static void handle(void)
{
	struct kmh_schedule_task *one = chosen();

	if (one && !READ_ONCE(kmh_schedule.open))
		kmh_schedule.execute(one);
}

static void on_work(struct irq_work *work)
{
	handle();
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	handle();
}

static struct irq_work work = KMH_IRQ_WORK_HARD(on_work);
static DECLARE_TASKLET(tasklet, on_tasklet);

/**
 * kmh_interrupt_possible() - tell whether an interrupt that was not taken yet can be
 * @one: the interrupt
 *
 * Return: true if the thread that it interrupts is at a gate, and takes it there.
 */
bool kmh_interrupt_possible(const struct kmh_schedule_task *one)
{
	const struct kmh_schedule_task *t = &kmh_schedule.tasks[one->program->target];

	if (t->state != KMH_SCHEDULE_PARKED || t->interrupted || t->kind == KMH_GATE_START)
		return false;
	if (t->shares && !t->keeps_cpu)
		return false;
	return one->context == KMH_SCHEDULE_SOFTIRQ ? t->softirqs : t->interrupts;
}

/**
 * kmh_interrupt_due() - tell whether an interrupt of a thread has the turn
 * @t: the current thread
 *
 * Return: true if so; kmh_interrupt_take() is to be called.
 */
bool kmh_interrupt_due(const struct kmh_schedule_task *t)
{
	const struct kmh_schedule_task *one = chosen();

	return one && !t->context && one->program->target == t->id &&
	       READ_ONCE(one->state) == KMH_SCHEDULE_ARMED;
}

/**
 * kmh_interrupt_take() - raise the interrupt that has the turn, on this CPU
 * @t: the current thread
 */
void kmh_interrupt_take(struct kmh_schedule_task *t)
{
	struct kmh_schedule_task *one = chosen();

	t->interrupted = true;
	WRITE_ONCE(one->state, KMH_SCHEDULE_RUNS);
	if (one->context == KMH_SCHEDULE_SOFTIRQ) {
		local_bh_disable();
		tasklet_hi_schedule(&tasklet);
		local_bh_enable();
	} else {
		irq_work_queue(&work);
	}
	/* pairs with kmh_gate_end() */
	while (smp_load_acquire(&one->state) != KMH_SCHEDULE_ENDED &&
	       !READ_ONCE(kmh_schedule.open))
		cpu_relax();
}

/**
 * kmh_interrupt_end() - wait until no handler runs
 */
void kmh_interrupt_end(void)
{
	irq_work_sync(&work);
	tasklet_kill(&tasklet);
}
