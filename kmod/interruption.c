// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an interrupt, or a task of higher priority, does in the middle of an operation: it
 * maps some pages on top of what it finds, reads them and unmaps them again.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>

#include "kmh.h"

struct kmh_instant kmh_instant;

static struct task_struct *preemptor;
static u32 preemptor_go;

static u8 where_am_i(void)
{
	u8 flags = kmh_in_hardirq() ? KMH_INTERRUPT_HARD : 0;

	if (!flags && in_serving_softirq())
		flags = KMH_INTERRUPT_SOFT;
	return flags | (current == kmh_instant.task->task ? KMH_INTERRUPT_OWN : 0);
}

static struct kmh_delta *add_record(u8 kind, u8 flags)
{
	struct kmh_delta *delta = &kmh_instant.records[kmh_instant.n_records++];

	*delta = (struct kmh_delta) {
		.kind = kind,
		.aux = flags,
		.index = (u16)kmh_depth(current, raw_smp_processor_id()),
	};
	return delta;
}

static void put_record_pte(struct kmh_delta *delta, u64 pte)
{
	delta->b = pte;
	delta->c = pte >> 32;
}

/* Map one page, unless the kernel's next slot is in use: then it would BUG. */
static void *map_level(unsigned int level, u8 flags)
{
	int cpu = raw_smp_processor_id(), slot = kmh_depth(current, cpu) + KMH_INCREMENT - 1;
	unsigned long address = kmh_window_address(cpu, slot);
	struct kmh_delta *delta;
	u64 found = kmh_walk(address);

	if (slot < 0 || slot + 1 >= KMH_WINDOW)
		return NULL;
	delta = add_record(KMH_DELTA_INTERRUPT, flags | (found ? KMH_INTERRUPT_IN_USE : 0));
	delta->a = address;
	put_record_pte(delta, found);
	if (found)
		return NULL;
	delta->a = (u32)kmap_atomic(kmh_page(kmh_instant.page + level));
	put_record_pte(delta, kmh_walk(delta->a));
	kmh_load(delta->a, &delta->d);
	return (void *)delta->a;
}

/* This is not part of the operation: its flushes do not count. */
static void map_levels(void)
{
	struct task_struct *executing = xchg(&kmh_executing, NULL);
	void *mapped[KMH_INSTANT_LEVELS];
	u8 flags = where_am_i();
	unsigned int n = 0;

	kmh_torn_look();
	kmh_instant.n_records = 0;
	while (n < kmh_instant.levels) {
		mapped[n] = map_level(n, flags);
		if (!mapped[n])
			break;
		n++;
	}
	while (n)
		kunmap_atomic(mapped[--n]);
	add_record(KMH_DELTA_INTERRUPT_END, flags);
	cmpxchg(&kmh_executing, NULL, executing);
	/* pairs with interruption_over() */
	smp_store_release(&kmh_instant.state, KMH_INSTANT_DONE);
}

static void on_interruption_tasklet(struct tasklet_struct *tasklet)
{
	map_levels();
}

static DECLARE_TASKLET(interruption_tasklet, on_interruption_tasklet);

static int preemptor_main(void *data)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		if (!xchg(&preemptor_go, 0)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		map_levels();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/**
 * kmh_interruption_enter() - map here, or in the context that INTERRUPT asked for
 *
 * Called in a hard interrupt on the CPU of the operation.
 */
void kmh_interruption_enter(void)
{
	switch (kmh_instant.context) {
	case KMH_CONTEXT_HARDIRQ:
		map_levels();
		break;
	case KMH_CONTEXT_SOFTIRQ:
		tasklet_hi_schedule(&interruption_tasklet);
		break;
	default:
		WRITE_ONCE(preemptor_go, 1);
		wake_up_process(preemptor);
	}
}

/**
 * kmh_interruption_prepare() - start the task of higher priority, which waits for its turn
 * @cpu: where it shall run
 *
 * Return: false if it could not be created.
 */
bool kmh_interruption_prepare(int cpu)
{
	struct task_struct *task = kthread_create(preemptor_main, NULL, "kmh/preemptor");

	if (IS_ERR(task))
		return false;
	kthread_bind(task, cpu);
	sched_set_fifo(task);
	preemptor_go = 0;
	preemptor = task;
	wake_up_process(task);
	return true;
}

/**
 * kmh_interruption_end() - undo what the last interruption left behind
 *
 * Called in task context, where neither a timer nor a probe can start another.
 */
void kmh_interruption_end(void)
{
	tasklet_kill(&interruption_tasklet);
	if (preemptor)
		kthread_stop(preemptor);
	preemptor = NULL;
	kmh_instant.n_records = 0;
}
