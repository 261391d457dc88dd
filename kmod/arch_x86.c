// SPDX-License-Identifier: GPL-2.0-only
/* 32-bit x86: page tables, the bounds of the windows, protections, facts about the CPU. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/mm.h>
#include <linux/set_memory.h>
#include <asm/cpufeature.h>
#include <asm/memtype.h>
#include <asm/processor.h>
#include <asm/tlbflush.h>

#include "kmh.h"

/**
 * kmh_arch_entry() - find the page table entry that maps a kernel address
 * @address: any address
 *
 * Return: the entry, also one of a large page; NULL where a higher level maps nothing, and
 * for every address of user space.
 */
pte_t *kmh_arch_entry(unsigned long address)
{
	unsigned int level;

	return address < PAGE_OFFSET ? NULL : lookup_address(address, &level);
}

/**
 * kmh_arch_pte() - find the page table entry of one small page
 * @address: kernel address
 *
 * Return: the entry, or NULL where the address has no page table of 4 KiB pages.
 */
pte_t *kmh_arch_pte(unsigned long address)
{
	unsigned int level;
	pte_t *ptep = lookup_address(address, &level);

	return ptep && level == PG_LEVEL_4K ? ptep : NULL;
}

/**
 * kmh_arch_page_directory() - find the top level of the page tables that are in use
 *
 * Return: its virtual address.  CR3 of a kernel thread's mm is that of init_mm.
 */
u32 kmh_arch_page_directory(void)
{
	return (u32)__va(read_cr3_pa());
}

/**
 * kmh_arch_window_first() - choose the first fixmap index that is watched
 * @neighbours: how many entries above the windows shall be watched
 *
 * Return: the index.
 */
unsigned int kmh_arch_window_first(unsigned int neighbours)
{
	return FIX_KMAP_BEGIN - neighbours;
}

/**
 * kmh_arch_window_last() - limit the last fixmap index that is watched
 * @last: the index that the caller would like
 *
 * Return: that index, or the last one that has a page table for as long as the kernel runs.
 */
unsigned int kmh_arch_window_last(unsigned int last)
{
	return min_t(unsigned int, last, __end_of_permanent_fixed_addresses - 1);
}

#ifdef CONFIG_X86_PAE
#define DEVICE	0x8000a0000ULL	/* in 32 bits it is the ISA window, always write-back */
#else
#define DEVICE	0xf0000000ULL	/* the hole of PCI, below the APICs */
#endif

static pgprot_t device_prot __ro_after_init;

/**
 * kmh_arch_device_init() - learn which protection a driver gets for its write-combined memory
 *
 * It is the usual one where the kernel refuses: not what any kernel gives for such memory.
 */
void __init kmh_arch_device_init(void)
{
	device_prot = PAGE_KERNEL;
	if (!iomap_create_wc(DEVICE, PAGE_SIZE, &device_prot))
		iomap_free(DEVICE, PAGE_SIZE);
}

/**
 * kmh_arch_prot() - translate one of the wire's protections
 * @prot: enum kmh_prot
 *
 * Return: the value that a driver would pass to the ``*_prot`` functions.
 */
pgprot_t kmh_arch_prot(u8 prot)
{
	switch (prot) {
	case KMH_PROT_RO:
		return PAGE_KERNEL_RO;
	case KMH_PROT_NOCACHE:
		return PAGE_KERNEL_NOCACHE;
	case KMH_PROT_WC:
		return pgprot_writecombine(PAGE_KERNEL);
	case KMH_PROT_EXEC:
		return PAGE_KERNEL_EXEC;
	case KMH_PROT_DEVICE:
		return device_prot;
	default:
		return PAGE_KERNEL;
	}
}

/**
 * kmh_arch_pte_flags() - compute the flags that pfn_pte() makes of a protection
 * @prot: the protection
 *
 * Return: the flags of the entry, which depend on the CPU's PAT and NX.
 */
u64 kmh_arch_pte_flags(pgprot_t prot)
{
	return pgprot_val(prot) & __supported_pte_mask;
}

/**
 * kmh_arch_config() - report the architecture's own configuration
 *
 * Return: KMH_CFG_PAE, KMH_CFG_PTI, KMH_CFG_NX and KMH_CFG_PAT, where they are on.
 */
u32 kmh_arch_config(void)
{
	u32 bits = 0;

	bits |= IS_ENABLED(CONFIG_X86_PAE) ? KMH_CFG_PAE : 0;
	bits |= boot_cpu_has(X86_FEATURE_PTI) ? KMH_CFG_PTI : 0;
	bits |= __supported_pte_mask & _PAGE_NX ? KMH_CFG_NX : 0;
	bits |= pat_enabled() ? KMH_CFG_PAT : 0;
	return bits;
}

/**
 * kmh_arch_areas() - list the areas that only this architecture has, or bounds in its own way
 * @areas: room for KMH_ARCH_AREAS of them
 *
 * Return: how many were written.
 */
unsigned int kmh_arch_areas(struct kmh_area *areas)
{
	u32 entry_end = CPU_ENTRY_AREA_BASE + CPU_ENTRY_AREA_MAP_SIZE;
	const struct kmh_area found[KMH_ARCH_AREAS] = {
		{ KMH_AREA_VMALLOC, 0, VMALLOC_START, VMALLOC_END - 1 },
		{ KMH_AREA_LDT, 0, LDT_BASE_ADDR, LDT_END_ADDR - 1 },
		{ KMH_AREA_ENTRY, 0, CPU_ENTRY_AREA_BASE, entry_end - 1 },
		{ KMH_AREA_FIXMAP, 0, FIXADDR_TOT_START, FIXADDR_TOP + PAGE_SIZE - 1 },
	};

	memcpy(areas, found, sizeof(found));
	return KMH_ARCH_AREAS;
}

/**
 * kmh_arch_cpu_entry() - tell where one CPU's part of cpu_entry_area lies
 * @cpu: any of NR_CPUS
 * @first: gets the address of its first byte
 * @last: gets the address of its last byte
 */
void kmh_arch_cpu_entry(unsigned int cpu, u32 *first, u32 *last)
{
	*first = CPU_ENTRY_AREA_PER_CPU + cpu * CPU_ENTRY_AREA_SIZE;
	*last = *first + CPU_ENTRY_AREA_SIZE - 1;
}

/**
 * kmh_arch_set_uncached() - change the cache attribute of a page of the direct map
 * @address: the page
 * @uncached: the attribute it shall have
 *
 * Each change makes the kernel flush the unused pkmap slots once (change_page_attr_set_clr() calls
 * kmap_flush_unused()): that is what the module wants of it.
 *
 * Return: 0 or a negative errno.
 */
int kmh_arch_set_uncached(unsigned long address, bool uncached)
{
	return uncached ? set_memory_uc(address, 1) : set_memory_wb(address, 1);
}

/**
 * kmh_arch_set_caching() - change how a page is cached, in the direct map
 * @page: the page, in lowmem
 * @prot: KMH_PROT_NOCACHE, KMH_PROT_WC, or another for what is usual
 *
 * Return: 0 or a negative errno.
 */
int kmh_arch_set_caching(struct page *page, u8 prot)
{
	switch (prot) {
	case KMH_PROT_NOCACHE:
		return set_pages_array_uc(&page, 1);
	case KMH_PROT_WC:
		return set_pages_array_wc(&page, 1);
	default:
		return set_pages_array_wb(&page, 1);
	}
}
