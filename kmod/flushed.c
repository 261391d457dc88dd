// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page tables held when a flush began.
 *
 * A flush does its work only if the translation has left the page table before: the CPU may
 * load one that is still there again at once.  So the probes look at the entries as the flush
 * begins, and the observation of the step looks at them again.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <asm/highmem.h>

#include "kmh.h"

static u64 pte_at_flush[LAST_PKMAP];	/* of each slot, when its last flush began */
static bool slot_flushed[LAST_PKMAP];	/* since the last observation */
static bool slot_uncounted[LAST_PKMAP];	/* the count said free, and yet it had a PTE */
static bool any_slot_flushed;

static atomic_t window_popped_early;
static unsigned long unmapping;		/* the page that an operation unmaps, or 0 */
static bool unmapped_flushed;		/* its entry was flushed before anybody could take it */

/**
 * kmh_flushed_unmapping() - say which address an operation unmaps from the windows
 * @address: any of its page, or 0 when that is done
 */
void kmh_flushed_unmapping(unsigned long address)
{
	WRITE_ONCE(unmapped_flushed, false);
	WRITE_ONCE(unmapping, address & PAGE_MASK);
}

/**
 * kmh_flushed_range() - remember the slots of a range whose flush begins
 * @start: first address of the range
 * @end: the address after its last
 */
void kmh_flushed_range(unsigned long start, unsigned long end)
{
	const int *counts = kmh_symbols.pkmap_count;
	unsigned int slot;

	any_slot_flushed = true;
	for (slot = 0; slot < LAST_PKMAP; slot++) {
		if (PKMAP_ADDR(slot) < start || PKMAP_ADDR(slot) >= end)
			continue;
		slot_flushed[slot] = true;
		pte_at_flush[slot] = kmh_pte_read(&kmh_pkmap_ptes[slot]);
		slot_uncounted[slot] = counts && !READ_ONCE(counts[slot]) && pte_at_flush[slot];
	}
}

NOKPROBE_SYMBOL(kmh_flushed_range);

/*
 * Whether the stack of mappings no longer holds an entry that is flushed.  It should: an
 * interrupt that comes between a pop and the flush would get the entry.
 */
static bool entry_popped(unsigned int index)
{
	int cpu = raw_smp_processor_id();
	int entry = kmh_window_entry(cpu, index);

	return entry >= 0 && entry >= kmh_depth(current, cpu);
}

NOKPROBE_SYMBOL(entry_popped);

/**
 * kmh_flushed_page() - see whether the entry that is unmapped may be taken when it is flushed
 * @address: the address that is flushed; a kernel may flush others, which were empty before
 *
 * It may also flush the entry once more, as a switch does that flushes a whole window.
 */
void kmh_flushed_page(unsigned long address)
{
	unsigned int index = __virt_to_fix(address);
	pte_t *ptep = kmh_window_ptes - (index - kmh_window_first);

	if (!kmh_in_window(address) || (address & PAGE_MASK) != READ_ONCE(unmapping))
		return;
	if (!entry_popped(index))
		WRITE_ONCE(unmapped_flushed, !kmh_pte_read(ptep));
	else if (!READ_ONCE(unmapped_flushed))
		atomic_inc(&window_popped_early);
}

NOKPROBE_SYMBOL(kmh_flushed_page);

/**
 * kmh_flushed_early() - count the translations whose flush came too early
 *
 * Return: the entries of windows and the slots of pkmap together, at most 255.
 */
u8 kmh_flushed_early(void)
{
	unsigned int slot, early = atomic_read(&window_popped_early);
	u64 before;

	for (slot = 0; any_slot_flushed && slot < LAST_PKMAP; slot++) {
		if (!slot_flushed[slot])
			continue;
		before = pte_at_flush[slot];
		early += slot_uncounted[slot] ||
			 (before && kmh_pte_read(&kmh_pkmap_ptes[slot]) != before);
	}
	return min(early, 255u);
}

/**
 * kmh_flushed_clear() - forget the flushes since the last observation
 */
void kmh_flushed_clear(void)
{
	atomic_set(&window_popped_early, 0);
	if (!any_slot_flushed)
		return;
	memset(slot_flushed, 0, sizeof(slot_flushed));
	any_slot_flushed = false;
}
