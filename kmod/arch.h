/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The architecture that the module is built for.
 *
 * All other files reach the architecture through the names that arch_x86.h and arch_x86.c
 * define.  To add an architecture, add a header and its C files with the same names, include
 * the header here and list the C files in Kbuild.
 */
#ifndef KMAP_HARNESS_ARCH_H
#define KMAP_HARNESS_ARCH_H

#ifdef CONFIG_X86_32
#include "arch_x86.h"
#else
#error "kmap-harness: no arch_*.h describes this architecture"
#endif

/* The addresses that the instructions of mm/highmem.c name; 0 for each that was not found. */
struct kmh_decoded {
	u32 pkmap_count;
	u32 last_pkmap_nr;
	u32 pkmap_page_table;
	u32 pkmap_map_wait;
	u32 page_address_htable;
};

void kmh_arch_decode(struct kmh_decoded *found, unsigned long flush_all_zero_pkmaps,
		     const pte_t *pkmap_ptes);

/* The translations that a flush drops. */
enum kmh_covered {
	KMH_COVERED_NOTHING,
	KMH_COVERED_PAGE,
	KMH_COVERED_PAGE_BUT_GLOBAL,	/* of one page, unless it is global */
	KMH_COVERED_ALL,
	KMH_COVERED_ALL_BUT_GLOBAL,
};

enum kmh_covered kmh_arch_covered(const struct kmh_flush_site *site, struct pt_regs *regs,
				  unsigned long *address);
void kmh_arch_flush_all(void);

/*
 * What a call that goes through the module does.  before() says whether after() shall be
 * called, too.  wanted() says whether a thread may wait before the access to an address; it is
 * called in the exception of a breakpoint.  poke() is the kernel's function KMH_ARCH_POKE.
 */
struct kmh_gate_hooks {
	void *(*poke)(void *address, const void *code, size_t length);
	bool (*before)(unsigned int gate, unsigned long argument, bool interrupts);
	void (*after)(unsigned int gate, bool interrupts);
	bool (*wanted)(unsigned long address);
};

int kmh_arch_gate_check(const struct kmh_gate *gate);
int kmh_arch_gates_arm(const struct kmh_gate *wanted, unsigned int n,
		       const struct kmh_gate_hooks *hooks);
void kmh_arch_gates_disarm(void);
void kmh_arch_trap_add(unsigned int number, const struct kmh_gate *gate, unsigned long site,
		       const struct kmh_gate_hooks *hooks);
void kmh_arch_traps_begin(void);
void kmh_arch_traps_end(void);
void kmh_arch_traps_place(bool place);

pte_t *kmh_arch_entry(unsigned long address);
pte_t *kmh_arch_pte(unsigned long address);
u32 kmh_arch_page_directory(void);
unsigned int kmh_arch_window_first(unsigned int neighbours);
unsigned int kmh_arch_window_last(unsigned int last);
void kmh_arch_device_init(void);
pgprot_t kmh_arch_prot(u8 prot);
u64 kmh_arch_pte_flags(pgprot_t prot);
u32 kmh_arch_config(void);
unsigned int kmh_arch_areas(struct kmh_area *areas);
void kmh_arch_cpu_entry(unsigned int cpu, u32 *first, u32 *last);
int kmh_arch_set_uncached(unsigned long address, bool uncached);
int kmh_arch_set_caching(struct page *page, u8 prot);

#endif
