// SPDX-License-Identifier: GPL-2.0-only
/* Mapping and unmapping, by the kernel's real functions, and what a task holds open. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>

#include "kmh.h"

/**
 * kmh_hold() - remember what a task holds open, for the end of its request
 * @t: the task
 * @kind: enum kmh_hold_kind
 * @address: of the mapping, or 0
 */
void kmh_hold(struct kmh_task *t, u8 kind, unsigned long address)
{
	if (t->n_held < KMH_MAX_HELD) {
		t->held[t->n_held].kind = kind;
		t->held[t->n_held].address = address;
		t->n_held++;
	}
}

/**
 * kmh_unhold() - forget the newest hold of a kind, that of the same page if there is one
 * @t: the task
 * @kind: enum kmh_hold_kind
 * @address: of the mapping, or 0
 */
void kmh_unhold(struct kmh_task *t, u8 kind, unsigned long address)
{
	int i, found = -1;

	for (i = t->n_held - 1; i >= 0; i--) {
		if (t->held[i].kind != kind)
			continue;
		if (found < 0)
			found = i;
		if ((t->held[i].address & PAGE_MASK) == (address & PAGE_MASK)) {
			found = i;
			break;
		}
	}
	if (found < 0)
		return;
	t->n_held--;
	memmove(&t->held[found], &t->held[found + 1], (t->n_held - found) * sizeof(t->held[0]));
}

static void *map_local(const struct kmh_op *op, struct page *page, u8 *status)
{
#if KMH_HAS_KMAP_LOCAL
	switch (op->code) {
	case KMH_OP_KMAP_LOCAL:
		return kmap_local_page(page);
	case KMH_OP_KMAP_LOCAL_PROT:
		return kmap_local_page_prot(page, kmh_prot(op->prot));
	case KMH_OP_KMAP_LOCAL_PFN:
		return kmap_local_pfn(page_to_pfn(page));
	}
#endif
	*status = KMH_ST_NOT_APPLICABLE;
	return NULL;
}

static void *map_atomic(const struct kmh_op *op, struct page *page, u8 *status)
{
	switch (op->code) {
	case KMH_OP_KMAP_ATOMIC:
		return kmap_atomic(page);
#if KMH_HAS_KMAP_ATOMIC_PROT
	case KMH_OP_KMAP_ATOMIC_PROT:
		return kmap_atomic_prot(page, kmh_prot(op->prot));
	case KMH_OP_KMAP_ATOMIC_PFN:
		return kmap_atomic_pfn(page_to_pfn(page));
#endif
	}
	*status = KMH_ST_NOT_APPLICABLE;
	return NULL;
}

static void *map_persistent(const struct kmh_op *op, struct page *page)
{
	void *address = kmap(page);

	if (PageHighMem(page))
		atomic_inc(&kmh_pages[op->page].kmaps);
	return address;
}

static void *map(struct kmh_task *t, const struct kmh_op *op, struct page *page, u8 *status)
{
	void *address;

	switch (op->code) {
	case KMH_OP_KMAP:
		return map_persistent(op, page);
	case KMH_OP_KMAP_ATOMIC:
	case KMH_OP_KMAP_ATOMIC_PROT:
	case KMH_OP_KMAP_ATOMIC_PFN:
		address = map_atomic(op, page, status);
		if (*status == KMH_ST_OK)
			kmh_hold(t, KMH_HOLD_ATOMIC, (unsigned long)address);
		return address;
	case KMH_OP_IOMAP:
		address = (void __force *)kmh_iomap(page_to_pfn(page), kmh_prot(op->prot));
		kmh_hold(t, KMH_HOLD_IOMAP, (unsigned long)address);
		return address;
	default:
		address = map_local(op, page, status);
		if (kmh_in_window((unsigned long)address))
			kmh_hold(t, KMH_HOLD_LOCAL, (unsigned long)address);
		return address;
	}
}

void kmh_execute_map(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);

	if (!page || op->reg >= KMH_MAX_REGISTERS || t->n_held == KMH_MAX_HELD) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->value = (u32)map(t, op, page, &out->status);
	if (out->status != KMH_ST_OK)
		return;
	out->address = out->value;
	kmh_registers[op->reg] = out->value;
}

void kmh_execute_kunmap(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);

	if (!page) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->address = kmh_page_address(page);
	kunmap(page);
	if (PageHighMem(page))
		atomic_add_unless(&kmh_pages[op->page].kmaps, -1, 0);
}

static void unmap_local(struct kmh_task *t, unsigned long address)
{
#if KMH_HAS_KMAP_LOCAL
	kunmap_local((void *)address);
	if (kmh_in_window(address))
		kmh_unhold(t, KMH_HOLD_LOCAL, address);
#endif
}

void kmh_execute_unmap(struct kmh_task *t, const struct kmh_op *op, unsigned long address)
{
	switch (op->code) {
	case KMH_OP_KUNMAP_ATOMIC:
		kunmap_atomic((void *)address);
		kmh_unhold(t, KMH_HOLD_ATOMIC, address);
		break;
	case KMH_OP_IOUNMAP:
		kmh_iounmap((void __iomem __force *)address);
		kmh_unhold(t, KMH_HOLD_IOMAP, address);
		break;
	default:
		unmap_local(t, address);
	}
}

/**
 * kmh_unwind() - close what a task holds open, newest first
 * @t: the current task
 *
 * Atomic sections that a request left open, and everything when the task ends.
 */
void kmh_unwind(struct kmh_task *t)
{
	while (t->n_held) {
		struct kmh_hold *top = &t->held[--t->n_held];

		switch (top->kind) {
		case KMH_HOLD_ATOMIC:
			kunmap_atomic((void *)top->address);
			break;
		case KMH_HOLD_IOMAP:
			kmh_iounmap((void __iomem __force *)top->address);
			break;
		case KMH_HOLD_PREEMPT:
			preempt_enable();
			break;
#if KMH_HAS_KMAP_LOCAL
		case KMH_HOLD_LOCAL:
			kunmap_local((void *)top->address);
			break;
#endif
		}
	}
	if (t->irqs_off) {
		t->irqs_off = false;
		local_irq_enable();
	}
}

/**
 * kmh_atomic() - whether a task must not sleep
 * @t: the task
 *
 * By what the harness made it do: 5.10 without PREEMPT_COUNT does not count.
 *
 * Return: true with interrupts or preemption off, and (but on RT) inside kmap_atomic.
 */
bool kmh_atomic(const struct kmh_task *t)
{
	unsigned int i;

	if (t->irqs_off)
		return true;
	for (i = 0; i < t->n_held; i++) {
		switch (t->held[i].kind) {
		case KMH_HOLD_PREEMPT:
			return true;
		case KMH_HOLD_ATOMIC:
			if (!IS_ENABLED(CONFIG_PREEMPT_RT))
				return true;
			break;
		case KMH_HOLD_IOMAP:
			if (KMH_IOMAP_ATOMIC)
				return true;
			break;
		}
	}
	return false;
}
