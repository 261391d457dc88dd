// SPDX-License-Identifier: GPL-2.0-only
/*
 * Translations that a CPU may still hold, although the page table has others now.
 *
 * Of each watched entry the module knows the translation that was seen last, and which CPUs
 * have dropped it since: those that executed a flush of its address while the page table no
 * longer had it.  A CPU may load a translation that is still in the page table at once
 * again, so that a flush before the entry has changed counts for nothing.
 *
 * Any CPU may hold a translation of pkmap; one of a window only the CPU that maps there.
 *
 * The one who observes changes what is known of an entry; handlers on any CPU mark it clean.
 * "turn" rises with each change and is odd while it is made: a mark is the turn that it was
 * made for, so that a mark for an earlier translation is none for this one.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/kprobes.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <asm/highmem.h>

#include "kmh.h"

struct translation {
	u64 pte;		/* seen last, or 0 */
	u32 turn;
	u16 cpu;		/* of a window: who may have loaded it */
};

static struct translation known_slots[LAST_PKMAP];
static struct translation *known_windows;
static u32 *slot_marks;			/* LAST_PKMAP for each CPU */
static u32 *window_marks;		/* of the CPU that may have loaded it */
static bool knows_local;		/* a translation that was not global has been seen */

static DECLARE_BITMAP(left_slots, LAST_PKMAP);	/* none now, and yet on some CPU */
static struct kmh_stale found;

int kmh_stale_init(void)
{
	known_windows = vzalloc(kmh_window_count * sizeof(*known_windows));
	window_marks = vzalloc(kmh_window_count * sizeof(*window_marks));
	slot_marks = vzalloc(array3_size(nr_cpu_ids, LAST_PKMAP, sizeof(*slot_marks)));
	if (known_windows && window_marks && slot_marks)
		return 0;
	kmh_stale_exit();
	return -ENOMEM;
}

void kmh_stale_exit(void)
{
	vfree(known_windows);
	vfree(window_marks);
	vfree(slot_marks);
}

/* ---- handlers: this CPU drops translations ---- */

static void mark(const struct translation *t, const pte_t *ptep, u32 *clean, bool global)
{
	u32 turn = READ_ONCE(t->turn);
	u64 pte = t->pte;

	if (!pte || turn & 1 || (!global && kmh_arch_global(pte)))
		return;
	if (!kmh_arch_same_pte(kmh_pte_read(ptep), pte))
		*clean = turn;
}

NOKPROBE_SYMBOL(mark);

static void mark_window(unsigned int i, int cpu, bool global)
{
	if (i < kmh_window_count && known_windows[i].cpu == cpu)
		mark(&known_windows[i], kmh_window_ptes - i, &window_marks[i], global);
}

NOKPROBE_SYMBOL(mark_window);

/**
 * kmh_stale_page() - this CPU drops the translation of a page
 * @address: any address of the page
 * @global: also where it is global
 */
void kmh_stale_page(unsigned long address, bool global)
{
	int cpu = raw_smp_processor_id();
	unsigned int slot;

	if (address < PKMAP_ADDR(0))
		return;
	if (address < PKMAP_ADDR(LAST_PKMAP)) {
		slot = PKMAP_NR(address);
		mark(&known_slots[slot], &kmh_pkmap_ptes[slot],
		     &slot_marks[cpu * LAST_PKMAP + slot], global);
	} else if (kmh_in_window(address)) {
		mark_window(__virt_to_fix(address) - kmh_window_first, cpu, global);
	}
}

NOKPROBE_SYMBOL(kmh_stale_page);

/**
 * kmh_stale_all() - this CPU drops its translations
 * @global: also those that are global
 */
void kmh_stale_all(bool global)
{
	unsigned int slot, i, cpu = raw_smp_processor_id();

	if (!global && !READ_ONCE(knows_local))
		return;
	for (slot = 0; slot < LAST_PKMAP; slot++)
		mark(&known_slots[slot], &kmh_pkmap_ptes[slot],
		     &slot_marks[cpu * LAST_PKMAP + slot], global);
	/* What does not fit in the window of the stack generation spills into the next. */
	for (i = 0; i < KMH_WINDOW * (KMH_HAS_KMAP_LOCAL ? 1 : 2); i++)
		mark_window(kmh_window_index(cpu, i) - kmh_window_first, cpu, global);
}

