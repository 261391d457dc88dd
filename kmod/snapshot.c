// SPDX-License-Identifier: GPL-2.0-only
/* The whole state at once, read from the live structures while all tasks are at rest. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpumask.h>
#include <asm/highmem.h>

#include "kmh.h"

#define PTEVAL_ENTRIES	(KMH_HAS_KMAP_LOCAL ? KMH_WINDOW : 0)

static size_t snapshot_size(void)
{
	return sizeof(struct kmh_snapshot) + LAST_PKMAP * sizeof(struct kmh_slot) +
	       kmh_window_count * sizeof(struct kmh_pte) +
	       kmh_n_tasks * (sizeof(struct kmh_ctrl) + PTEVAL_ENTRIES * sizeof(struct kmh_pte)) +
	       kmh_n_pages * sizeof(u32) + kmh_typed_count * sizeof(struct kmh_pte);
}

static void *put_snapshot_pte(void *out, const pte_t *ptep)
{
	u64 value = kmh_pte_read(ptep);
	struct kmh_pte *pte = out;

	pte->lo = value;
	pte->hi = value >> 32;
	return pte + 1;
}

static void *put_slots(void *out)
{
	struct kmh_slot *slot = out;
	unsigned int i;

	for (i = 0; i < LAST_PKMAP; i++, slot++) {
		slot->count = kmh_slot_count(i);
		put_snapshot_pte(&slot->pte_lo, &kmh_pkmap_ptes[i]);
	}
	return slot;
}

static void *put_task(void *out, const struct kmh_task *t)
{
	struct kmh_ctrl *ctrl = out;

	ctrl->state = atomic_read(&t->phase) == KMH_PHASE_BLOCKED ? KMH_ST_BLOCKED : t->status;
	ctrl->cpu = task_cpu(t->task);
	ctrl->depth = KMH_HAS_KMAP_LOCAL ? kmh_depth(t->task, ctrl->cpu) : 0;
	ctrl->step = t->step;
	out = ctrl + 1;
#if KMH_HAS_KMAP_LOCAL
	{
		unsigned int i;

		for (i = 0; i < KMH_WINDOW; i++)
			out = put_snapshot_pte(out, &t->task->kmap_ctrl.pteval[i]);
	}
#endif
	return out;
}

static void *put_typed(void *out)
{
	struct kmh_pte *pte = out;
	unsigned int i;

	for (i = 0; i < kmh_typed_count; i++, pte++) {
		pte->lo = kmh_typed_pte(i);
		pte->hi = kmh_typed_pte(i) >> 32;
	}
	return pte;
}

/* The next observation reports changes since this snapshot, also those of the tasks. */
static void resync_task(struct kmh_task *t)
{
#if KMH_HAS_KMAP_LOCAL
	memcpy(t->pteval, t->task->kmap_ctrl.pteval, sizeof(t->pteval));
#endif
}

static void put_header(struct kmh_snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->step = kmh_step;
	snapshot->hash = kmh_hash;
	snapshot->cursor = kmh_cursor();
	snapshot->waiters = kmh_waiters();
	snapshot->last_pkmap = LAST_PKMAP;
	snapshot->window_first = kmh_window_first;
	snapshot->n_window = kmh_window_count;
	snapshot->n_tasks = kmh_n_tasks;
	snapshot->n_pages = kmh_n_pages;
	snapshot->n_typed = kmh_typed_count;
	snapshot->pteval_entries = PTEVAL_ENTRIES;
#if !KMH_HAS_KMAP_LOCAL
	{
		unsigned int cpu;

		for_each_online_cpu(cpu) {
			if (cpu < ARRAY_SIZE(snapshot->cpu_depth))
				snapshot->cpu_depth[cpu] = per_cpu(__kmap_atomic_idx, cpu);
		}
	}
#endif
}

/**
 * kmh_snapshot() - write a snapshot, and make it the base of later deltas
 * @out: room for it
 * @room: size of @out in bytes
 *
 * Return: bytes written, or -E2BIG.
 */
int kmh_snapshot(void *out, size_t room)
{
	void *start = out;
	unsigned int i;
	u32 *address;

	kmh_assert_request();
	if (snapshot_size() > room)
		return -E2BIG;
	put_header(out);
	out = put_slots(out + sizeof(struct kmh_snapshot));
	for (i = 0; i < kmh_window_count; i++)
		out = put_snapshot_pte(out, kmh_window_ptes - i);
	for (i = 0; i < kmh_n_tasks; i++) {
		out = put_task(out, kmh_tasks[i]);
		resync_task(kmh_tasks[i]);
	}
	for (i = 0, address = out; i < kmh_n_pages; i++)
		*address++ = (u32)page_address(kmh_pages[i].page);
	out = put_typed(address);
	kmh_shadow_resync();
	return out - start;
}
