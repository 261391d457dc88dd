// SPDX-License-Identifier: GPL-2.0-only
/* Address operands, page walks, and accesses whose faults are caught. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/uaccess.h>
#include <asm/fixmap.h>
#include <asm/highmem.h>

#include "kmh.h"

u32 kmh_registers[KMH_MAX_REGISTERS];

/**
 * kmh_operand() - compute the address that an operation names
 * @op: the operation
 * @address: set to that address
 *
 * Return: false if a register or page of that name does not exist.
 */
bool kmh_operand(const struct kmh_op *op, unsigned long *address)
{
	struct page *page;

	switch (op->base) {
	case KMH_BASE_REG:
		if (op->reg >= KMH_MAX_REGISTERS)
			return false;
		*address = kmh_registers[op->reg] + op->offset;
		return true;
	case KMH_BASE_FIXMAP:
		*address = __fix_to_virt((unsigned int)op->reg) + op->offset;
		/* Small configurations have only early entries behind the windows. */
		return op->reg < KMH_ARCH_FIXMAP_INDICES;
	case KMH_BASE_PKMAP:
		*address = PKMAP_ADDR((unsigned long)op->reg) + op->offset;
		return true;
	case KMH_BASE_DIRECT:
		page = kmh_page(op->page);
		if (!page || PageHighMem(page))
			return false;
		*address = (unsigned long)page_address(page) + op->offset;
		return true;
	case KMH_BASE_ABSOLUTE:
		*address = op->offset;
		return true;
	}
	return false;
}

/**
 * kmh_walk() - read the PTE that maps an address, by a walk of the kernel's page tables
 * @address: kernel address
 *
 * Return: the entry, also one of a large page; 0 where a higher level maps nothing.
 */
u64 kmh_walk(unsigned long address)
{
	const pte_t *ptep = kmh_arch_entry(address);

	return ptep ? kmh_pte_read(ptep) : 0;
}

/**
 * kmh_load() - load 32 bits; the exception table catches a page fault
 * @address: kernel address
 * @value: set to the word that was read
 *
 * Return: false if the access faulted.
 */
bool kmh_load(unsigned long address, u32 *value)
{
	__get_kernel_nofault(value, (u32 *)address, u32, fault);
	return true;
fault:
	return false;
}

/**
 * kmh_store() - store 32 bits; the exception table catches a page fault
 * @address: kernel address
 * @value: the word to write
 *
 * Return: false if the access faulted.
 */
bool kmh_store(unsigned long address, u32 value)
{
	__put_kernel_nofault((u32 *)address, &value, u32, fault);
	return true;
fault:
	return false;
}

/**
 * kmh_set_pte() - overwrite a PTE with a plain store, without any flush
 * @address: the address whose PTE is written
 * @page: the page to map, or NULL for none
 * @prot: the protection of the mapping
 *
 * Return: false if the address has no PTE of a 4 KiB page.
 */
bool kmh_set_pte(unsigned long address, struct page *page, pgprot_t prot)
{
	pte_t *ptep;

	if (address < PKMAP_ADDR(0))
		return false;
	ptep = kmh_arch_pte(address);
	if (!ptep)
		return false;
	if (page)
		kmh_arch_set_pte(ptep, page, prot);
	else
		kmh_arch_clear_pte(address, ptep);
	return true;
}

/**
 * kmh_in_window() - tell whether an unmap of an address takes a slot off a stack
 * @address: the argument of the unmap
 *
 * Return: true inside the windows of all CPUs, both ends included as in the kernel.
 */
bool kmh_in_window(unsigned long address)
{
	address &= PAGE_MASK;
	return address >= __fix_to_virt(FIX_KMAP_END) && address <= __fix_to_virt(FIX_KMAP_BEGIN);
}
