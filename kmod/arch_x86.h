/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * 32-bit x86: page table entries, registers at a probe, the TLB and the cycle counter.
 *
 * The differences between kernel versions that only this architecture has stand here too;
 * all others stand in compat.h.
 */
#ifndef KMAP_HARNESS_ARCH_X86_H
#define KMAP_HARNESS_ARCH_X86_H

#include <linux/io-mapping.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <asm/fixmap.h>
#include <asm/highmem.h>
#include <asm/iomap.h>
#include <asm/pgtable.h>
#include <asm/tsc.h>

#include "protocol.h"

/* The kernel's addresses begin here; those below belong to user space. */
#define KMH_ARCH_KERNEL_START	PAGE_OFFSET

/* The fixmap has this many indices, the ones that only early boot uses included. */
#define KMH_ARCH_FIXMAP_INDICES	__end_of_fixed_addresses

/* What kmh_arch_areas() lists: vmalloc, LDT, cpu_entry_area and fixmap. */
#define KMH_ARCH_AREAS	4

/* The bits of an entry that ATTRIBUTE compares, also those of a large page. */
#define KMH_ARCH_ATTRIBUTES	(_PAGE_RW | _PAGE_PWT | _PAGE_PCD)

/* Whether two entries have the same; UC and UC- are both uncached. */
static inline bool kmh_arch_same_attributes(u64 a, u64 b)
{
	u64 mask = a & b & _PAGE_PCD ? _PAGE_RW : KMH_ARCH_ATTRIBUTES;

	return !((a ^ b) & mask);
}

/* Functions that the probes of KMH_EV_FLUSH_CPU and KMH_EV_INVLPG are placed on. */
#define KMH_ARCH_FLUSH_ALL	"do_flush_tlb_all"	/* one CPU drops all its translations */
#define KMH_ARCH_FLUSH_PAGE	"flush_tlb_one_kernel"	/* this CPU drops one page's */

/*
 * The function that changes the kernel's text where no other CPU runs.  text_poke() wants a
 * mutex that is not exported; nobody can hold it then.
 */
#define KMH_ARCH_POKE		"text_poke_kgdb"

/* The kernel is compiled with -mregparm=3: arguments of a function at its entry. */
#define kmh_arch_argument_1(regs)	((regs)->ax)
#define kmh_arch_argument_2(regs)	((regs)->dx)

/* The return address of a function at its entry. */
#define kmh_arch_caller(regs)	regs_get_kernel_stack_nth(regs, 0)

/* ptep_get_lockless() of PAE is for user PTEs; kernel ones are read half by half, low first. */
static inline u64 kmh_pte_read(const pte_t *ptep)
{
#ifdef CONFIG_X86_PAE
	u32 low = READ_ONCE(ptep->pte_low);

	return low | (u64)READ_ONCE(ptep->pte_high) << 32;
#else
	return READ_ONCE(ptep->pte_low);
#endif
}

static inline bool kmh_arch_global(u64 pte)
{
	return pte & _PAGE_GLOBAL;
}

/* Whether two PTEs translate alike: the CPU itself sets the bits that are left out. */
static inline bool kmh_arch_same_pte(u64 a, u64 b)
{
	return !((a ^ b) & ~(u64)(_PAGE_ACCESSED | _PAGE_DIRTY));
}

static inline unsigned long kmh_pte_pfn(u64 pte)
{
	return (pte & PTE_PFN_MASK) >> PAGE_SHIFT;
}

/* Plain stores into a page table, without any flush. */
static inline void kmh_arch_set_pte(pte_t *ptep, struct page *page, pgprot_t prot)
{
	set_pte(ptep, mk_pte(page, prot));
}

static inline void kmh_arch_clear_pte(unsigned long address, pte_t *ptep)
{
	native_pte_clear(NULL, address, ptep);
}

/* Drop the translation of one page on this CPU. */
static inline void kmh_arch_flush_page(unsigned long address)
{
	asm volatile("invlpg (%0)" : : "r" (address) : "memory");
}

static inline u64 kmh_arch_cycles(void)
{
	return rdtsc();
}

static inline u64 kmh_arch_cycles_per_ms(void)
{
	return tsc_khz;
}

/* __iomap_local_pfn_prot(): e66f6e095486 (5.11, and 5.10-rt); iomap_atomic_prot_pfn() before. */
#ifdef CONFIG_KMAP_LOCAL
#define kmh_iomap(pfn, prot)	__iomap_local_pfn_prot(pfn, prot)
#define kmh_iounmap(address)	kunmap_local((void __force *)(address))
#define KMH_IOMAP_ATOMIC	0
#else
#define kmh_iomap(pfn, prot)	iomap_atomic_prot_pfn(pfn, prot)
#define kmh_iounmap(address)	iounmap_atomic(address)
#define KMH_IOMAP_ATOMIC	1
#endif

/* arch_x86_gate.c: the thunk, and what it calls */

struct kmh_gate_frame;

void kmh_gate_thunk(void);
void kmh_gate_release(void);
void kmh_trap_wait(void);
extern u8 kmh_trap_rooms[];
unsigned int kmh_gate_before(struct kmh_gate_frame *frame);
void kmh_gate_after(struct kmh_gate_frame *frame);

#endif
