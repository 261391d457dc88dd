// SPDX-License-Identifier: GPL-2.0-only
/* The threads whose order of steps is decided: each has a CPU of its own and a short program. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>

#include "kmh_schedule.h"

/* What this CPU has translated in an earlier schedule must not show in this one. */
static void forget_translations(void)
{
	unsigned long flags;

	local_irq_save(flags);
	kmh_arch_flush_all();
	local_irq_restore(flags);
}

/* Whether a thread or an interrupt of the program reads through a mapping. */
static bool reads(void)
{
	unsigned int i, k;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_thread *program = kmh_schedule.tasks[i].program;

		for (k = 0; k < program->n_ops; k++) {
			if (program->codes[k] == KMH_SCHEDULE_READ ||
			    program->codes[k] == KMH_SCHEDULE_READ_LOCAL)
				return true;
		}
	}
	return false;
}

static void run_program(struct kmh_schedule_task *t)
{
	if (kmh_schedule.reads)
		forget_translations();
	kmh_gate_start(t);
	kmh_schedule_execute(t);
}

/* Return: whether there is nothing to do; a thread that shares its CPU sleeps meanwhile. */
static bool is_idle(const struct kmh_schedule_task *t)
{
	/* pairs with the coordinator, which has put the state back */
	return smp_load_acquire(&kmh_schedule.epoch) == t->epoch && !READ_ONCE(kmh_schedule.stop);
}

static void await_schedule(const struct kmh_schedule_task *t)
{
	while (t->shares) {
		set_current_state(TASK_IDLE);
		if (!is_idle(t))
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	if (need_resched())
		cond_resched();
	cpu_relax();
}

static int thread_main(void *data)
{
	struct kmh_schedule_task *t = data;
	u32 epoch;

	while (!READ_ONCE(kmh_schedule.stop)) {
		/* pairs with the coordinator, which has put the state back */
		epoch = smp_load_acquire(&kmh_schedule.epoch);
		if (epoch != t->epoch) {
			run_program(t);
			/* pairs with kmh_schedule_threads_rest() */
			smp_store_release(&t->epoch, epoch);
		}
		await_schedule(t);
	}
	WRITE_ONCE(t->exited, 1);
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/* ---- starting and stopping ---- */

static bool may_run(unsigned int id, const struct kmh_schedule_thread *program)
{
	unsigned int i;

	if (program->cpu >= nr_cpu_ids || !cpu_online(program->cpu) ||
	    program->n_ops > KMH_SCHEDULE_OPS)
		return false;
	if (program->context)
		return program->context <= KMH_SCHEDULE_SOFTIRQ && program->target < id &&
		       !kmh_schedule.tasks[program->target].context;
	for (i = 0; i < program->n_ops; i++) {
		if (!KMH_HAS_KMAP_LOCAL && program->codes[i] == KMH_SCHEDULE_KMAP_LOCAL)
			return false;
	}
	return true;
}

/* An interrupt is executed by the thread that it interrupts. */
static struct task_struct *task_of(struct kmh_schedule_task *t)
{
	struct task_struct *task;

	if (t->context)
		return kmh_schedule.tasks[t->program->target].task;
	task = kthread_create(thread_main, t, "kmh-schedule/%u", t->id);
	if (!IS_ERR(task))
		kthread_bind(task, t->program->cpu);
	return task;
}

static int thread_create(unsigned int id, const struct kmh_schedule_thread *program)
{
	struct kmh_schedule_task *t = &kmh_schedule.tasks[id];
	struct task_struct *task;

	if (!may_run(id, program))
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->id = id;
	t->program = program;
	t->context = program->context;
	t->epoch = kmh_schedule.epoch;
	t->state = KMH_SCHEDULE_ENDED;
	task = task_of(t);
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	t->task = task;
	kmh_schedule.n_tasks = id + 1;
	return 0;
}

static void note_sharing(void)
{
	struct kmh_schedule_task *one, *other, *end = kmh_schedule.tasks + kmh_schedule.n_tasks;

	for (one = kmh_schedule.tasks; one < end; one++) {
		for (other = kmh_schedule.tasks; other < end; other++)
			one->shares |= one != other && !one->context && !other->context &&
				       one->program->cpu == other->program->cpu;
	}
}

/**
 * kmh_schedule_threads_start() - make the threads, which wait for the first schedule
 * @programs: what each executes
 * @n: how many
 *
 * Return: 0 or a negative errno; kmh_schedule_threads_stop() must be called in both cases.
 */
int kmh_schedule_threads_start(const struct kmh_schedule_thread *programs, unsigned int n)
{
	unsigned int i;
	int error = kmh_schedule_flush_init();

	if (error)
		return error;
	for (i = 0; i < n; i++) {
		error = thread_create(i, &programs[i]);
		if (error)
			return error;
	}
	note_sharing();
	kmh_schedule.reads = reads();
	for (i = 0; i < n; i++)
		wake_up_process(kmh_schedule.tasks[i].task);
	return 0;
}

/**
 * kmh_schedule_threads_wake() - wake those that slept until there is a schedule
 */
void kmh_schedule_threads_wake(void)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		if (kmh_schedule.tasks[i].shares)
			wake_up_process(kmh_schedule.tasks[i].task);
	}
}

/**
 * kmh_schedule_threads_rest() - tell whether all threads have come to the end of the schedule
 *
 * Return: true if so.
 */
bool kmh_schedule_threads_rest(void)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		if (kmh_schedule.tasks[i].context)
			continue;
		/* pairs with thread_main() */
		if (smp_load_acquire(&kmh_schedule.tasks[i].epoch) != kmh_schedule.epoch)
			return false;
	}
	return true;
}

/**
 * kmh_schedule_threads_stop() - end the threads, which are at rest
 */
void kmh_schedule_threads_stop(void)
{
	unsigned int i;

	WRITE_ONCE(kmh_schedule.stop, 1);
	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		if (!kmh_schedule.tasks[i].context)
			kthread_stop(kmh_schedule.tasks[i].task);
		put_task_struct(kmh_schedule.tasks[i].task);
	}
	kmh_schedule.n_tasks = 0;
}
