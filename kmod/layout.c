// SPDX-License-Identifier: GPL-2.0-only
/* Facts about the kernel: constants it was compiled with and what it found at boot. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/utsname.h>
#include <asm/cpufeature.h>
#include <asm/fixmap.h>
#include <asm/highmem.h>
#include <asm/memtype.h>
#include <asm/processor.h>

#include "kmh.h"

#define HASH_ORDER 7	/* PA_HASH_ORDER of mm/highmem.c, 2.6.12 to 7.3 */

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
	unsigned int level, last;

	kmh_pkmap_ptes = lookup_address(PKMAP_ADDR(0), &level);
	if (!kmh_pkmap_ptes || level != PG_LEVEL_4K) {
		pr_err("no page table for the pkmap area at %#lx\n", PKMAP_ADDR(0));
		return -ENXIO;
	}
	kmh_window_first = FIX_KMAP_BEGIN - KMH_NEIGHBOURS;
	last = FIX_KMAP_BEGIN + KMH_WINDOW * (num_online_cpus() + 1) - 1;
	last = min_t(unsigned int, last, FIX_KMAP_END + KMH_NEIGHBOURS);
	last = min_t(unsigned int, last, __end_of_permanent_fixed_addresses - 1);
	kmh_window_count = last - kmh_window_first + 1;
	kmh_window_ptes = lookup_address(__fix_to_virt(kmh_window_first), &level);
	if (!kmh_window_ptes || level != PG_LEVEL_4K) {
		pr_err("no page table for the windows at fixmap index %u\n", kmh_window_first);
		return -ENXIO;
	}
	return 0;
}

static u32 config_bits(void)
{
	u32 bits = 0;

	bits |= IS_ENABLED(CONFIG_X86_PAE) ? KMH_CFG_PAE : 0;
	bits |= IS_ENABLED(CONFIG_SMP) ? KMH_CFG_SMP : 0;
	bits |= IS_ENABLED(CONFIG_PREEMPT_RT) ? KMH_CFG_RT : 0;
	bits |= IS_ENABLED(CONFIG_PREEMPT_COUNT) ? KMH_CFG_PREEMPT_COUNT : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_HIGHMEM) ? KMH_CFG_DEBUG_HIGHMEM : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL) ? KMH_CFG_DEBUG_KMAP_LOCAL : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP) ? KMH_CFG_FORCE_MAP : 0;
	bits |= IS_ENABLED(CONFIG_HIGHPTE) ? KMH_CFG_HIGHPTE : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) ? KMH_CFG_DEBUG_ATOMIC_SLEEP : 0;
	bits |= IS_ENABLED(CONFIG_PROVE_LOCKING) ? KMH_CFG_PROVE_LOCKING : 0;
	bits |= boot_cpu_has(X86_FEATURE_PTI) ? KMH_CFG_PTI : 0;
	bits |= __supported_pte_mask & _PAGE_NX ? KMH_CFG_NX : 0;
	bits |= pat_enabled() ? KMH_CFG_PAT : 0;
	bits |= KMH_HAS_TO_PAGE_LOCAL ? KMH_CFG_TO_PAGE_LOCAL : 0;
	bits |= KMH_HAS_KMAP_ATOMIC_PROT ? KMH_CFG_ATOMIC_PROT : 0;
	return bits;
}

static u32 evidence_bits(void)
{
	u32 bits = kmh_probes_available() | KMH_EV_DEPTH;

	bits |= kmh_symbols.pkmap_count ? KMH_EV_COUNTS : 0;
	bits |= kmh_symbols.last_pkmap_nr ? KMH_EV_CURSOR : 0;
	bits |= kmh_symbols.pkmap_map_wait ? KMH_EV_WAITERS : 0;
	bits |= KMH_HAS_MIGRATE ? KMH_EV_MIGRATE : 0;
	bits |= IS_ENABLED(CONFIG_PREEMPT_COUNT) ? KMH_EV_PREEMPT : 0;
	return bits;
}

static void layout_constants(struct kmh_info *info)
{
	u64 prot = pgprot_val(kmap_prot) & __supported_pte_mask;

	info->pkmap_base = PKMAP_BASE;
	info->last_pkmap = LAST_PKMAP;
	info->fixaddr_top = FIXADDR_TOP;
	info->fix_kmap_begin = FIX_KMAP_BEGIN;
	info->fix_kmap_end = FIX_KMAP_END;
	info->window = KMH_WINDOW;
	info->nr_cpus = NR_CPUS;
	info->online_cpus = num_online_cpus();
	info->page_offset = PAGE_OFFSET;
	info->high_memory = (u32)high_memory;
	info->fixaddr_start = FIXADDR_START;
	info->hz = HZ;
	info->kmap_prot_lo = prot;
	info->kmap_prot_hi = prot >> 32;
	info->hash_shift = HASH_ORDER;
	info->struct_page_size = sizeof(struct page);
}

/* What pfn_pte() makes of each protection, which depends on the CPU's PAT and NX. */
static void layout_prots(struct kmh_info *info)
{
	unsigned int i;
	u64 prot;

	for (i = 0; i < KMH_PROTS; i++) {
		prot = pgprot_val(kmh_prot(i)) & __supported_pte_mask;
		info->prot_lo[i] = prot;
		info->prot_hi[i] = prot >> 32;
	}
}

static void layout_addresses(struct kmh_info *info)
{
#ifdef CONFIG_FLATMEM
	info->mem_map = (u32)mem_map;
#endif
	info->pkmap_count = (u32)kmh_symbols.pkmap_count;
	info->last_pkmap_nr = (u32)kmh_symbols.last_pkmap_nr;
	info->pkmap_page_table = (u32)kmh_symbols.pkmap_page_table;
	info->pkmap_map_wait = (u32)kmh_symbols.pkmap_map_wait;
	info->page_address_htable = (u32)kmh_symbols.page_address_htable;
	info->text_anchor = (u32)kunmap_high;
	info->swapper_pg_dir = (u32)__va(read_cr3_pa());
	info->typed_top = kmh_typed_top;
	info->typed_count = kmh_typed_count;
	info->step_counter = (u32)&kmh_work;
#if KMH_HAS_KMAP_LOCAL
	info->kmap_ctrl_offset = offsetof(struct task_struct, kmap_ctrl);
#endif
}

/**
 * kmh_info() - everything the host must know before it believes anything
 * @info: filled in
 */
void kmh_info(struct kmh_info *info)
{
	struct sysinfo memory;

	memset(info, 0, sizeof(*info));
	si_meminfo(&memory);
	info->version = KMH_PROTOCOL_VERSION;
	info->generation = KMH_HAS_KMAP_LOCAL ? KMH_GEN_LOCAL : KMH_GEN_STACK;
	info->config = config_bits();
	info->evidence = evidence_bits();
	info->highmem_pages = memory.totalhigh;
	info->lowmem_pages = memory.totalram - memory.totalhigh;
	layout_constants(info);
	layout_prots(info);
	layout_addresses(info);
	strscpy(info->release, utsname()->release, sizeof(info->release));
	strscpy(info->build, utsname()->version, sizeof(info->build));
}
