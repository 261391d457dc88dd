// SPDX-License-Identifier: GPL-2.0-only
/*
 * WORKLOAD: user processes use memory as programs do, and the kernel's own users of mappings
 * work for them: fault handlers, system calls, exec.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/kmod.h>
#include <linux/sched/signal.h>
#include <linux/umh.h>

#include "kmh.h"

#define REST_MS		50	/* in which others end the mappings that they have right now */
#define NUMBER_ROOM	12

#if KMH_HAS_KMAP_LOCAL
static bool is_ours(const struct task_struct *task)
{
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		if (kmh_tasks[i]->task == task)
			return true;
	}
	return false;
}
#endif

/* Tasks, or in the stack generation CPUs, that have mappings which no task of ours has made. */
static unsigned int count_holders(void)
{
	unsigned int holders = 0;
#if KMH_HAS_KMAP_LOCAL
	struct task_struct *leader, *task;

	rcu_read_lock();
	for_each_process_thread(leader, task)
		holders += kmh_depth(task, 0) != 0 && !is_ours(task);
	rcu_read_unlock();
#else
	int cpu;

	for_each_online_cpu(cpu)
		holders += kmh_depth(current, cpu) != 0;
#endif
	return holders;
}

/* Whether a CPU's window is empty, but for what the current task has mapped there. */
static bool window_empty(int cpu)
{
	unsigned int i = 0;

	if (KMH_HAS_KMAP_LOCAL && cpu == raw_smp_processor_id())
		i = max_t(int, kmh_depth(current, cpu), 0);
	for (; i < KMH_WINDOW; i++) {
		if (kmh_walk(kmh_window_address(cpu, i)))
			return false;
	}
	return true;
}

static bool windows_empty(void)
{
	int cpu;

	for_each_online_cpu(cpu) {
		if (!window_empty(cpu))
			return false;
	}
	return true;
}

/* Other tasks may be in the middle of a mapping: what is left after a while is nobody's. */
static unsigned int left_behind(void)
{
	unsigned int holders = count_holders();
	unsigned int waited;

	for (waited = 0; waited < REST_MS && (holders || !windows_empty()); waited++) {
		usleep_range(1000, 2000);
		holders = count_holders();
	}
	return holders;
}

static void report_end(u32 status)
{
	const struct kmh_checkpoint end = { .stage = KMH_CHECKPOINT_END, .error = status };

	kmh_checkpoints_add(&end, left_behind());
}

/**
 * kmh_workload() - execute WORKLOAD
 * @op: names the kind and the seed
 * @out: set to how it ended
 *
 * The program is executed by a worker of the kernel, as helpers of the kernel are, and this
 * task sleeps until it and its children have ended.
 */
void kmh_workload(const struct kmh_op *op, struct kmh_outcome *out)
{
	char kind[NUMBER_ROOM], seed[NUMBER_ROOM];
	char *arguments[4], *environment[1];
	int status;

	if (op->reg >= KMH_WORKLOADS) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	snprintf(kind, sizeof(kind), "%u", op->reg);
	snprintf(seed, sizeof(seed), "%u", op->value);
	arguments[0] = KMH_WORKLOAD_NAME;
	arguments[1] = kind;
	arguments[2] = seed;
	arguments[3] = NULL;
	environment[0] = NULL;
	kmh_checkpoints_begin();
	status = call_usermodehelper(KMH_WORKLOAD_PROGRAM, arguments, environment,
				     UMH_WAIT_PROC);
	if (status == KMH_WORKLOAD_LACKING << 8)
		out->status = KMH_ST_NOT_APPLICABLE;
	else
		report_end(status);
	kmh_checkpoints_end(out->status == KMH_ST_OK);
}
