// SPDX-License-Identifier: GPL-2.0-only
/* Where the page tables lie that are watched: the pkmap area's and the windows'. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpumask.h>

#include "kmh.h"

pte_t *kmh_pkmap_ptes;
pte_t *kmh_window_ptes;
unsigned int kmh_window_first;
unsigned int kmh_window_count;

/*
 * The windows are one linear array of PTEs, descending: the kernel itself indexes
 * them that way (page_table_kmap_check() arranges it at boot), so one walk is enough.
 */
int kmh_layout_init(void)
{
	unsigned int last;

	kmh_pkmap_ptes = kmh_arch_pte(PKMAP_ADDR(0));
	if (!kmh_pkmap_ptes) {
		pr_err("no page table for the pkmap area at %#lx\n", PKMAP_ADDR(0));
		return -ENXIO;
	}
	kmh_window_first = kmh_arch_window_first(KMH_NEIGHBOURS);
	last = FIX_KMAP_BEGIN + KMH_WINDOW * (num_online_cpus() + 1) - 1;
	last = min_t(unsigned int, last, FIX_KMAP_END + KMH_NEIGHBOURS);
	kmh_window_count = kmh_arch_window_last(last) - kmh_window_first + 1;
	kmh_window_ptes = kmh_arch_pte(__fix_to_virt(kmh_window_first));
	if (!kmh_window_ptes) {
		pr_err("no page table for the windows at fixmap index %u\n", kmh_window_first);
		return -ENXIO;
	}
	return 0;
}
