// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entries that an interrupt sees half-written.  With PAE an entry is written in two halves, and
 * the CPU may walk the page tables between them: it then has to find the old entry, the new one,
 * or none.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <asm/highmem.h>

#include "kmh.h"

#define TORN_MAX	4	/* that are reported of one interrupt */
#define MAPPING		(KMH_OPF_MAPS | KMH_OPF_UNMAPS)
#define AREAS		(KMH_OPF_WINDOW | KMH_OPF_PKMAP)

static u64 slots_before[LAST_PKMAP], window_before[KMH_WINDOW];
static struct {
	unsigned long address;
	const pte_t *place;
	u64 pte;
} torn[TORN_MAX];
static unsigned int n_torn;
static bool looking;

static unsigned long window_address(unsigned int i)
{
	return kmh_window_address(raw_smp_processor_id(), i);
}

static const pte_t *window_place(unsigned int i)
{
	return kmh_window_ptes + kmh_window_first - __virt_to_fix(window_address(i));
}

/**
 * kmh_torn_begin() - remember all entries before an operation that will be interrupted
 * @op: the operation; only those that make or end one mapping are looked at
 *
 * Others have entries in the middle that are there neither before nor after.
 */
void kmh_torn_begin(const struct kmh_op *op)
{
	u32 flags = kmh_op_flags(op->code);
	unsigned int i;

	n_torn = 0;
	looking = flags & MAPPING && flags & AREAS;
	for (i = 0; looking && i < LAST_PKMAP; i++)
		slots_before[i] = kmh_pte_read(&kmh_pkmap_ptes[i]);
	for (i = 0; looking && i < KMH_WINDOW; i++)
		window_before[i] = kmh_pte_read(window_place(i));
}

static void look_at(const pte_t *place, u64 before, unsigned long address)
{
	u64 pte = kmh_pte_read(place);

	if (pte == before || !pte_present(__pte(pte)) || n_torn == TORN_MAX)
		return;
	torn[n_torn].address = address;
	torn[n_torn].place = place;
	torn[n_torn].pte = pte;
	n_torn++;
}

/**
 * kmh_torn_look() - remember the entries that are not what they were
 *
 * Called in the interrupt, on the CPU of the operation, before it maps anything.
 */
void kmh_torn_look(void)
{
	unsigned int i;

	for (i = 0; looking && i < LAST_PKMAP; i++)
		look_at(&kmh_pkmap_ptes[i], slots_before[i], PKMAP_ADDR(i));
	for (i = 0; looking && i < KMH_WINDOW; i++)
		look_at(window_place(i), window_before[i], window_address(i));
	looking = false;
}

/**
 * kmh_torn_report() - report the entries that are something else again after the operation
 * @obs: the newest observation
 */
void kmh_torn_report(struct kmh_obs *obs)
{
	unsigned int i;

	for (i = 0; i < n_torn; i++) {
		if (kmh_pte_read(torn[i].place) != torn[i].pte)
			kmh_answer_add(obs, KMH_DELTA_INTERRUPT, KMH_INTERRUPT_TORN, 0,
				       torn[i].address, torn[i].pte, 0);
	}
	n_torn = 0;
}
