// SPDX-License-Identifier: GPL-2.0-only
/* Pools of pages that operations name by id, and where the kernel has mapped a page. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/vmalloc.h>

#include "kmh.h"

#define NO_BUCKET	0xff
#define PFN_4G		0x100000
#define CHUNK_ORDER	9	/* big chunks come from above, single pages from below */
#define SPARE_TRIES	4096	/* allocations more than chance makes necessary */
#define POOL_GFP	(__GFP_NOWARN | __GFP_NORETRY | __GFP_ZERO)

struct kmh_pool_page *kmh_pages;
unsigned int kmh_n_pages;

int kmh_pages_init(void)
{
	kmh_pages = vzalloc(array_size(KMH_MAX_PAGES, sizeof(*kmh_pages)));
	return kmh_pages ? 0 : -ENOMEM;
}

void kmh_pages_exit(void)
{
	vfree(kmh_pages);
}

/**
 * kmh_page_address_allowed() - tell whether page_address() may be called here
 *
 * Return: false on RT with interrupts or preemption off: its bucket lock sleeps there.
 */
bool kmh_page_address_allowed(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible();
}

/**
 * kmh_page_address() - ask the kernel where a page is mapped
 * @page: the page, or NULL
 *
 * Return: its address; 0 for none, and where the question is not allowed.
 */
u32 kmh_page_address(struct page *page)
{
	return page && kmh_page_address_allowed() ? (u32)page_address(page) : 0;
}

static u8 bucket_of(const struct page *page)
{
	return PageHighMem(page) ? hash_ptr(page, KMH_HASH_ORDER) : NO_BUCKET;
}

static void keep_page(struct page *page, u8 kind)
{
	struct kmh_pool_page *slot = &kmh_pages[kmh_n_pages++];

	slot->page = page;
	slot->pfn = page_to_pfn(page);
	atomic_set(&slot->kmaps, 0);
	slot->kind = kind;
	slot->bucket = bucket_of(page);
}

/* The first page of a folio stands for all of them. */
static void free_pool_page(const struct kmh_pool_page *slot)
{
	if (slot->kind != KMH_POOL_FOLIO)
		__free_page(slot->page);
	else if (!(slot->pfn % (1u << KMH_FOLIO_ORDER)))
		__free_pages(slot->page, KMH_FOLIO_ORDER);
}

static void give_back_pages(struct list_head *pages)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

/* Take single pages until @count of them fit; the others go back at the end. */
static int take_single_pages(u32 kind, u32 count, gfp_t gfp,
			     bool (*fits)(const struct page *page))
{
	unsigned int chance = kind == KMH_POOL_COLLIDING ? 1u << (KMH_HASH_ORDER + 1) : 2;
	unsigned int tries = count * chance + SPARE_TRIES;
	struct page *page;
	LIST_HEAD(others);

	while (count && tries--) {
		page = alloc_page(gfp | POOL_GFP);
		if (!page)
			break;
		if (fits(page)) {
			keep_page(page, kind);
			count--;
		} else {
			list_add(&page->lru, &others);
		}
	}
	give_back_pages(&others);
	return count ? -ENOMEM : 0;
}

static bool is_high(const struct page *page)
{
	return PageHighMem(page);
}

static bool is_low(const struct page *page)
{
	return !PageHighMem(page);
}

static u8 wanted_bucket;

static bool is_colliding(const struct page *page)
{
	if (!PageHighMem(page))
		return false;
	if (wanted_bucket == NO_BUCKET)
		wanted_bucket = bucket_of(page);
	return bucket_of(page) == wanted_bucket;
}

/* Take pages out of big chunks above 4 GiB; chunks below go back at the end. */
static int take_pages_above_4g(u32 count)
{
	unsigned int i, tries = 1u << (30 - PAGE_SHIFT - CHUNK_ORDER + 2);
	struct page *chunk, *next;
	LIST_HEAD(others);

	while (count && tries--) {
		chunk = alloc_pages(GFP_HIGHUSER | POOL_GFP, CHUNK_ORDER);
		if (!chunk)
			break;
		if (page_to_pfn(chunk) < PFN_4G) {
			list_add(&chunk->lru, &others);
			continue;
		}
		split_page(chunk, CHUNK_ORDER);
		for (i = 0; i < 1u << CHUNK_ORDER; i++) {
			if (count) {
				keep_page(chunk + i, KMH_POOL_ABOVE_4G);
				count--;
			} else {
				__free_page(chunk + i);
			}
		}
	}
	list_for_each_entry_safe(chunk, next, &others, lru) {
		list_del(&chunk->lru);
		__free_pages(chunk, CHUNK_ORDER);
	}
	return count ? -ENOMEM : 0;
}

