// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to a task from outside: its affinity is changed, its CPU goes away; and
 * what it does beyond the kernel thread that it is: a child, a return to user mode.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>

#include "kmh.h"

#define REFUSE_MS	200	/* how long a request is seen not to end */

/* A request that may have to wait for a mapping is made by a thread of its own. */
static struct {
	struct task_struct *thread;
	u8 code, cpu;
	bool online;
	struct kmh_task *target;
	int result;
	u32 done;
} errand = { .done = 1 };

static int gone_cpu = -1;	/* taken offline by us */

static int errand_main(void *data)
{
	if (errand.code == KMH_OP_AFFINITY)
		errand.result = set_cpus_allowed_ptr(errand.target->task, cpumask_of(errand.cpu));
	else
		errand.result = errand.online ? add_cpu(errand.cpu) : remove_cpu(errand.cpu);
	/* pairs with errand_ended() */
	smp_store_release(&errand.done, 1);
	while (!kthread_should_stop())
		schedule_timeout_idle(1);
	return 0;
}

static bool errand_ended(void)
{
	return smp_load_acquire(&errand.done); /* pairs with errand_main() */
}

/* Whether a mapping stands in the way. */
static bool hindered(void)
{
	unsigned int i;

	if (errand.code == KMH_OP_AFFINITY)
		return kmh_migration_disabled(errand.target->task);
	for (i = 0; !errand.online && i < kmh_n_tasks; i++) {
		if (task_cpu(kmh_tasks[i]->task) == errand.cpu &&
		    kmh_migration_disabled(kmh_tasks[i]->task))
			return true;
	}
	return false;
}

/* Return: true if it has ended; false if it waits for a mapping, or beyond all patience. */
static bool errand_wait(void)
{
	unsigned long start = jiffies;

	while (!errand_ended()) {
		unsigned int most = hindered() ? REFUSE_MS : kmh_patience_ms;

		if (time_after(jiffies, start + msecs_to_jiffies(most)))
			return false;
		usleep_range(100, 200);
	}
	return true;
}

