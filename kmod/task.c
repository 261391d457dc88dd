// SPDX-License-Identifier: GPL-2.0-only
/* The records of tasks, and how long the module waits for one. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/module.h>
#include <linux/moduleparam.h>

#include "kmh.h"

struct kmh_task *kmh_tasks[KMH_MAX_TASKS];
unsigned int kmh_n_tasks;
bool kmh_casualty;
bool kmh_lock_lost;

unsigned int kmh_patience_ms = 10000;
module_param_named(patience_ms, kmh_patience_ms, uint, 0644);
MODULE_PARM_DESC(patience_ms, "ms that a task may neither end nor sleep in the pkmap queue");

/**
 * kmh_died() - tell whether a task has ended
 * @t: the task
 *
 * Return: true once it has left its CPU, and its windows with it.
 */
bool kmh_died(const struct kmh_task *t)
{
	return READ_ONCE(t->task->exit_state) && !kmh_on_cpu(t->task);
}

/**
 * kmh_any_blocked() - tell whether a task sleeps in kmap and was reported as blocked
 *
 * Return: true if one does.
 */
bool kmh_any_blocked(void)
{
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		if (atomic_read(&kmh_tasks[i]->phase) == KMH_PHASE_BLOCKED)
			return true;
	}
	return false;
}
