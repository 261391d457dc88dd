// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done to a task from outside: others change its affinity, or take its CPU away.
 * Such a request may have to wait for a mapping, so a thread of its own makes it: the errand.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>

#include "kmh.h"

#define REFUSE_MS	200	/* a request that does not end in this time waits for a mapping */

static struct {
	struct task_struct *thread;
	u8 code, cpu;
	bool online;
	struct kmh_task *target;
	int result;
	u32 done;
} errand = { .done = 1 };

static int offline_cpu = -1;	/* which the module took offline, or -1 */

static int start_cpu(unsigned int cpu)
{
	int error;

	kmh_flush_sites_pause();
	error = add_cpu(cpu);
	kmh_flush_sites_resume();
	return error;
}

static int errand_main(void *data)
{
	if (errand.code == KMH_OP_AFFINITY)
		errand.result = set_cpus_allowed_ptr(errand.target->task, cpumask_of(errand.cpu));
	else
		errand.result = errand.online ? start_cpu(errand.cpu) : remove_cpu(errand.cpu);
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
static bool mapping_in_the_way(void)
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

/* Return: true if it has ended; false if it waits for a mapping, or for too long. */
static bool errand_wait(void)
{
	unsigned long start = jiffies;

	while (!errand_ended()) {
		unsigned int most = mapping_in_the_way() ? REFUSE_MS : kmh_patience_ms;

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
	if (out->value && !mapping_in_the_way())
		out->status = KMH_ST_STUCK;
	else if (!out->value && errand.result)
		out->status = KMH_ST_REFUSED;
}

static void change_affinity(const struct kmh_op *op, struct kmh_outcome *out)
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

static void plug_cpu(const struct kmh_op *op, struct kmh_outcome *out)
{
	u8 cpu = op->value;
	unsigned int i;

	errand.online = op->value >> 8;
	if (!cpu || cpu >= nr_cpu_ids || cpu_online(cpu) == errand.online ||
	    (errand.online && offline_cpu != cpu) || (!errand.online && offline_cpu >= 0)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	errand.cpu = cpu;
	offline_cpu = errand.online ? -1 : cpu;
	for (i = 0; !errand.online && i < kmh_n_tasks; i++) {
		if (kmh_tasks[i]->cpu == cpu)
			kmh_tasks[i]->cpu = KMH_TASK_UNBOUND;
	}
	errand_run(out);
}

static void await_errand(struct kmh_outcome *out)
{
	if (!errand.thread || (!errand_wait() && mapping_in_the_way())) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	if (!errand_ended())
		out->status = KMH_ST_STUCK;
	out->value = errand.result;
}

/**
 * kmh_outside() - execute AFFINITY, HOTPLUG, AWAIT, FORK, WORKLOAD or USER
 * @op: the operation
 * @out: set to how it ended
 */
void kmh_outside(const struct kmh_op *op, struct kmh_outcome *out)
{
	if (kmh_op_flags(op->code) & KMH_OPF_ERRAND && !errand_ended()) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	switch (op->code) {
	case KMH_OP_AFFINITY:
		errand.code = op->code;
		change_affinity(op, out);
		break;
	case KMH_OP_HOTPLUG:
		errand.code = op->code;
		plug_cpu(op, out);
		break;
	case KMH_OP_AWAIT:
		await_errand(out);
		break;
	case KMH_OP_FORK:
		kmh_fork(out);
		break;
	case KMH_OP_WORKLOAD:
		kmh_workload(op, out);
		break;
	default:
		kmh_leave_mapped(op, out);
	}
}

/**
 * kmh_outside_reset() - end the errand, and bring back the CPU that was taken away
 *
 * Called when no task is left: no mapping is in the way any more.
 */
void kmh_outside_reset(void)
{
	if (errand.thread)
		kthread_stop(errand.thread);
	errand.thread = NULL;
	errand.done = 1;
	if (offline_cpu >= 0 && !cpu_online(offline_cpu))
		start_cpu(offline_cpu);
	offline_cpu = -1;
}
