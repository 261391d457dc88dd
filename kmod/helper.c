// SPDX-License-Identifier: GPL-2.0-only
/* Page helpers: functions of the kernel that map pages, fill or copy them, and unmap them. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>

#include "kmh.h"

struct call {
	struct page *page, *other;
	u32 first, second, length, end;
	u8 number, byte;
};

static void decode(struct call *call, const struct kmh_op *op)
{
	*call = (struct call) {
		.page = kmh_page(op->page),
		.other = kmh_page(op->reg),
		.first = op->offset & 0xffff,
		.second = (u32)op->offset >> 16,
		.length = op->value & 0xffff,
		.end = op->reg,
		.number = op->value >> 24,
		.byte = op->value >> 16,
	};
}

/* Pages from the one that offsets count from; @page becomes the first of them. */
static unsigned int pages_of(const struct call *call, struct page **page)
{
	if (!(kmh_helper_flags(call->number) & KMH_HELPER_FOLIO))
		return 1;
	*page = compound_head(*page);
	return compound_nr(*page);
}

/* ---- calls that the kernel's callers never make ---- */

static bool right_pages(const struct call *call)
{
	u32 flags;

	if (call->number >= KMH_HELPERS || !call->page)
		return false;
	flags = kmh_helper_flags(call->number);
	if (flags & KMH_HELPER_INTO_BUFFER && PageHighMem(call->page))
		return false;
	if (!(flags & KMH_HELPER_COPIES))
		return true;
	if (!call->other || compound_head(call->other) == compound_head(call->page))
		return false;
	return !(flags & KMH_HELPER_FROM_BUFFER) || !PageHighMem(call->other);
}

/*
 * folio_fill_tail() must not end its copy with a page: in 6.8 to 7.3 it then writes its zeros
 * behind the page that it has mapped.
 */
static bool right_source(const struct call *call)
{
	u32 flags = kmh_helper_flags(call->number);
	struct page *other = call->other;
	u32 size = pages_of(call, &other) * PAGE_SIZE;

	if (call->second + call->length > size ||
	    (flags & KMH_HELPER_FOLIO && call->second >= size))
		return false;
	return !(flags & KMH_HELPER_TAIL) || (call->first + call->length) % PAGE_SIZE;
}

static bool right_range(const struct call *call)
{
	u32 flags = kmh_helper_flags(call->number);
	struct page *page = call->page;
	u32 size = pages_of(call, &page) * PAGE_SIZE;

	if (flags & KMH_HELPER_SEGMENT)
		return call->length <= size &&
		       (!(flags & KMH_HELPER_SEGMENTS) || call->end <= size);
	if (!(flags & KMH_HELPER_RANGE))
		return true;
	if (call->first + call->length > size ||
	    (flags & KMH_HELPER_FOLIO && call->first >= size))
		return false;
	return !(flags & KMH_HELPER_COPIES) || right_source(call);
}

/* ---- the calls ---- */

static char *buffer(struct page *page, u32 offset)
{
	return (char *)page_address(page) + offset;
}

static void call_old(const struct call *call)
{
	switch (call->number) {
	case KMH_HELPER_CLEAR_HIGHPAGE:
		clear_highpage(call->page);
		break;
	case KMH_HELPER_CLEAR_USER_HIGHPAGE:
		clear_user_highpage(call->page, 0);
		break;
	case KMH_HELPER_COPY_HIGHPAGE:
		copy_highpage(call->page, call->other);
		break;
	case KMH_HELPER_COPY_USER_HIGHPAGE:
		copy_user_highpage(call->page, call->other, 0, NULL);
		break;
	case KMH_HELPER_MEMCPY_FROM_PAGE:
		memcpy_from_page(buffer(call->page, call->first), call->other, call->second,
				 call->length);
		break;
	case KMH_HELPER_MEMCPY_TO_PAGE:
		memcpy_to_page(call->page, call->first, buffer(call->other, call->second),
			       call->length);
		break;
	case KMH_HELPER_ZERO_USER_SEGMENTS:
		zero_user_segments(call->page, call->first, call->length, call->second, call->end);
		break;
	case KMH_HELPER_ZERO_USER_SEGMENT:
		zero_user_segment(call->page, call->first, call->length);
		break;
#if KMH_HAS_ZERO_USER
	case KMH_HELPER_ZERO_USER:
		zero_user(call->page, call->first, call->length);
		break;
#endif
	}
}

static void call_newer(const struct call *call)
{
#if KMH_HAS_MEMCPY_PAGE
	switch (call->number) {
	case KMH_HELPER_MEMCPY_PAGE:
		memcpy_page(call->page, call->first, call->other, call->second, call->length);
		break;
	case KMH_HELPER_MEMSET_PAGE:
		memset_page(call->page, call->first, call->byte, call->length);
		break;
	case KMH_HELPER_MEMZERO_PAGE:
		memzero_page(call->page, call->first, call->length);
		break;
	}
#endif
}

