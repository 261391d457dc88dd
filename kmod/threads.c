// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel threads that execute operations.
 *
 * They run with SCHED_FIFO: nothing of the module preempts them in the middle of an
 * operation, so a context switch happens only where a step asks for one.
 *
 * Two of three share the address space of the process that made the request, as the threads of a
 * program do; the others are kernel threads, which borrow the one that ran before them.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "kmh.h"

/* Inside an atomic section a task spins; not for ever, since nobody else gets its CPU. */
static void spin_for_baton(struct kmh_task *t)
{
	u64 deadline = kmh_arch_cycles() + kmh_arch_cycles_per_ms() * kmh_patience_ms * 2;

	while (!READ_ONCE(t->go) && !READ_ONCE(t->unwind)) {
		if (kmh_arch_cycles() > deadline) {
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

/* Every third task has no address space of its own. */
static bool has_address_space(unsigned int id)
{
	return id % 3;
}

/* Where a task dies, the kernel drops its reference of the address space. */
static void leave_address_space(struct kmh_task *t)
{
	struct mm_struct *mm = t->mm;

	if (!mm)
		return;
	t->mm = NULL;
	kthread_unuse_mm(mm);
	mmput(mm);
}

static int task_main(void *data)
{
	struct kmh_task *t = data;

	if (t->mm)
		kthread_use_mm(t->mm);
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
			break;
	}
	if (!t->exits)
		kmh_unwind(t);
	leave_address_space(t);
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
	if (has_address_space(id) && mmget_not_zero(current->mm))
		t->mm = current->mm;
	t->task = kthread_create(task_main, t, "kmh/%u", id);
	if (IS_ERR(t->task)) {
		int error = PTR_ERR(t->task);

		if (t->mm)
			mmput(t->mm);
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
 * kmh_tasks_stop() - end all threads; each unmaps what it holds
 */
void kmh_tasks_stop(void)
{
	kmh_assert_request();
	kmh_instant_end();
	while (kmh_n_tasks)
		task_destroy(kmh_tasks[--kmh_n_tasks]);
}

/**
 * kmh_tasks_start() - replace the threads
 * @requests: one request for each new thread
 * @count: their number
 *
 * Return: 0; after a negative errno there are no threads.
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
