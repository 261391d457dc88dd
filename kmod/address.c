// SPDX-License-Identifier: GPL-2.0-only
/* Address operands, page walks, and accesses whose faults are caught. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/uaccess.h>
#include <asm/fixmap.h>
#include <asm/highmem.h>

#include "kmh.h"

u32 kmh_registers[KMH_MAX_REGISTERS];

/**
 * kmh_operand() - the address an operation names
 * @op: the operation
 * @address: set to it
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
		/* A small configuration has no permanent entry behind the windows, only early ones. */
		return op->reg < __end_of_fixed_addresses;
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
 * kmh_walk() - the PTE that maps an address, by a walk of the kernel's page tables
 * @address: kernel address
 *
 * Return: the entry, also of a large page; 0 where nothing is mapped at a higher level.
 */
u64 kmh_walk(unsigned long address)
{
	unsigned int level;
	pte_t *ptep;

	if (address < PAGE_OFFSET)
		return 0;
	ptep = lookup_address(address, &level);
	return ptep ? kmh_pte_read(ptep) : 0;
}

/**
 * kmh_prot() - the kernel's protection value for one of the wire's
 * @prot: enum kmh_prot
 *
 * Return: the value that a driver would pass to the ``*_prot`` functions.
 */
pgprot_t kmh_prot(u8 prot)
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
	default:
		return PAGE_KERNEL;
	}
}

/**
 * kmh_load() - 32-bit load; a page fault is caught by the exception table
 * @address: kernel address
 * @value: set to what was read
 *
 * Return: false if it faulted.
 */
bool kmh_load(unsigned long address, u32 *value)
{
	__get_kernel_nofault(value, (u32 *)address, u32, fault);
	return true;
fault:
	return false;
}

/**
 * kmh_store() - 32-bit store; a page fault is caught by the exception table
 * @address: kernel address
 * @value: what to write
 *
 * Return: false if it faulted.
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
 * @address: whose PTE
 * @page: to map, or NULL for none
 * @prot: flags
 *
 * Return: false if the address has no PTE of a 4 KiB page.
 */
bool kmh_set_pte(unsigned long address, struct page *page, pgprot_t prot)
{
	unsigned int level;
	pte_t *ptep;

	if (address < PKMAP_ADDR(0))
		return false;
	ptep = lookup_address(address, &level);
	if (!ptep || level != PG_LEVEL_4K)
		return false;
	if (page)
		set_pte(ptep, mk_pte(page, prot));
	else
		native_pte_clear(NULL, address, ptep);
	return true;
}

/**
 * kmh_in_window() - whether an unmap of this address takes a slot off a stack
 * @address: as given to the unmap
 *
 * Return: true inside the windows of all CPUs, both ends included as in the kernel.
 */
bool kmh_in_window(unsigned long address)
{
	address &= PAGE_MASK;
	return address >= __fix_to_virt(FIX_KMAP_END) && address <= __fix_to_virt(FIX_KMAP_BEGIN);
}