static void call_for_folio(const struct call *call)
{
#if KMH_HAS_FOLIO
	struct folio *folio = page_folio(call->page);

	switch (call->number) {
	case KMH_HELPER_FOLIO_ZERO_SEGMENTS:
		folio_zero_segments(folio, call->first, call->length, call->second, call->end);
		break;
	case KMH_HELPER_FOLIO_ZERO_SEGMENT:
		folio_zero_segment(folio, call->first, call->length);
		break;
	case KMH_HELPER_FOLIO_ZERO_RANGE:
		folio_zero_range(folio, call->first, call->length);
		break;
	}
#endif
}

#if KMH_HAS_MEMCPY_FOLIO_BUFFER
static void zero_tail(struct folio *folio, size_t offset)
{
	void *address = kmap_local_folio(folio, offset);

	address = folio_zero_tail(folio, offset, address);
	kunmap_local(address);
}
#endif

static void call_for_long_folio(const struct call *call)
{
#if KMH_HAS_MEMCPY_FOLIO_BUFFER
	struct folio *folio = page_folio(call->page);

	switch (call->number) {
	case KMH_HELPER_MEMCPY_FROM_FOLIO:
		memcpy_from_folio(buffer(call->page, call->first), page_folio(call->other),
				  call->second, call->length);
		break;
	case KMH_HELPER_MEMCPY_TO_FOLIO:
		memcpy_to_folio(folio, call->first, buffer(call->other, call->second),
				call->length);
		break;
	case KMH_HELPER_FOLIO_ZERO_TAIL:
		zero_tail(folio, call->first);
		break;
	case KMH_HELPER_FOLIO_FILL_TAIL:
		folio_fill_tail(folio, call->first, buffer(call->other, call->second),
				call->length);
		break;
#if KMH_HAS_MEMCPY_FOLIO
	case KMH_HELPER_MEMCPY_FOLIO:
		memcpy_folio(folio, call->first, page_folio(call->other), call->second,
			     call->length);
		break;
#endif
	}
#endif
}

/**
 * kmh_helpers() - tell which helpers this kernel has
 *
 * Return: a bit for each enum kmh_helper.
 */
u32 kmh_helpers(void)
{
	u32 missing = 0;

	if (!KMH_HAS_ZERO_USER)
		missing |= 1u << KMH_HELPER_ZERO_USER;
	if (!KMH_HAS_MEMCPY_PAGE)
		missing |= 1u << KMH_HELPER_MEMCPY_PAGE | 1u << KMH_HELPER_MEMSET_PAGE |
			   1u << KMH_HELPER_MEMZERO_PAGE;
	if (!KMH_HAS_FOLIO)
		missing |= 1u << KMH_HELPER_FOLIO_ZERO_SEGMENTS |
			   1u << KMH_HELPER_FOLIO_ZERO_SEGMENT | 1u << KMH_HELPER_FOLIO_ZERO_RANGE;
	if (!KMH_HAS_MEMCPY_FOLIO_BUFFER)
		missing |= 1u << KMH_HELPER_MEMCPY_FROM_FOLIO | 1u << KMH_HELPER_MEMCPY_TO_FOLIO |
			   1u << KMH_HELPER_FOLIO_ZERO_TAIL | 1u << KMH_HELPER_FOLIO_FILL_TAIL;
	if (!KMH_HAS_MEMCPY_FOLIO)
		missing |= 1u << KMH_HELPER_MEMCPY_FOLIO;
	return ((1u << KMH_HELPERS) - 1) & ~missing;
}

static u32 crc_of(u32 crc, const struct call *call, struct page *page)
{
	unsigned int i, n = pages_of(call, &page);

	for (i = 0; i < n; i++)
		crc = kmh_contents_crc(crc, page + i);
	return crc;
}

/**
 * kmh_execute_helper() - let a helper fill or copy pages, and read what they hold then
 * @op: the operation: see enum kmh_helper
 * @out: set to how it ended
 */
void kmh_execute_helper(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct call call;
	u32 flags;

	decode(&call, op);
	out->status = KMH_ST_REFUSED;
	if (!right_pages(&call) || !right_range(&call))
		return;
	out->status = KMH_ST_NOT_APPLICABLE;
	if (!(kmh_helpers() & 1u << call.number))
		return;
	flags = kmh_helper_flags(call.number);
	out->status = KMH_ST_REFUSED;
	if (flags & KMH_HELPER_ADDRESS && !kmh_page_address_allowed())
		return;
	out->status = KMH_ST_OK;
	kmh_clock_start(out);
	call_old(&call);
	call_newer(&call);
	call_for_folio(&call);
	call_for_long_folio(&call);
	kmh_clock_stop(out);
	out->value = crc_of(0, &call, call.page);
	if (flags & KMH_HELPER_COPIES)
		out->value = crc_of(out->value, &call, call.other);
}
