// SPDX-License-Identifier: GPL-2.0-only
/* Mapping and unmapping, by the kernel's real functions, inlines included. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>

#include "kmh.h"

/* kunmap_local() and kmap_local_page(): 5.11, and 5.10-rt. */
static void *map_local(const struct kmh_op *op, struct page *page, struct kmh_outcome *out)
{
	void *address = NULL;

	kmh_clock_start(out);
#if KMH_HAS_KMAP_LOCAL
	if (op->code == KMH_OP_KMAP_LOCAL)
		address = kmap_local_page(page);
	else if (op->code == KMH_OP_KMAP_LOCAL_PROT)
		address = kmap_local_page_prot(page, kmh_arch_prot(op->prot));
#if KMH_HAS_FOLIO
	else if (op->code == KMH_OP_KMAP_LOCAL_FOLIO)
		address = kmap_local_folio(page_folio(page), op->value);
#endif
	else if (op->code == KMH_OP_KMAP_LOCAL_PFN)
		address = kmap_local_pfn(page_to_pfn(page));
	else
		out->status = KMH_ST_NOT_APPLICABLE;
#else
	out->status = KMH_ST_NOT_APPLICABLE;
#endif
	kmh_clock_stop(out);
	return address;
}

static void *map_atomic(const struct kmh_op *op, struct page *page, struct kmh_outcome *out)
{
	void *address = NULL;

	kmh_clock_start(out);
	if (op->code == KMH_OP_KMAP_ATOMIC)
		address = kmap_atomic(page);
#if KMH_HAS_KMAP_ATOMIC_PROT
	else if (op->code == KMH_OP_KMAP_ATOMIC_PROT)
		address = kmap_atomic_prot(page, kmh_arch_prot(op->prot));
	else if (op->code == KMH_OP_KMAP_ATOMIC_PFN)
		address = kmap_atomic_pfn(page_to_pfn(page));
#endif
	else
		out->status = KMH_ST_NOT_APPLICABLE;
	kmh_clock_stop(out);
	return address;
}

static void *map_persistent(struct kmh_task *t, const struct kmh_op *op, struct page *page,
			    struct kmh_outcome *out)
{
	void *address;

	WRITE_ONCE(t->in_kmap, true);
	kmh_clock_start(out);
	address = kmap(page);
	kmh_clock_stop(out);
	WRITE_ONCE(t->in_kmap, false);
	if (PageHighMem(page))
		atomic_inc(&kmh_pages[op->page].kmaps);
	return address;
}

static void *map_by_kind(struct kmh_task *t, const struct kmh_op *op, struct page *page,
			 struct kmh_outcome *out)
{
	u32 flags = kmh_op_flags(op->code);
	void *address;

	if (flags & KMH_OPF_PKMAP)
		return map_persistent(t, op, page, out);
	if (flags & KMH_OPF_ATOMIC) {
		address = map_atomic(op, page, out);
		if (out->status == KMH_ST_OK)
			kmh_hold(t, KMH_HOLD_ATOMIC, (unsigned long)address);
	} else if (flags & KMH_OPF_LOCAL) {
		address = map_local(op, page, out);
		if (kmh_in_window((unsigned long)address))
			kmh_hold(t, KMH_HOLD_LOCAL, (unsigned long)address);
	} else {
		address = (void __force *)kmh_iomap(page_to_pfn(page), kmh_arch_prot(op->prot));
		kmh_hold(t, KMH_HOLD_IOMAP, (unsigned long)address);
	}
	return address;
}

static bool behind_folio(const struct kmh_op *op, struct page *page)
{
	return op->value >= page_size(compound_head(page));
}

/**
 * kmh_execute_map() - map a page and keep its address in a register
 * @t: the current task
 * @op: an operation that maps
 * @out: set to how it ended
 */
void kmh_execute_map(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);

	if (!page || op->reg >= KMH_MAX_REGISTERS || t->n_held == KMH_MAX_HELD ||
	    (op->code == KMH_OP_KMAP_LOCAL_FOLIO && behind_folio(op, page))) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->value = (u32)map_by_kind(t, op, page, out);
	if (out->status != KMH_ST_OK)
		return;
	out->address = out->value;
	kmh_registers[op->reg] = out->value;
}

/**
 * kmh_execute_kunmap() - unmap a page from the pkmap area
 * @op: names the page
 * @out: set to how it ended
 */
void kmh_execute_kunmap(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);

	if (!page) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->address = kmh_page_address(page);
	kmh_clock_start(out);
	kunmap(page);
	kmh_clock_stop(out);
	if (PageHighMem(page))
		atomic_add_unless(&kmh_pages[op->page].kmaps, -1, 0);
}

static void unmap_local(struct kmh_task *t, unsigned long address, struct kmh_outcome *out)
{
#if KMH_HAS_KMAP_LOCAL
	kmh_clock_start(out);
	kunmap_local((void *)address);
	kmh_clock_stop(out);
	if (kmh_in_window(address))
		kmh_unhold(t, KMH_HOLD_LOCAL, address);
#endif
}

/**
 * kmh_execute_unmap() - unmap an address from the windows
 * @t: the current task
 * @op: an operation that unmaps by address
 * @address: the address
 * @out: gets the time that the kernel took
 */
void kmh_execute_unmap(struct kmh_task *t, const struct kmh_op *op, unsigned long address,
		       struct kmh_outcome *out)
{
	u32 flags = kmh_op_flags(op->code);

	kmh_flushed_unmapping(address);
	if (flags & KMH_OPF_ATOMIC) {
		kmh_clock_start(out);
		kunmap_atomic((void *)address);
		kmh_clock_stop(out);
		kmh_unhold(t, KMH_HOLD_ATOMIC, address);
	} else if (flags & KMH_OPF_LOCAL) {
		unmap_local(t, address, out);
	} else {
		kmh_iounmap((void __iomem __force *)address);
		kmh_unhold(t, KMH_HOLD_IOMAP, address);
	}
	kmh_flushed_unmapping(0);
}
