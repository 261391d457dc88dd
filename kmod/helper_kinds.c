// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of page helpers: what is known of each, beside the code that calls it.
 *
 * The flags are those of HELPERS in the Python model; a test compares the two tables.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include "kmh.h"

#define H(name)		KMH_HELPER_##name

#define HELPER_COPY	(H(COPIES) | H(RANGE))
#define HELPER_OUT	(HELPER_COPY | H(INTO_BUFFER))
#define HELPER_IN	(HELPER_COPY | H(FROM_BUFFER))
#define HELPER_SPARSE	(H(SPARSE) | H(RANGE))

static const struct kmh_helper_kind kmh_helper_kinds[KMH_HELPERS] = {
	[KMH_HELPER_CLEAR_HIGHPAGE] = { 0 },
	[KMH_HELPER_CLEAR_USER_HIGHPAGE] = { 0 },
	[KMH_HELPER_COPY_HIGHPAGE] = { H(COPIES) | H(SOURCE_FIRST) },
	[KMH_HELPER_COPY_USER_HIGHPAGE] = { H(COPIES) | H(SOURCE_FIRST) | H(ADDRESS) },
	[KMH_HELPER_MEMCPY_PAGE] = { HELPER_COPY },
	[KMH_HELPER_MEMSET_PAGE] = { H(RANGE) },
	[KMH_HELPER_MEMZERO_PAGE] = { H(RANGE) },
	[KMH_HELPER_MEMCPY_FROM_PAGE] = { HELPER_OUT },
	[KMH_HELPER_MEMCPY_TO_PAGE] = { HELPER_IN },
	[KMH_HELPER_ZERO_USER_SEGMENTS] = { HELPER_SPARSE | H(SEGMENT) | H(SEGMENTS) },
	[KMH_HELPER_ZERO_USER_SEGMENT] = { HELPER_SPARSE | H(SEGMENT) },
	[KMH_HELPER_ZERO_USER] = { HELPER_SPARSE },
	[KMH_HELPER_FOLIO_ZERO_SEGMENTS] = { HELPER_SPARSE | H(SEGMENT) | H(SEGMENTS) |
					     H(FOLIO) },
	[KMH_HELPER_FOLIO_ZERO_SEGMENT] = { HELPER_SPARSE | H(SEGMENT) | H(FOLIO) },
	[KMH_HELPER_FOLIO_ZERO_RANGE] = { HELPER_SPARSE | H(FOLIO) },
	[KMH_HELPER_MEMCPY_FROM_FOLIO] = { HELPER_OUT | H(FOLIO) },
	[KMH_HELPER_MEMCPY_TO_FOLIO] = { HELPER_IN | H(FOLIO) },
	[KMH_HELPER_FOLIO_ZERO_TAIL] = { H(RANGE) | H(TAIL) | H(FOLIO) },
	[KMH_HELPER_FOLIO_FILL_TAIL] = { HELPER_IN | H(TAIL) | H(FOLIO) },
	[KMH_HELPER_MEMCPY_FOLIO] = { HELPER_COPY | H(FOLIO) },
};

/**
 * kmh_helper_flags() - look up what is known of a helper
 * @number: enum kmh_helper, below KMH_HELPERS
 *
 * Return: KMH_HELPER_* bits.
 */
u32 kmh_helper_flags(unsigned int number)
{
	return kmh_helper_kinds[number].flags;
}
