/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: page helpers, which map pages, fill or copy them, and unmap them again. */
#ifndef KMAP_HARNESS_PROTOCOL_HELPER_H
#define KMAP_HARNESS_PROTOCOL_HELPER_H

#include <linux/types.h>

/*
 * HELPER: the number of the helper is value >> 24.  "page" is the page that it writes to, "reg"
 * the id of the page that it copies from, or the end of a second range.  offset & 0xffff and
 * offset >> 16 are the first offset and the second; value & 0xffff is the length of the range or
 * its end, and value >> 16 & 0xff a byte.  Its result is a CRC of all bytes of both.
 *
 * HELPERS of the Python model has the same numbers and flags.
 */
enum kmh_helper {
	KMH_HELPER_CLEAR_HIGHPAGE = 0,
	KMH_HELPER_CLEAR_USER_HIGHPAGE = 1,
	KMH_HELPER_COPY_HIGHPAGE = 2,
	KMH_HELPER_COPY_USER_HIGHPAGE = 3,
	KMH_HELPER_MEMCPY_PAGE = 4,
	KMH_HELPER_MEMSET_PAGE = 5,
	KMH_HELPER_MEMZERO_PAGE = 6,
	KMH_HELPER_MEMCPY_FROM_PAGE = 7,
	KMH_HELPER_MEMCPY_TO_PAGE = 8,
	KMH_HELPER_ZERO_USER_SEGMENTS = 9,
	KMH_HELPER_ZERO_USER_SEGMENT = 10,
	KMH_HELPER_ZERO_USER = 11,
	KMH_HELPER_FOLIO_ZERO_SEGMENTS = 12,
	KMH_HELPER_FOLIO_ZERO_SEGMENT = 13,
	KMH_HELPER_FOLIO_ZERO_RANGE = 14,
	KMH_HELPER_MEMCPY_FROM_FOLIO = 15,
	KMH_HELPER_MEMCPY_TO_FOLIO = 16,
	KMH_HELPER_FOLIO_ZERO_TAIL = 17,
	KMH_HELPER_FOLIO_FILL_TAIL = 18,
	KMH_HELPER_MEMCPY_FOLIO = 19,
};

#define KMH_HELPERS		20

#define KMH_HELPER_COPIES	(1u << 0)	/* from the page "reg" */
#define KMH_HELPER_INTO_BUFFER	(1u << 1)	/* "page" is in lowmem, and not mapped */
#define KMH_HELPER_FROM_BUFFER	(1u << 2)	/* so is "reg" */
#define KMH_HELPER_SEGMENT	(1u << 3)	/* the length is an end */
#define KMH_HELPER_SEGMENTS	(1u << 4)	/* there is a second range */
#define KMH_HELPER_TAIL		(1u << 5)	/* goes on to the end of the folio */
#define KMH_HELPER_FOLIO	(1u << 6)	/* takes a folio, not a page */
#define KMH_HELPER_ADDRESS	(1u << 7)	/* calls page_address() */
#define KMH_HELPER_SOURCE_FIRST	(1u << 8)	/* maps the page "reg" before the other */
#define KMH_HELPER_SPARSE	(1u << 9)	/* zero_user_segments() */
#define KMH_HELPER_RANGE	(1u << 10)	/* takes offsets, not whole pages */

#define KMH_FOLIO_ORDER		2	/* of the folios of KMH_POOL_FOLIO */

#endif