static void errand_run(struct kmh_outcome *out)
{
	if (errand.thread)
		kthread_stop(errand.thread);
	errand.done = 0;
	errand.thread = kthread_run(errand_main, NULL, "kmh/errand");
	if (IS_ERR(errand.thread)) {
		errand.thread = NULL;
		errand.done = 1;
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->value = !errand_wait();
	if (out->value && !hindered())
		out->status = KMH_ST_STUCK;
	else if (!out->value && errand.result)
		out->status = KMH_ST_REFUSED;
}

static void affinity(const struct kmh_op *op, struct kmh_outcome *out)
{
	u8 number = op->value, cpu = op->value >> 8;
	struct kmh_task *target = number < kmh_n_tasks ? kmh_tasks[number] : NULL;

	if (!target || !target->alive || kmh_died(target) || target->task == current ||
	    READ_ONCE(target->spinning) || cpu >= nr_cpu_ids || !cpu_online(cpu)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	errand.target = target;
	errand.cpu = cpu;
	target->cpu = cpu;
	errand_run(out);
}

static void hotplug(const struct kmh_op *op, struct kmh_outcome *out)
{
	u8 cpu = op->value;
	unsigned int i;

	errand.online = op->value >> 8;
	if (!cpu || cpu >= nr_cpu_ids || cpu_online(cpu) == errand.online ||
	    (errand.online && gone_cpu != cpu) || (!errand.online && gone_cpu >= 0)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	errand.cpu = cpu;
	gone_cpu = errand.online ? -1 : cpu;
	for (i = 0; !errand.online && i < kmh_n_tasks; i++) {
		if (kmh_tasks[i]->cpu == cpu)
			kmh_tasks[i]->cpu = KMH_TASK_UNBOUND;
	}
	errand_run(out);
}

static void await(struct kmh_outcome *out)
{
	if (!errand.thread || (!errand_wait() && hindered())) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	if (!errand_ended())
		out->status = KMH_ST_STUCK;
	out->value = errand.result;
}

/* ---- a child ---- */

static struct {
	struct completion ready;
	u32 found;
} child;

/* What it has of its parent's mappings: depth, saved entries, entries of its CPU's window. */
static int child_main(void *data)
{
	unsigned int i, saved = 0, window = 0;
	int cpu = raw_smp_processor_id();

	for (i = 0; i < KMH_WINDOW; i++) {
#if KMH_HAS_KMAP_LOCAL
		saved += !!kmh_pte_read(&current->kmap_ctrl.pteval[i]);
#endif
		window += !!kmh_walk(__fix_to_virt(FIX_KMAP_BEGIN + KMH_WINDOW * cpu + i));
	}
	child.found = (u8)kmh_depth(current, cpu) | saved << 8 | window << 16;
	kmh_thread_exit(&child.ready);
	return 0;
}

static void fork(struct kmh_outcome *out)
{
	kmh_kernel_thread_fn *start = (void *)kmh_function("kernel_thread");

	init_completion(&child.ready);
	child.found = 0;
	if (!start || kmh_kernel_thread(start, child_main) < 0) {
		out->status = KMH_ST_NOT_APPLICABLE;
		return;
	}
	wait_for_completion(&child.ready);
	out->value = child.found;
}

/* ---- a return to user mode ---- */

#if KMH_HAS_KMAP_LOCAL
static struct page *to_leave;
static void *left;

static void leave_mapped(const struct kmh_op *op, struct kmh_outcome *out)
{
	to_leave = kmh_page(op->page);
	if (!to_leave)
		out->status = KMH_ST_REFUSED;
}

/**
 * kmh_return_mapped() - leave a mapping to the process that made the request, if asked for
 *
 * It is that process, and no thread of ours, that goes back to user mode.
 */
void kmh_return_mapped(void)
{
	if (to_leave)
		left = kmap_local_page(to_leave);
	to_leave = NULL;
}

/**
 * kmh_back_from_user() - the process is here again: what it was left is taken away
 */
void kmh_back_from_user(void)
{
	if (!left)
		return;
	kunmap_local(left);
	left = NULL;
	/* What the kernel had to say belongs to the step that is next, which counts it. */
	if (atomic_read(&kmh_counters.messages))
		kmh_marker(kmh_step);
}
#else
static void leave_mapped(const struct kmh_op *op, struct kmh_outcome *out)
{
	out->status = KMH_ST_NOT_APPLICABLE;
}

void kmh_return_mapped(void)
{
}

void kmh_back_from_user(void)
{
}
#endif

/**
 * kmh_outside() - AFFINITY, HOTPLUG, AWAIT, FORK, USER
 * @op: what to do
 * @out: how it ended
 */
void kmh_outside(const struct kmh_op *op, struct kmh_outcome *out)
{
	if ((op->code == KMH_OP_AFFINITY || op->code == KMH_OP_HOTPLUG) && !errand_ended()) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	switch (op->code) {
	case KMH_OP_AFFINITY:
		errand.code = op->code;
		affinity(op, out);
		break;
	case KMH_OP_HOTPLUG:
		errand.code = op->code;
		hotplug(op, out);
		break;
	case KMH_OP_AWAIT:
		await(out);
		break;
	case KMH_OP_FORK:
		fork(out);
		break;
	default:
		leave_mapped(op, out);
	}
}

/**
 * kmh_outside_reset() - end the errand, and bring a CPU back that was taken away
 *
 * When no task of ours is left: nothing stands in its way any more.
 */
void kmh_outside_reset(void)
{
	if (errand.thread)
		kthread_stop(errand.thread);
	errand.thread = NULL;
	errand.done = 1;
	if (gone_cpu >= 0 && !cpu_online(gone_cpu))
		add_cpu(gone_cpu);
	gone_cpu = -1;
}
