// SPDX-License-Identifier: GPL-2.0-only
/* What a thread of a concurrent history can do, and the record that it makes of it. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>
#include <linux/kthread.h>

#include "kmh_history.h"

#define OWN_WORDS	16	/* index of the word of thread 0; the tag is word 0 */

static u32 draw_stamp(void)
{
	return atomic_inc_return(&kmh_history_run.clock);
}

/**
 * kmh_history_draw() - draw a random number
 * @t: the current thread
 * @below: one more than the greatest number
 *
 * This is xorshift32 of Marsaglia, "Xorshift RNGs" (2003).
 *
 * Return: the number.
 */
u32 kmh_history_draw(struct kmh_history_task *t, u32 below)
{
	u32 x = t->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	t->random = x;
	return (x >> 8) % below;
}

static void begin_record(struct kmh_history_task *t, u8 code, u16 page)
{
	if (READ_ONCE(kmh_history_run.frozen))
		return;
	t->shared->page = page;
	t->shared->section = 0;
	t->shared->invoked = draw_stamp();
	barrier();	/* the probe reads the code */
	WRITE_ONCE(t->shared->code, code);
}

static void end_record(struct kmh_history_task *t, u32 value, u8 flags)
{
	struct kmh_history_thread *shared = t->shared;
	struct kmh_history_record *record;
	u8 code = shared->code;

	if (READ_ONCE(kmh_history_run.frozen))
		return;
	WRITE_ONCE(shared->code, 0);
	record = kmh_history_add(t, code, shared->page, 0);
	if (!record)
		return;
	record->invoked = shared->invoked;
	record->ordered = shared->section;
	record->value = value;
	record->flags = flags;
	record->returned = draw_stamp();
}

void kmh_history_map(struct kmh_history_task *t)
{
	const struct kmh_history_request *request = kmh_history_run.request;
	struct kmh_history_hold *hold = &t->held[t->n_held];
	unsigned long left = current->nvcsw;

	hold->page = request->first_page + kmh_history_draw(t, request->pages);
	hold->written = 0;
	begin_record(t, KMH_HISTORY_KMAP, hold->page);
	hold->address = (unsigned long)kmap(kmh_page(hold->page));
	t->n_held++;
	end_record(t, hold->address, current->nvcsw != left ? KMH_HISTORY_SLEPT : 0);
}

void kmh_history_unmap(struct kmh_history_task *t, unsigned int i)
{
	struct kmh_history_hold hold = t->held[i];
	unsigned long left = current->nvcsw;

	t->held[i] = t->held[--t->n_held];
	begin_record(t, KMH_HISTORY_KUNMAP, hold.page);
	kunmap(kmh_page(hold.page));
	end_record(t, hold.address, current->nvcsw != left ? KMH_HISTORY_SLEPT : 0);
}

static void note_access(struct kmh_history_task *t, u8 code, u16 page, u32 value, u8 flags)
{
	struct kmh_history_record *record = kmh_history_add(t, code, page, 0);

	if (!record)
		return;
	record->invoked = atomic_read(&kmh_history_run.clock);
	record->returned = record->invoked;
	record->value = value;
	record->flags = flags;
}

void kmh_history_read_tag(struct kmh_history_task *t, u16 page, unsigned long address)
{
	u32 value = 0;
	bool read = kmh_load(address, &value);

	note_access(t, KMH_HISTORY_TAG_READ, page, value, read ? 0 : KMH_HISTORY_FAULT);
}

static unsigned long own_word(const struct kmh_history_task *t,
			      const struct kmh_history_hold *hold)
{
	return hold->address + (OWN_WORDS + t->id) * sizeof(u32);
}

static void write_own(struct kmh_history_task *t, const struct kmh_history_hold *hold)
{
	u32 value = ++t->written;
	bool written = kmh_store(own_word(t, hold), value);

	note_access(t, KMH_HISTORY_OWN_WRITE, hold->page, value, written ? 0 : KMH_HISTORY_FAULT);
}

static void read_own(struct kmh_history_task *t, const struct kmh_history_hold *hold)
{
	u32 value = 0;
	bool read = kmh_load(own_word(t, hold), &value);

	note_access(t, KMH_HISTORY_OWN_READ, hold->page, value, read ? 0 : KMH_HISTORY_FAULT);
}

void kmh_history_ask_address(struct kmh_history_task *t)
{
	const struct kmh_history_request *request = kmh_history_run.request;
	u16 page = request->first_page + kmh_history_draw(t, request->pages);

	begin_record(t, KMH_HISTORY_PAGE_ADDRESS, page);
	end_record(t, (u32)page_address(kmh_page(page)), 0);
}

/* A mapping of the window, held over a change of task where the kernel allows that. */
void kmh_history_map_in_window(struct kmh_history_task *t)
{
	const struct kmh_history_request *request = kmh_history_run.request;
	u16 page = request->first_page + kmh_history_draw(t, request->pages);
#if KMH_HAS_KMAP_LOCAL
	void *address = kmap_local_page(kmh_page(page));

	note_access(t, KMH_HISTORY_LOCAL, page, (u32)address, 0);
	if (!kmh_history_draw(t, 2))
		cond_resched();
	kmh_history_read_tag(t, page, (unsigned long)address);
	kunmap_local(address);
#else
	void *address = kmap_atomic(kmh_page(page));

	note_access(t, KMH_HISTORY_LOCAL, page, (u32)address, 0);
	kmh_history_read_tag(t, page, (unsigned long)address);
	kunmap_atomic(address);
#endif
}

void kmh_history_use(struct kmh_history_task *t)
{
	unsigned int i = kmh_history_draw(t, t->n_held);

	switch (kmh_history_draw(t, 8)) {
	case 0:
		kmh_history_read_tag(t, t->held[i].page, t->held[i].address);
		break;
	case 1:
		write_own(t, &t->held[i]);
		break;
	case 2:
		read_own(t, &t->held[i]);
		break;
	default:
		kmh_history_unmap(t, i);
	}
}
