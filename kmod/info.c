// SPDX-License-Identifier: GPL-2.0-only
/* Facts about the kernel: how it was configured and what it found at boot. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/cpumask.h>
#include <linux/utsname.h>
#include <asm/fixmap.h>
#include <asm/highmem.h>

#include "kmh.h"

static u32 config_bits(void)
{
	u32 bits = kmh_arch_config();

	bits |= IS_ENABLED(CONFIG_SMP) ? KMH_CFG_SMP : 0;
	bits |= IS_ENABLED(CONFIG_PREEMPT_RT) ? KMH_CFG_RT : 0;
	bits |= IS_ENABLED(CONFIG_PREEMPT_COUNT) ? KMH_CFG_PREEMPT_COUNT : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_HIGHMEM) ? KMH_CFG_DEBUG_HIGHMEM : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL) ? KMH_CFG_DEBUG_KMAP_LOCAL : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP) ? KMH_CFG_FORCE_MAP : 0;
	bits |= IS_ENABLED(CONFIG_HIGHPTE) ? KMH_CFG_HIGHPTE : 0;
	bits |= IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) ? KMH_CFG_DEBUG_ATOMIC_SLEEP : 0;
	bits |= IS_ENABLED(CONFIG_PROVE_LOCKING) ? KMH_CFG_PROVE_LOCKING : 0;
	bits |= KMH_HAS_TO_PAGE_LOCAL ? KMH_CFG_TO_PAGE_LOCAL : 0;
	bits |= KMH_HAS_KMAP_ATOMIC_PROT ? KMH_CFG_ATOMIC_PROT : 0;
	bits |= KMH_HAS_FOLIO ? KMH_CFG_FOLIOS : 0;
	bits |= KMH_HELPERS_LOCAL ? KMH_CFG_HELPERS_LOCAL : 0;
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
	u64 prot = kmh_arch_pte_flags(kmap_prot);

	info->pkmap_base = PKMAP_BASE;
	info->last_pkmap = LAST_PKMAP;
	info->fixaddr_top = FIXADDR_TOP;
	info->fix_kmap_begin = FIX_KMAP_BEGIN;
	info->fix_kmap_end = FIX_KMAP_END;
	info->window = KMH_WINDOW;
	info->window_first = kmh_windows.first;
	info->window_entry = kmh_windows.entry;
	info->window_cpu = kmh_windows.cpu;
	info->nr_cpus = NR_CPUS;
	info->online_cpus = num_online_cpus();
	info->page_offset = PAGE_OFFSET;
	info->high_memory = (u32)high_memory;
	info->fixaddr_start = FIXADDR_START;
	info->hz = HZ;
	info->kmap_prot_lo = prot;
	info->kmap_prot_hi = prot >> 32;
	info->hash_shift = KMH_HASH_ORDER;
	info->struct_page_size = sizeof(struct page);
}

static void layout_prots(struct kmh_info *info)
{
	unsigned int i;
	u64 prot;

	for (i = 0; i < KMH_PROTS; i++) {
		prot = kmh_arch_pte_flags(kmh_arch_prot(i));
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
	info->swapper_pg_dir = kmh_arch_page_directory();
	info->typed_top = kmh_typed_top;
	info->typed_count = kmh_typed_count;
	info->helpers = kmh_helpers();
	info->step_counter = (u32)&kmh_work;
#if KMH_HAS_KMAP_LOCAL
	info->kmap_ctrl_offset = offsetof(struct task_struct, kmap_ctrl);
#endif
}

/**
 * kmh_info() - collect what the host must know before it judges a step
 * @info: this function fills it in
 */
void kmh_info(struct kmh_info *info)
{
	struct sysinfo memory;
	unsigned int i;

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
	for (i = 0; i < KMH_FUNCTIONS; i++)
		info->instructions[i] = kmh_trigger_instructions(i);
	strscpy(info->release, utsname()->release, sizeof(info->release));
	strscpy(info->build, utsname()->version, sizeof(info->build));
}
