// SPDX-License-Identifier: GPL-2.0-only
/*
 * The typed window: kmap_atomic(page, type) as arch/x86/mm/highmem_32.c of 2.6.24 had it.
 *
 * The window is this module's and not the kernel's, since no kernel that can be built today has
 * that interface.  Its page tables and its TLB are real.  The entries lie in a vmalloc area;
 * as in the fixmap, addresses fall as indices rise, and each CPU has a window of KM_TYPE_NR
 * entries: first the windows with the types of 2.6.24, then those with the types of 2.6.32.
 * Unlike kmap_atomic() it leaves preemption to the caller, so that a task can sleep while it has
 * a page mapped, and see what the book warns of.  Where the kernel would BUG, the operation ends
 * as KMH_ST_BUG and changes nothing.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "kmh.h"

static const unsigned int type_nr[KMH_TYPED_ERAS] = { KMH_TYPES_2_6_24, KMH_TYPES_2_6_32 };

unsigned int kmh_typed_count;
unsigned long kmh_typed_top;
bool kmh_typed_used;

static void *typed_area;
static struct page *typed_filler;
static pte_t **typed_ptes;

static unsigned long typed_address(unsigned int index)
{
	return kmh_typed_top - ((unsigned long)index << PAGE_SHIFT);
}

u64 kmh_typed_pte(unsigned int index)
{
	return kmh_pte_read(typed_ptes[index]);
}

static void clear_entry(unsigned int index)
{
	kmh_arch_clear_pte(typed_address(index), typed_ptes[index]);
}

static void flush_address(unsigned long address)
{
	kmh_arch_flush_page(address);
}

/* type + KM_TYPE_NR * smp_processor_id(), counted from the first window of the era */
static bool entry_of(u32 value, unsigned int *index)
{
	unsigned int era = value >> 8, type = value & 0xff;

	if (era >= KMH_TYPED_ERAS || type >= type_nr[era])
		return false;
	*index = type + type_nr[era] * smp_processor_id();
	if (era)
		*index += type_nr[0] * num_online_cpus();
	return true;
}

static void map_typed(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);
	unsigned int index;

	if (!page || op->reg >= KMH_MAX_REGISTERS || !entry_of(op->value, &index)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	if (PageHighMem(page) && kmh_typed_pte(index)) {
		out->status = KMH_ST_BUG;	/* BUG_ON(!pte_none(*(kmap_pte - idx))) */
		return;
	}
	if (PageHighMem(page)) {
		kmh_arch_set_pte(typed_ptes[index], page, kmap_prot);
		out->address = typed_address(index);
	} else {
		out->address = (unsigned long)page_address(page);
	}
	kmh_registers[op->reg] = out->address;
	out->value = out->address;
}

static void unmap_typed(const struct kmh_op *op, struct kmh_outcome *out)
{
	unsigned int index;

	if (!kmh_operand(op, &out->address) || !entry_of(op->value, &index)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	if ((out->address & PAGE_MASK) != typed_address(index))
		return;
	clear_entry(index);
	flush_address(typed_address(index));
}

/**
 * kmh_typed() - execute TYPED_MAP or TYPED_UNMAP
 * @op: the operation; its value is the type, with the era from bit 8 on
 * @out: set to how it ended
 */
void kmh_typed(const struct kmh_op *op, struct kmh_outcome *out)
{
	preempt_disable();
	kmh_typed_used = true;
	if (op->code == KMH_OP_TYPED_MAP)
		map_typed(op, out);
	else
		unmap_typed(op, out);
	preempt_enable();
}

static void forget_everywhere(void *unused)
{
	unsigned int i;

	for (i = 0; i < kmh_typed_count; i++)
		flush_address(typed_address(i));
}

/**
 * kmh_typed_reset() - clear all entries, and their translations on all CPUs
 */
void kmh_typed_reset(void)
{
	unsigned int i;

	if (!kmh_typed_used)
		return;
	for (i = 0; i < kmh_typed_count; i++)
		clear_entry(i);
	on_each_cpu(forget_everywhere, NULL, 1);
	kmh_typed_used = false;
}

/* vmap() makes the page tables; the entries that it wrote are cleared again. */
static int find_ptes(void)
{
	unsigned int i;

	for (i = 0; i < kmh_typed_count; i++) {
		typed_ptes[i] = kmh_arch_pte(typed_address(i));
		if (!typed_ptes[i])
			return -ENXIO;
	}
	for (i = 0; i < kmh_typed_count; i++)
		clear_entry(i);
	return 0;
}

int kmh_typed_init(void)
{
	struct page **fill;
	unsigned int i;
	int error;

	kmh_typed_count = (KMH_TYPES_2_6_24 + KMH_TYPES_2_6_32) * num_online_cpus();
	fill = kcalloc(kmh_typed_count, sizeof(*fill), GFP_KERNEL);
	typed_ptes = kcalloc(kmh_typed_count, sizeof(*typed_ptes), GFP_KERNEL);
	typed_filler = alloc_page(GFP_KERNEL);
	if (fill && typed_ptes && typed_filler) {
		for (i = 0; i < kmh_typed_count; i++)
			fill[i] = typed_filler;
		typed_area = vmap(fill, kmh_typed_count, VM_MAP, PAGE_KERNEL);
	}
	kfree(fill);
	error = typed_area ? 0 : -ENOMEM;
	if (!error) {
		kmh_typed_top = (unsigned long)typed_area + ((kmh_typed_count - 1) << PAGE_SHIFT);
		error = find_ptes();
	}
	if (error)
		kmh_typed_exit();
	return error;
}

void kmh_typed_exit(void)
{
	if (typed_area)
		vunmap(typed_area);
	if (typed_filler)
		__free_page(typed_filler);
	kfree(typed_ptes);
}
