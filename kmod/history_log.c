// SPDX-License-Identifier: GPL-2.0-only
/* The log of a concurrent history, and the run in progress. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/mm.h>
#include <linux/vmalloc.h>
#include <asm/highmem.h>

#include "kmh_history.h"

struct kmh_history_run kmh_history_run;

static struct kmh_history *history_log;

static size_t log_size(unsigned int records)
{
	return sizeof(struct kmh_history) +
	       KMH_HISTORY_THREADS * sizeof(struct kmh_history_thread) +
	       2 * LAST_PKMAP * sizeof(struct kmh_history_slot) +
	       records * sizeof(struct kmh_history_record);
}

int kmh_history_log_init(void)
{
	if (!history_log)
		history_log = vzalloc(log_size(KMH_HISTORY_RECORDS));
	return history_log ? 0 : -ENOMEM;
}

void kmh_history_log_free(void)
{
	vfree(history_log);
}

/**
 * kmh_history_log() - say where the log lies, for a host that reads it when the guest is dead
 * @out: set to its address and its size in bytes
 *
 * Return: bytes written, or -ENOMEM.
 */
int kmh_history_log(u32 *out)
{
	int error = kmh_history_log_init();

	if (error)
		return error;
	out[0] = (u32)history_log;
	out[1] = log_size(KMH_HISTORY_RECORDS);
	return 2 * sizeof(u32);
}

static struct kmh_history_thread *threads_of(struct kmh_history *history)
{
	return (struct kmh_history_thread *)(history + 1);
}

static struct kmh_history_slot *slots_of(struct kmh_history *history)
{
	return (struct kmh_history_slot *)(threads_of(history) + history->n_threads);
}

static struct kmh_history_record *records_of(struct kmh_history *history)
{
	return (struct kmh_history_record *)(slots_of(history) + 2 * LAST_PKMAP);
}

/**
 * kmh_history_log_begin() - empty the log and begin a run
 * @request: the request, which must outlive the run
 * @n_threads: number of its threads
 */
void kmh_history_log_begin(const struct kmh_history_request *request, unsigned int n_threads)
{
	memset(history_log, 0, log_size(request->operations * n_threads));
	history_log->n_threads = n_threads;
	history_log->stride = request->operations;
	history_log->last_pkmap = LAST_PKMAP;
	memset(&kmh_history_run, 0, sizeof(kmh_history_run));
	kmh_history_run.request = request;
	kmh_history_run.log = history_log;
}

struct kmh_history_thread *kmh_history_log_thread(unsigned int id)
{
	return &threads_of(history_log)[id];
}

struct kmh_history_record *kmh_history_log_records(unsigned int id)
{
	return records_of(history_log) + id * history_log->stride;
}

/**
 * kmh_history_log_length() - measure the log of the run
 *
 * Return: bytes, with the records of all threads.
 */
size_t kmh_history_log_length(void)
{
	return (const u8 *)kmh_history_log_records(history_log->n_threads) -
	       (const u8 *)history_log;
}

/* ---- the state before and after, at rest ---- */

static void note_slots(struct kmh_history_slot *slots, u32 *cursor)
{
	unsigned int i;
	u64 pte;

	for (i = 0; i < LAST_PKMAP; i++) {
		pte = kmh_pte_read(&kmh_pkmap_ptes[i]);
		slots[i].count = kmh_slot_count(i);
		slots[i].pfn = kmh_pte_pfn(pte);
	}
	*cursor = kmh_cursor();
}

static void count_free_slots(void)
{
	unsigned int i;

	for (i = 0; kmh_symbols.pkmap_count && i < LAST_PKMAP; i++) {
		history_log->free_slots += READ_ONCE(kmh_symbols.pkmap_count[i]) == 0;
		history_log->unused_slots += READ_ONCE(kmh_symbols.pkmap_count[i]) == 1;
	}
}

/**
 * kmh_history_log_before() - note the state of the slots before the run
 */
void kmh_history_log_before(void)
{
	note_slots(slots_of(history_log), &history_log->cursor_before);
}

/**
 * kmh_history_log_after() - note the outcome of the run and the state after it
 * @outcome: enum kmh_history_outcome
 */
void kmh_history_log_after(u32 outcome)
{
	history_log->outcome = outcome;
	history_log->clock = atomic_read(&kmh_history_run.clock);
	history_log->foreign = atomic_read(&kmh_history_run.foreign);
	history_log->dropped = atomic_read(&kmh_history_run.dropped);
	note_slots(slots_of(history_log) + LAST_PKMAP, &history_log->cursor_after);
	if (outcome != KMH_HISTORY_ASLEEP)
		return;
	history_log->asleep_at = history_log->clock;
	count_free_slots();
}

/* ---- records ---- */

/**
 * kmh_history_add() - add a record to the log of a thread
 * @t: the current thread, also where a probe interrupts it
 * @code: enum kmh_history_code
 * @page: id of the page
 * @reserve: records that must stay free, for those without which the others mean nothing
 *
 * Return: the record, or NULL where there is no room.
 */
struct kmh_history_record *kmh_history_add(struct kmh_history_task *t, u8 code, u16 page,
					   unsigned int reserve)
{
	struct kmh_history_record *record = &t->records[t->shared->used];

	if (READ_ONCE(kmh_history_run.frozen))
		return NULL;
	if (t->shared->used + reserve >= kmh_history_run.log->stride) {
		atomic_inc(&kmh_history_run.dropped);
		return NULL;
	}
	memset(record, 0, sizeof(*record));
	record->code = code;
	record->page = page;
	record->cpu = raw_smp_processor_id();
	barrier();	/* so that a log that is read after a death has whole records only */
	t->shared->used++;
	return record;
}
