// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the page tables held when a flush was asked for.
 *
 * A flush does its work only if the translation is gone from the page table before:
 * one that is still there may be loaded again at once, on any CPU.  So the entries are
 * looked at as the flush begins, and again when the step is observed.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <asm/highmem.h>

#include "kmh.h"

static u64 at_flush[LAST_PKMAP];	/* PTE of each slot when its last flush began; 0 for none */
static bool flushed[LAST_PKMAP];	/* since the last observation */
static bool uncounted[LAST_PKMAP];	/* a PTE was there, though the count said free */
static bool any_flushed;

static atomic_t window_early;

/**
 * kmh_flushed_range() - remember the slots of a range whose flush begins
 * @start: first address, within or below the pkmap area
 * @end: the address after the last
 */
void kmh_flushed_range(unsigned long start, unsigned long end)
{
	const int *counts = kmh_symbols.pkmap_count;
	unsigned int slot;

	any_flushed = true;
	for (slot = 0; slot < LAST_PKMAP; slot++) {
		if (PKMAP_ADDR(slot) < start || PKMAP_ADDR(slot) >= end)
			continue;
		flushed[slot] = true;
		at_flush[slot] = kmh_pte_read(&kmh_pkmap_ptes[slot]);
		uncounted[slot] = counts && !READ_ONCE(counts[slot]) && at_flush[slot];
	}
}

NOKPROBE_SYMBOL(kmh_flushed_range);

/*
 * The stack of mappings still holds what an unmap flushes: an interrupt that comes between
 * a pop and the flush would be given the entry.
 */
static bool popped(unsigned int index)
{
	int cpu = raw_smp_processor_id();
	int entry = (int)index - (int)(FIX_KMAP_BEGIN + KMH_WINDOW * cpu);

	return entry >= 0 && entry >= kmh_depth(current, cpu);
}

NOKPROBE_SYMBOL(popped);

/**
 * kmh_flushed_page() - look at a window's entry whose flush begins
 * @address: in the window
 */
void kmh_flushed_page(unsigned long address)
{
	unsigned int index = __virt_to_fix(address);

	if (!kmh_in_window(address))
		return;
	if (kmh_pte_read(kmh_window_ptes - (index - kmh_window_first)) || popped(index))
		atomic_inc(&window_early);
}

NOKPROBE_SYMBOL(kmh_flushed_page);

/**
 * kmh_flushed_early() - translations that were flushed before they were gone
 *
 * Return: entries of windows and slots of pkmap, at most 255.
 */
u8 kmh_flushed_early(void)
{
	unsigned int slot, early = atomic_read(&window_early);

	for (slot = 0; any_flushed && slot < LAST_PKMAP; slot++) {
		if (!flushed[slot])
			continue;
		early += uncounted[slot] ||
			 (at_flush[slot] && kmh_pte_read(&kmh_pkmap_ptes[slot]) != at_flush[slot]);
	}
	return min(early, 255u);
}

/**
 * kmh_flushed_clear() - forget what was seen since the last observation
 */
void kmh_flushed_clear(void)
{
	atomic_set(&window_early, 0);
	if (!any_flushed)
		return;
	memset(flushed, 0, sizeof(flushed));
	any_flushed = false;
}
