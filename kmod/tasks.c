// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel threads that execute operations.
 *
 * They run with SCHED_FIFO: nothing of the harness preempts them in the middle of an
 * operation, so a context switch happens where a step asks for one.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <asm/tsc.h>

#include "kmh.h"

struct kmh_task *kmh_tasks[KMH_MAX_TASKS];
unsigned int kmh_n_tasks;
bool kmh_casualty;
bool kmh_lock_lost;

/**
 * kmh_died() - whether a task has gone for good
 * @t: the task
 *
 * Return: true once it has left its CPU, and its windows with it.
 */
bool kmh_died(const struct kmh_task *t)
{
	return READ_ONCE(t->task->exit_state) && !kmh_on_cpu(t->task);
}

/**
 * kmh_asleep() - whether a task sleeps in kmap for want of a slot
 * @t: the task
 *
 * A task that waits for a lock on RT is in the same state, hence pi_blocked_on.
 *
 * It should be uninterruptible: kmap() has no way to say that a signal has come.  One
 * that is not sleeps all the same, and kmh_interruptible() tells.
 *
 * Return: true if it is off its CPU, in the queue, and nothing has woken it.
 */
bool kmh_asleep(const struct kmh_task *t)
{
	struct task_struct *task = t->task;

	if (!(kmh_task_state(task) & TASK_NORMAL) || READ_ONCE(task->on_rq) ||
	    kmh_on_cpu(task))
		return false;
#ifdef CONFIG_RT_MUTEXES
	if (READ_ONCE(task->pi_blocked_on))
		return false;
#endif
	if (atomic_read(&t->phase) == KMH_PHASE_EXEC &&
	    kmh_run.ops[kmh_run.next].code != KMH_OP_KMAP)
		return false;
	return kmh_waits(task);
}

/**
 * kmh_interruptible() - whether a signal would end the sleep of a task
 * @t: the task, asleep
 *
 * Return: true for TASK_INTERRUPTIBLE.
 */
bool kmh_interruptible(const struct kmh_task *t)
{
	return kmh_task_state(t->task) & TASK_INTERRUPTIBLE;
}

/* Inside an atomic section a task waits without sleeping; not for ever, since it holds a CPU. */
static void spin_for_baton(struct kmh_task *t)
{
	u64 deadline = rdtsc() + (u64)tsc_khz * kmh_patience_ms * 2;

	while (!READ_ONCE(t->go) && !READ_ONCE(t->unwind)) {
		if (rdtsc() > deadline) {
			kmh_run.open = true;
			break;
		}
		cpu_relax();
	}
	if (READ_ONCE(t->go)) {
		WRITE_ONCE(t->spinning, false);
		return;
	}
	kmh_unwind(t);
	WRITE_ONCE(t->unwind, 0);
	WRITE_ONCE(t->spinning, false);
}

static void sleep_for_baton(struct kmh_task *t)
{
	kmh_forget_signals();
	for (;;) {
		set_current_state(TASK_IDLE);
		if (READ_ONCE(t->go) || kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static int task_main(void *data)
{
	struct kmh_task *t = data;

	kmh_accept_signals();
	for (;;) {
		if (t->spinning)
			spin_for_baton(t);
		if (!READ_ONCE(t->go))
			sleep_for_baton(t);
		/* pairs with kmh_pass() */
		if (!smp_load_acquire(&t->go))
			break;
		WRITE_ONCE(t->go, 0);
		kmh_run_segment(t);
		if (t->exits)
			return 0;
	}
	kmh_unwind(t);
	return 0;
}

static struct kmh_task *task_create(unsigned int id, u8 cpu)
{
	struct kmh_task *t;

	if (cpu != KMH_TASK_UNBOUND && (cpu >= nr_cpu_ids || !cpu_online(cpu)))
		return ERR_PTR(-EINVAL);
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->id = id;
	t->cpu = cpu;
	t->task = kthread_create(task_main, t, "kmh/%u", id);
	if (IS_ERR(t->task)) {
		int error = PTR_ERR(t->task);

		kfree(t);
		return ERR_PTR(error);
	}
	get_task_struct(t->task);
	t->alive = true;
	kmh_context_setup(t);
	if (cpu != KMH_TASK_UNBOUND)
		kthread_bind(t->task, cpu);
	sched_set_fifo(t->task);
	wake_up_process(t->task);
	return t;
}

static void await_idle(const struct kmh_task *t)
{
	while (kmh_task_state(t->task) != TASK_IDLE || kmh_on_cpu(t->task))
		usleep_range(20, 40);
}

/* A thread that cannot end keeps its memory, and the module with it. */
static void task_abandon(struct kmh_task *t)
{
	pr_warn("task %u cannot be ended; the module stays loaded\n", t->id);
	__module_get(THIS_MODULE);
}

static void task_destroy(struct kmh_task *t)
{
	int phase = atomic_read(&t->phase);

	if (phase == KMH_PHASE_BLOCKED || phase == KMH_PHASE_STUCK) {
		task_abandon(t);
		return;
	}
	if (t->alive && !kmh_died(t))
		kthread_stop(t->task);
	kmh_context_teardown(t);
	put_task_struct(t->task);
	kfree(t);
}

/**
 * kmh_tasks_stop() - end all threads; what each holds locally is unmapped by itself
 */
void kmh_tasks_stop(void)
{
	kmh_instant_reset();
	while (kmh_n_tasks)
		task_destroy(kmh_tasks[--kmh_n_tasks]);
}

/**
 * kmh_tasks_start() - replace the threads there are
 * @requests: one for each new thread
 * @count: their number
 *
 * Return: 0 or a negative errno, then with no threads at all.
 */
int kmh_tasks_start(const struct kmh_task_request *requests, unsigned int count)
{
	struct kmh_task *t;
	unsigned int i;

	if (count > KMH_MAX_TASKS)
		return -EINVAL;
	kmh_tasks_stop();
	for (i = 0; i < count; i++) {
		t = task_create(i, requests[i].cpu);
		if (IS_ERR(t)) {
			kmh_tasks_stop();
			return PTR_ERR(t);
		}
		kmh_tasks[kmh_n_tasks++] = t;
	}
	for (i = 0; i < count; i++)
		await_idle(kmh_tasks[i]);
	kmh_probes_clear();
	return 0;
}

static bool anyone_blocked(void)
{
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		if (atomic_read(&kmh_tasks[i]->phase) == KMH_PHASE_BLOCKED)
			return true;
	}
	return false;
}

/**
 * kmh_reset() - release every mapping, thread and page
 *
 * After a death the lock of the pkmap area may be held for ever; then nothing is
 * unmapped, pages are given up, and -EIO says so.
 *
 * Return: 0, -EIO after a death, -ETIMEDOUT if a task stayed blocked.
 */
int kmh_reset(void)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);
	bool lost = kmh_casualty;

	while (!lost) {
		kmh_pages_unmap();
		if (!anyone_blocked())
			break;
		lost = time_after(jiffies, end);
		usleep_range(50, 100);
	}
	kmh_tasks_stop();
	kmh_outside_reset();
	if (!lost)
		kmh_pages_unmap();
	kmh_typed_reset();
	kmh_pages_release(lost);
	kmh_ops_reset(lost);
	kmh_observe_resync();
	if (lost)
		return kmh_casualty ? -EIO : -ETIMEDOUT;
	return 0;
}
