// SPDX-License-Identifier: GPL-2.0-only
/*
 * One observation: what is seen of the kernel after an operation.  Nothing here maps,
 * allocates, sleeps or faults.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include "kmh.h"

/* Tasks whose blocked kmap has ended: the step that let them go reports their results. */
static void report_others(struct kmh_obs *obs, struct kmh_task *self)
{
	struct kmh_task *t;
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		t = kmh_tasks[i];
		if (t == self)
			continue;
		if (atomic_read(&t->phase) == KMH_PHASE_FINISHED) {
			atomic_set(&t->phase, KMH_PHASE_IDLE);
			t->status = KMH_ST_OK;
			kmh_answer_add(obs, KMH_DELTA_DONE, i, 0, t->blocked_step, t->result,
				       kmh_page_address(kmh_page(t->blocked_page)));
		} else if (t->alive && !t->exits && atomic_read(&t->phase) != KMH_PHASE_DEAD &&
			   kmh_died(t)) {
			/* A task that sleeps does so in kmap(): it dies with kmap_lock. */
			kmh_lock_lost |= atomic_read(&t->phase) == KMH_PHASE_BLOCKED;
			atomic_set(&t->phase, KMH_PHASE_DEAD);
			kmh_casualty = true;
			kmh_answer_add(obs, KMH_DELTA_DEAD, i, 0, 0, 0, 0);
		}
	}
}

/* The context of the task itself; of another task, only what its task_struct says. */
static void observe_context(struct kmh_obs *obs, const struct kmh_task *t)
{
	bool self = t && t->task == current;

	if (self) {
		obs->cpu = raw_smp_processor_id();
		obs->preempt_count = kmh_preempt_count();
		obs->flags |= irqs_disabled() ? KMH_OBS_IRQS_OFF : 0;
		obs->flags |= kmh_in_hardirq() ? KMH_OBS_HARDIRQ : 0;
		obs->flags |= in_serving_softirq() ? KMH_OBS_SOFTIRQ : 0;
	} else if (t) {
		obs->cpu = task_cpu(t->task);
	}
	obs->flags |= kmh_page_address_allowed() ? 0 : KMH_OBS_NO_PAGE_ADDRESS;
	if (!t)
		return;
	obs->pagefault_disabled = t->task->pagefault_disabled;
	obs->migration_disabled = kmh_migration_disabled(t->task);
	obs->depth = kmh_depth(t->task, obs->cpu);
}

static u8 saturated(const atomic_t *value)
{
	return min(atomic_read(value), 255);
}

static void observe_counters(struct kmh_obs *obs)
{
	obs->flush_scans = saturated(&kmh_counters.flush_scans);
	obs->flush_ranges = saturated(&kmh_counters.flush_ranges);
	obs->flush_cpus = saturated(&kmh_counters.flush_cpus);
	obs->flush_dirty = kmh_flushed_early();
	obs->flush_odd = saturated(&kmh_counters.flush_odd);
	obs->invlpgs = saturated(&kmh_counters.invlpgs);
	obs->invlpg_address = atomic_read(&kmh_counters.invlpg_address);
	obs->wakes = saturated(&kmh_counters.wakes);
	obs->warns = saturated(&kmh_counters.warns);
	obs->messages = saturated(&kmh_counters.messages);
	kmh_probes_clear();
}

static void observe_stale(struct kmh_obs *obs)
{
	const struct kmh_stale *stale = kmh_stale_report();

	obs->stale_reused = min(stale->reused, 255u);
	obs->stale_left = min(stale->left, 255u);
	obs->stale_address = stale->reused ? stale->reused_address : stale->left_address;
}

static void observe_result(struct kmh_obs *obs, const struct kmh_op *op,
			   const struct kmh_outcome *out)
{
	u64 pte = out->address ? kmh_walk(out->address) : 0;

	obs->code = op->code;
	obs->task = op->task;
	obs->status = out->status;
	obs->value = out->value;
	obs->cycles = out->cycles;
	obs->pte_lo = pte;
	obs->pte_hi = pte >> 32;
	obs->page_address = kmh_page_address(kmh_page(op->page));
}

/**
 * kmh_observe() - append the observation of one operation to the answer
 * @t: its task, or NULL where the operation named none
 * @op: the operation
 * @out: how it ended
 *
 * The task itself calls this, in the context that the operation ran in.  Only where the task
 * sleeps, died, or was refused, whoever has the baton calls it.
 */
void kmh_observe(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out)
{
	struct kmh_obs *obs = kmh_answer_observation();

	obs->step = kmh_step++;
	observe_result(obs, op, out);
	observe_context(obs, t);
	observe_counters(obs);
	obs->cursor = kmh_cursor();
	obs->waiters = kmh_waiters();
	kmh_shadow_report(obs, t);
	observe_stale(obs);
	if (t) {
		t->status = out->status;
		t->step = obs->step;
		t->last_cpu = obs->cpu;
	}
	report_others(obs, t);
	kmh_instant_report(t, obs);
	kmh_checkpoints_report(obs);
	kmh_answer_seal(obs);
	if (obs->messages)
		kmh_marker(obs->step);
}
