// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a page holds, read without any function that is under test: the module maps the page in
 * an address of its own, whose page table and translation it sets itself.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/vmalloc.h>

#include "kmh.h"

static struct page *filler;
static void *place;
static pte_t *place_pte;

static void set_place(struct page *page)
{
	if (page)
		kmh_arch_set_pte(place_pte, page, PAGE_KERNEL);
	else
		kmh_arch_clear_pte((unsigned long)place, place_pte);
	kmh_arch_flush_page((unsigned long)place);
}

/**
 * kmh_contents_crc() - continue a CRC over all bytes of a page
 * @crc: that of the bytes before, or 0
 * @page: any page
 *
 * The caller has the baton.  Return: the CRC that zlib would compute.
 */
u32 kmh_contents_crc(u32 crc, struct page *page)
{
	preempt_disable();
	set_place(page);
	crc = ~crc32_le(~crc, place, PAGE_SIZE);
	set_place(NULL);
	preempt_enable();
	return crc;
}

/* vmap() makes the page table. */
int kmh_contents_init(void)
{
	filler = alloc_page(GFP_KERNEL);
	if (filler)
		place = vmap(&filler, 1, VM_MAP, PAGE_KERNEL);
	if (place)
		place_pte = kmh_arch_pte((unsigned long)place);
	if (place_pte)
		return 0;
	kmh_contents_exit();
	return -ENOMEM;
}

void kmh_contents_exit(void)
{
	if (place)
		vunmap(place);
	if (filler)
		__free_page(filler);
}
