// SPDX-License-Identifier: GPL-2.0-only
/* 32-bit x86: what an instruction that drops translations covers, from the registers. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <linux/uaccess.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "kmh.h"

/* The types of INVPCID. */
#define INVPCID_ADDRESS		0
#define INVPCID_CONTEXT		1
#define INVPCID_ALL		2
#define INVPCID_ALL_BUT_GLOBAL	3

struct invpcid_descriptor {
	u64 pcid;
	u64 address;
};

/* The value of a register by its number in the instruction set. */
static unsigned long register_value(struct pt_regs *regs, u8 number)
{
	switch (number) {
	case 0:
		return regs->ax;
	case 1:
		return regs->cx;
	case 2:
		return regs->dx;
	case 3:
		return regs->bx;
	case 4:
		return kernel_stack_pointer(regs);
	case 5:
		return regs->bp;
	case 6:
		return regs->si;
	case 7:
		return regs->di;
	default:
		return 0;
	}
}

NOKPROBE_SYMBOL(register_value);

static unsigned long memory_operand(const struct kmh_flush_site *site, struct pt_regs *regs)
{
	return register_value(regs, site->base) +
	       register_value(regs, site->index) * site->scale + site->displacement;
}

NOKPROBE_SYMBOL(memory_operand);

static enum kmh_covered described(unsigned long type, unsigned long descriptor,
				  unsigned long *address)
{
	struct invpcid_descriptor what;

	switch (type) {
	case INVPCID_ADDRESS:
		if (copy_from_kernel_nofault(&what, (void *)descriptor, sizeof(what)))
			return KMH_COVERED_NOTHING;
		*address = what.address;
		return KMH_COVERED_PAGE_BUT_GLOBAL;
	case INVPCID_ALL:
		return KMH_COVERED_ALL;
	default:
		return KMH_COVERED_ALL_BUT_GLOBAL;
	}
}

NOKPROBE_SYMBOL(described);

/**
 * kmh_arch_covered() - find out what a flush covers that begins now on this CPU
 * @site: the instruction
 * @regs: the registers before it
 * @address: set to an address of the page, where it covers one
 *
 * Return: which translations it drops.
 */
enum kmh_covered kmh_arch_covered(const struct kmh_flush_site *site, struct pt_regs *regs,
				  unsigned long *address)
{
	unsigned long changed;

	switch (site->kind) {
	case KMH_FLUSH_PAGE:
		*address = memory_operand(site, regs);
		return KMH_COVERED_PAGE;
	case KMH_FLUSH_ROOT:
		return KMH_COVERED_ALL_BUT_GLOBAL;
	case KMH_FLUSH_CONTROL:
		changed = register_value(regs, site->reg) ^ __read_cr4();
		return changed & X86_CR4_PGE ? KMH_COVERED_ALL : KMH_COVERED_NOTHING;
	default:
		return described(register_value(regs, site->reg), memory_operand(site, regs),
				 address);
	}
}

NOKPROBE_SYMBOL(kmh_arch_covered);

/**
 * kmh_arch_flush_all() - drop all translations of this CPU, the global ones too
 *
 * Called with interrupts off.
 */
void kmh_arch_flush_all(void)
{
	unsigned long cr4 = __read_cr4();

	if (!(cr4 & X86_CR4_PGE)) {
		native_write_cr3(__native_read_cr3());
		return;
	}
	asm volatile("mov %0, %%cr4" : : "r" (cr4 & ~X86_CR4_PGE) : "memory");
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
}