/* The pages of a folio follow each other; the first of them is freed with the others. */
static int take_folios(u32 count)
{
	struct page *folio;
	unsigned int i;

	if (count % (1u << KMH_FOLIO_ORDER))
		return -EINVAL;
	for (; count; count -= 1u << KMH_FOLIO_ORDER) {
		folio = alloc_pages(GFP_HIGHUSER | POOL_GFP | __GFP_COMP, KMH_FOLIO_ORDER);
		if (!folio)
			return -ENOMEM;
		for (i = 0; i < 1u << KMH_FOLIO_ORDER; i++)
			keep_page(folio + i, KMH_POOL_FOLIO);
		if (!PageHighMem(folio))
			return -ENOMEM;
	}
	return 0;
}

static int take_pages(u32 kind, u32 count)
{
	switch (kind) {
	case KMH_POOL_HIGH:
		return take_single_pages(kind, count, GFP_HIGHUSER, is_high);
	case KMH_POOL_LOW:
		return take_single_pages(kind, count, GFP_KERNEL, is_low);
	case KMH_POOL_COLLIDING:
		wanted_bucket = NO_BUCKET;
		return take_single_pages(kind, count, GFP_HIGHUSER, is_colliding);
	case KMH_POOL_ABOVE_4G:
		return take_pages_above_4g(count);
	case KMH_POOL_FOLIO:
		return take_folios(count);
	default:
		return -EINVAL;
	}
}

/**
 * kmh_pool() - allocate pages of one kind, all or none
 * @request: their kind and number
 * @out: room for a struct kmh_page for each of them
 * @room: size of @out in bytes
 *
 * Return: bytes written, or -ENOMEM if the machine has too few pages of that kind.
 */
int kmh_pool(const struct kmh_pool_request *request, void *out, size_t room)
{
	unsigned int i, first = kmh_n_pages;
	struct kmh_page *page = out;
	int error;

	kmh_assert_request();
	if (!request->count || request->count > KMH_MAX_PAGES - first)
		return -EINVAL;
	if (request->count > room / sizeof(*page))
		return -E2BIG;
	error = take_pages(request->kind, request->count);
	if (error) {
		while (kmh_n_pages > first)
			free_pool_page(&kmh_pages[--kmh_n_pages]);
		return error;
	}
	for (i = first; i < kmh_n_pages; i++, page++) {
		page->pfn = kmh_pages[i].pfn;
		page->page = (u32)kmh_pages[i].page;
		page->id = i;
		page->kind = kmh_pages[i].kind;
		page->bucket = kmh_pages[i].bucket;
	}
	return request->count * sizeof(*page);
}

/**
 * kmh_pages_unmap() - undo every kmap() of the module
 *
 * This wakes tasks that are blocked in kmap(), and they map again: the caller repeats it
 * until nobody is blocked.
 */
void kmh_pages_unmap(void)
{
	unsigned int i;

	for (i = 0; i < kmh_n_pages; i++) {
		while (atomic_add_unless(&kmh_pages[i].kmaps, -1, 0))
			kunmap(kmh_pages[i].page);
	}
}

/**
 * kmh_pages_release() - give all pages back to the kernel
 * @leak: a task died or is stuck, perhaps with kmap_lock held: then nobody can unmap, and
 *        the kernel must not give a page that is still mapped to anybody else
 */
void kmh_pages_release(bool leak)
{
	unsigned int i, leaked = 0;

	for (i = 0; i < kmh_n_pages; i++) {
		struct kmh_pool_page *slot = &kmh_pages[i];

		if (leak) {
			leaked++;
			continue;
		}
		free_pool_page(slot);
	}
	kmh_n_pages = 0;
	if (leaked)
		pr_warn("%u pages are given up: a task died or is stuck\n", leaked);
}
