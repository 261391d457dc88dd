// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state that the host knows: shadow copies of the live structures.  After an operation
 * they are compared, and the differences reported as deltas.  Nothing here maps, allocates,
 * sleeps or faults while it compares.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/vmalloc.h>
#include <asm/highmem.h>

#include "kmh.h"

#define UNROLL		8	/* words compared in one turn; each table is a multiple */

static int shadow_counts[LAST_PKMAP] __aligned(64);
static pte_t shadow_ptes[LAST_PKMAP] __aligned(64);
static pte_t *shadow_window;
static pte_t *shadow_typed;

int kmh_shadow_init(void)
{
	BUILD_BUG_ON(LAST_PKMAP % UNROLL);

	shadow_window = vzalloc(kmh_window_count * sizeof(*shadow_window));
	shadow_typed = vzalloc(kmh_typed_count * sizeof(*shadow_typed));
	if (!shadow_window || !shadow_typed) {
		kmh_shadow_exit();
		return -ENOMEM;
	}
	kmh_shadow_resync();
	return 0;
}

void kmh_shadow_exit(void)
{
	vfree(shadow_window);
	vfree(shadow_typed);
}

/* The window's PTEs descend in memory as their index rises. */
static pte_t *window_pte(unsigned int i)
{
	return kmh_window_ptes - i;
}

static pte_t copy_pte(const pte_t *ptep)
{
	u64 value = kmh_pte_read(ptep);

	return __pte(value);
}

/**
 * kmh_shadow_resync() - take the live state as the one that the host knows
 *
 * Called after a snapshot, which reports everything at once.
 */
void kmh_shadow_resync(void)
{
	unsigned int i;

	for (i = 0; i < LAST_PKMAP; i++) {
		shadow_counts[i] = kmh_slot_count(i);
		kmh_stale_slot(i, kmh_pte_read(&kmh_pkmap_ptes[i]));
		shadow_ptes[i] = copy_pte(&kmh_pkmap_ptes[i]);
	}
	for (i = 0; i < kmh_window_count; i++) {
		kmh_stale_window(i, kmh_pte_read(window_pte(i)), NULL);
		shadow_window[i] = copy_pte(window_pte(i));
	}
	/* No step has changed what was found in passing. */
	kmh_stale_report();
	for (i = 0; i < kmh_typed_count; i++)
		shadow_typed[i] = __pte(kmh_typed_pte(i));
	kmh_probes_clear();
}

static u32 page_address_of_pte(u64 pte)
{
	unsigned long pfn = kmh_pte_pfn(pte);

	return pte && pfn_valid(pfn) ? kmh_page_address(pfn_to_page(pfn)) : 0;
}

static void report_slot(struct kmh_obs *obs, unsigned int slot)
{
	int count = kmh_slot_count(slot);
	u64 before = kmh_pte_read(&shadow_ptes[slot]);
	u64 pte = kmh_pte_read(&kmh_pkmap_ptes[slot]);

	if (count == shadow_counts[slot] && pte == before)
		return;
	kmh_answer_add(obs, KMH_DELTA_PKMAP, 0, slot, count, pte,
		       page_address_of_pte(pte ?: before));
	if (pte != before)
		kmh_stale_slot(slot, pte);
	shadow_counts[slot] = count;
	shadow_ptes[slot] = copy_pte(&kmh_pkmap_ptes[slot]);
}

/* Compare UNROLL words in one OR chain: under emulation branches, calls and returns cost most. */
static __always_inline bool words_differ(const u32 *a, const u32 *b)
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) |
		(a[4] ^ b[4]) | (a[5] ^ b[5]) | (a[6] ^ b[6]) | (a[7] ^ b[7])) != 0;
}

#define PTES_PER_TURN	(UNROLL * sizeof(u32) / sizeof(pte_t))

static void scan_pkmap(struct kmh_obs *obs)
{
	const u32 *counts = (const u32 *)(kmh_symbols.pkmap_count ?: shadow_counts);
	const u32 *known = (const u32 *)shadow_counts;
	unsigned int slot, i, turn;
	bool changed;

	for (slot = 0; slot < LAST_PKMAP; slot += UNROLL) {
		changed = words_differ(counts + slot, known + slot);
		for (turn = slot; turn < slot + UNROLL; turn += PTES_PER_TURN)
			changed |= words_differ((const u32 *)&kmh_pkmap_ptes[turn],
						(const u32 *)&shadow_ptes[turn]);
		for (i = slot; changed && i < slot + UNROLL; i++)
			report_slot(obs, i);
	}
}

static void scan_window(struct kmh_obs *obs)
{
	unsigned int i;
	u64 pte;

	for (i = 0; i < kmh_window_count; i++) {
		pte = kmh_pte_read(window_pte(i));
		if (pte == kmh_pte_read(&shadow_window[i]))
			continue;
		kmh_answer_add(obs, KMH_DELTA_WINDOW, 0, kmh_window_first + i, 0, pte, 0);
		kmh_stale_window(i, pte, obs);
		shadow_window[i] = __pte(pte);
	}
}

static void scan_typed(struct kmh_obs *obs)
{
	unsigned int i;
	u64 pte;

	for (i = 0; kmh_typed_used && i < kmh_typed_count; i++) {
		pte = kmh_typed_pte(i);
		if (pte == kmh_pte_read(&shadow_typed[i]))
			continue;
		kmh_answer_add(obs, KMH_DELTA_WINDOW, 0, KMH_TYPED_FIRST + i, 0, pte, 0);
		shadow_typed[i] = __pte(pte);
	}
}

static void scan_pteval(struct kmh_obs *obs, struct kmh_task *t)
{
#if KMH_HAS_KMAP_LOCAL
	const pte_t *saved = t->task->kmap_ctrl.pteval;
	unsigned int i;
	u64 pte;

	for (i = 0; i < KMH_WINDOW; i++) {
		pte = kmh_pte_read(&saved[i]);
		if (pte == kmh_pte_read(&t->pteval[i]))
			continue;
		kmh_answer_add(obs, KMH_DELTA_PTEVAL, 0, i, 0, pte, 0);
		t->pteval[i] = __pte(pte);
	}
#endif
}

/**
 * kmh_shadow_report() - report what differs from the state that the host knows
 * @obs: the newest observation
 * @t: the task whose saved entries are compared too, or NULL
 */
void kmh_shadow_report(struct kmh_obs *obs, struct kmh_task *t)
{
	scan_pkmap(obs);
	scan_window(obs);
	scan_typed(obs);
	if (t)
		scan_pteval(obs, t);
}
