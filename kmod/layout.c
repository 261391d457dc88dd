// SPDX-License-Identifier: GPL-2.0-only
/* Where the page tables lie that are watched: the pkmap area's and the windows'. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpumask.h>
#include <linux/moduleparam.h>

#include "kmh.h"

pte_t *kmh_pkmap_ptes;
pte_t *kmh_window_ptes;
unsigned int kmh_window_first;
unsigned int kmh_window_count;

struct kmh_windows kmh_windows = { FIX_KMAP_BEGIN, 1, KMH_WINDOW };
module_param_named(window_first, kmh_windows.first, int, 0444);
MODULE_PARM_DESC(window_first, "fixmap index of entry 0 of the window of CPU 0");
module_param_named(window_entry, kmh_windows.entry, int, 0444);
MODULE_PARM_DESC(window_entry, "fixmap indices from an entry of a window to the next");
module_param_named(window_cpu, kmh_windows.cpu, int, 0444);
MODULE_PARM_DESC(window_cpu, "fixmap indices from an entry of a window to that of the next CPU");

static bool one_window_after_the_other(void)
{
	return kmh_windows.first == FIX_KMAP_BEGIN && kmh_windows.entry == 1 &&
	       kmh_windows.cpu == KMH_WINDOW;
}

/**
 * kmh_window_owner() - tell whose window an entry is in
 * @index: its fixmap index
 *
 * Return: the CPU, or KMH_NO_CPU beside the windows.
 */
unsigned int kmh_window_owner(unsigned int index)
{
	unsigned int cpu;
	int entry;

	if (index < FIX_KMAP_BEGIN)
		return KMH_NO_CPU;
	if (one_window_after_the_other())
		return (index - FIX_KMAP_BEGIN) / KMH_WINDOW;
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		entry = kmh_window_entry(cpu, index);
		if (entry >= 0 && entry < KMH_WINDOW)
			return cpu;
	}
	return KMH_NO_CPU;
}

/* The last entry that is watched: of the CPUs in use and one more, where windows lie in a row. */
static unsigned int last_watched(void)
{
	unsigned int last = FIX_KMAP_BEGIN + KMH_WINDOW * (num_online_cpus() + 1) - 1;

	if (!one_window_after_the_other())
		last = FIX_KMAP_END + KMH_NEIGHBOURS;
	return kmh_arch_window_last(min_t(unsigned int, last, FIX_KMAP_END + KMH_NEIGHBOURS));
}

/*
 * The windows are one linear array of PTEs, descending: the kernel itself indexes
 * them that way (page_table_kmap_check() arranges it at boot), so one walk is enough.
 */
int kmh_layout_init(void)
{
	kmh_pkmap_ptes = kmh_arch_pte(PKMAP_ADDR(0));
	if (!kmh_pkmap_ptes) {
		pr_err("no page table for the pkmap area at %#lx\n", PKMAP_ADDR(0));
		return -ENXIO;
	}
	kmh_window_first = kmh_arch_window_first(KMH_NEIGHBOURS);
	kmh_window_count = last_watched() - kmh_window_first + 1;
	kmh_window_ptes = kmh_arch_pte(__fix_to_virt(kmh_window_first));
	if (!kmh_window_ptes) {
		pr_err("no page table for the windows at fixmap index %u\n", kmh_window_first);
		return -ENXIO;
	}
	return 0;
}