NOKPROBE_SYMBOL(kmh_stale_all);

static void flush_this_cpu(void *unused)
{
	kmh_arch_flush_all();
	kmh_stale_all(true);
}

/**
 * kmh_stale_start_over() - let every CPU drop all its translations
 *
 * Called where flushes could not be watched for a while.
 */
void kmh_stale_start_over(void)
{
	on_each_cpu(flush_this_cpu, NULL, 1);
}

/* ---- the observer ---- */

static bool slot_clean(unsigned int slot)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (READ_ONCE(slot_marks[cpu * LAST_PKMAP + slot]) != known_slots[slot].turn)
			return false;
	}
	return true;
}

static bool window_clean(unsigned int i)
{
	return !cpu_online(known_windows[i].cpu) ||
	       READ_ONCE(window_marks[i]) == known_windows[i].turn;
}

static void learn(struct translation *t, u64 pte)
{
	WRITE_ONCE(t->turn, t->turn + 1);
	smp_wmb();	/* handlers that see a part of the new PTE see an odd turn */
	t->pte = pte;
	smp_wmb();	/* and an even one only with the whole */
	WRITE_ONCE(t->turn, t->turn + 1);
	if (pte && !kmh_arch_global(pte))
		WRITE_ONCE(knows_local, true);
}

static void count_reused(unsigned long address)
{
	if (!found.reused++)
		found.reused_address = address;
}

/**
 * kmh_stale_slot() - a slot has another PTE than when it was seen last
 * @slot: the slot
 * @pte: what it has now
 */
void kmh_stale_slot(unsigned int slot, u64 pte)
{
	u64 before = known_slots[slot].pte;
	bool clean = !before || slot_clean(slot);

	if (!pte && !clean) {
		__set_bit(slot, left_slots);
		return;
	}
	__clear_bit(slot, left_slots);
	if (pte && !clean && !kmh_arch_same_pte(before, pte))
		count_reused(PKMAP_ADDR(slot));
	learn(&known_slots[slot], pte);
}

/* The CPU that maps in an entry: not its owner where the stack of another one is too deep. */
static unsigned int loader(unsigned int index, const struct kmh_obs *obs)
{
	int entry;

	if (KMH_HAS_KMAP_LOCAL || !obs)
		return kmh_window_owner(index);
	entry = kmh_window_entry(obs->cpu, index);
	if (entry >= (int)KMH_WINDOW && entry < obs->depth)
		return obs->cpu;
	return kmh_window_owner(index);
}

/**
 * kmh_stale_window() - an entry of the windows has another PTE than when it was seen last
 * @i: the entry, counted from the first that is watched
 * @pte: what it has now
 * @obs: the newest observation, or NULL
 */
void kmh_stale_window(unsigned int i, u64 pte, const struct kmh_obs *obs)
{
	struct translation *t = &known_windows[i];
	bool clean = !t->pte || window_clean(i);
	unsigned int cpu = loader(kmh_window_first + i, obs);

	if (cpu >= nr_cpu_ids || (!pte && !clean))
		return;
	if (pte && !clean && !kmh_arch_same_pte(t->pte, pte))
		count_reused(__fix_to_virt(kmh_window_first + i));
	if (pte)
		t->cpu = cpu;
	learn(t, pte);
}

/**
 * kmh_stale_report() - report what was found since the last call
 *
 * Slots that were left are found again each time, until every CPU has dropped them.
 *
 * Return: the findings, valid until the next call.
 */
const struct kmh_stale *kmh_stale_report(void)
{
	static struct kmh_stale report;
	unsigned int slot;

	report = found;
	memset(&found, 0, sizeof(found));
	for_each_set_bit(slot, left_slots, LAST_PKMAP) {
		if (slot_clean(slot)) {
			__clear_bit(slot, left_slots);
			learn(&known_slots[slot], 0);
		} else if (!report.left++) {
			report.left_address = PKMAP_ADDR(slot);
		}
	}
	return &report;
}
