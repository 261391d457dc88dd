// SPDX-License-Identifier: GPL-2.0-only
/*
 * ATTRIBUTE: a page and its aliases get other attributes, and their old ones back.  Every page of
 * lowmem has an alias in the direct map; the module makes another in the vmalloc area.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "kmh.h"

enum { DIRECT, ALIAS, PLACES };

static struct {
	unsigned long address[PLACES];	/* 0 where there is none */
	atomic_t stores[PLACES];
} attributed;

/* Store what is there already; before the change this fills the TLB. */
static void access_places(void *unused)
{
	unsigned int i;
	u32 word;

	for (i = 0; i < PLACES; i++) {
		unsigned long address = attributed.address[i];

		if (address && kmh_load(address, &word) && kmh_store(address, word))
			atomic_inc(&attributed.stores[i]);
	}
}

static void access_everywhere(void)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		atomic_set(&attributed.stores[i], 0);
	on_each_cpu(access_places, NULL, 1);
}

static u64 flags_of(unsigned int place)
{
	unsigned long address = attributed.address[place];

	return address ? kmh_walk(address) & KMH_ARCH_ATTRIBUTES : 0;
}

/* Whether a place has the attributes of a protection; one that is not there has nothing. */
static bool is_like(unsigned int place, u8 prot)
{
	u64 wanted = kmh_arch_pte_flags(kmh_arch_prot(prot));

	return attributed.address[place] && kmh_arch_same_attributes(flags_of(place), wanted);
}

typedef int set_memory_fn(unsigned long address, int pages);

/* These two are not exported.  By the alias they reach the direct map as well. */
static int set_writable(bool writable)
{
	const char *name = writable ? "set_memory_rw" : "set_memory_ro";
	set_memory_fn *set_memory = (set_memory_fn *)kmh_function(name);

	return set_memory ? set_memory(attributed.address[ALIAS], 1) : -ENOENT;
}

static int change(struct page *page, u8 prot)
{
	return prot == KMH_PROT_RO ? set_writable(false) : kmh_arch_set_caching(page, prot);
}

static void change_back(struct page *page, u8 prot)
{
	if (prot == KMH_PROT_RO)
		set_writable(true);
	else
		kmh_arch_set_caching(page, KMH_PROT_KERNEL);
}

static u32 change_and_look(struct page *page, u8 prot)
{
	u32 found = change(page, prot) ? KMH_ATTRIBUTE_ERROR : 0;

	access_everywhere();
	found |= is_like(DIRECT, prot) ? KMH_ATTRIBUTE_DIRECT : 0;
	found |= is_like(ALIAS, prot) ? KMH_ATTRIBUTE_ALIAS : 0;
	found |= (u8)atomic_read(&attributed.stores[DIRECT]) << KMH_ATTRIBUTE_STORES;
	found |= (u8)atomic_read(&attributed.stores[ALIAS]) << (KMH_ATTRIBUTE_STORES + 8);
	change_back(page, prot);
	return found;
}

/* set_pages_array_uc() and _wc() oops on a page of highmem, though they mean to skip it. */
static bool well_formed(const struct page *page, u8 prot)
{
	if (!page || (prot != KMH_PROT_RO && PageHighMem(page)))
		return false;
	return prot == KMH_PROT_RO || prot == KMH_PROT_NOCACHE || prot == KMH_PROT_WC;
}

/**
 * kmh_attribute() - execute ATTRIBUTE
 * @op: names the page and the protection: read-only, uncached or write-combining
 * @out: its value is set to KMH_ATTRIBUTE_* bits
 */
void kmh_attribute(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);
	u64 before[PLACES];
	void *alias;

	if (!well_formed(page, op->prot)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!alias) {
		out->status = KMH_ST_NOT_APPLICABLE;
		return;
	}
	attributed.address[DIRECT] = PageHighMem(page) ? 0 : (unsigned long)page_address(page);
	attributed.address[ALIAS] = (unsigned long)alias;
	before[DIRECT] = flags_of(DIRECT);
	before[ALIAS] = flags_of(ALIAS);
	access_everywhere();
	out->value = change_and_look(page, op->prot);
	if (flags_of(DIRECT) == before[DIRECT] && flags_of(ALIAS) == before[ALIAS])
		out->value |= KMH_ATTRIBUTE_RESTORED;
	vunmap(alias);
}
