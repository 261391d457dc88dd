// SPDX-License-Identifier: GPL-2.0-only
/* What the threads of a schedule execute, and the records of it. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>

#include "kmh_schedule.h"

static void (*flush_unused)(void);

static unsigned long flush_function(void)
{
	return kmh_function("__kmap_flush_unused") ?: kmh_function("kmap_flush_unused");
}

/**
 * kmh_schedule_flush_init() - find the function that drops unused mappings
 *
 * Return: 0, or -EOPNOTSUPP if there is none.
 */
int kmh_schedule_flush_init(void)
{
	if (!flush_unused)
		flush_unused = (void (*)(void))flush_function();
	return flush_unused ? 0 : -EOPNOTSUPP;
}

/**
 * kmh_schedule_flush() - drop the unused mappings
 */
void kmh_schedule_flush(void)
{
	flush_unused();
}

static u16 id_of(u8 page)
{
	return kmh_schedule.request->first_page + page;
}

/* ---- records ---- */

static void begin_record(struct kmh_schedule_task *t, u8 code, u8 page)
{
	if (READ_ONCE(kmh_schedule.open))
		return;
	t->shared.page = id_of(page);
	t->shared.section = 0;
	t->shared.invoked = ++kmh_schedule.clock;
	t->shared.code = code;
}

static void add_record(struct kmh_schedule_task *t, const struct kmh_history_record *record)
{
	if (t->shared.used == KMH_SCHEDULE_RECORDS)
		kmh_schedule.too_long = true;
	else
		t->records[t->shared.used++] = *record;
}

static void end_record(struct kmh_schedule_task *t, u32 value, u8 flags)
{
	struct kmh_history_record record = {
		.invoked = t->shared.invoked,
		.ordered = t->shared.section,
		.value = value,
		.page = t->shared.page,
		.code = t->shared.code,
		.cpu = t->shared.cpu,
		.flags = flags,
	};

	if (READ_ONCE(kmh_schedule.open))
		return;
	record.returned = ++kmh_schedule.clock;
	t->shared.code = 0;
	add_record(t, &record);
}

/* ---- operations ---- */

static u8 slept_since(unsigned long left)
{
	return current->nvcsw != left ? KMH_HISTORY_SLEPT : 0;
}

static void map(struct kmh_schedule_task *t, u8 page)
{
	unsigned long left = current->nvcsw;

	begin_record(t, KMH_HISTORY_KMAP, page);
	t->mapped[page] = (unsigned long)kmap(kmh_page(id_of(page)));
	atomic_inc(&kmh_schedule.held[page]);
	end_record(t, t->mapped[page], slept_since(left));
}

static void unmap(struct kmh_schedule_task *t, u8 page)
{
	unsigned long left = current->nvcsw;

	begin_record(t, KMH_HISTORY_KUNMAP, page);
	atomic_dec(&kmh_schedule.held[page]);
	kunmap(kmh_page(id_of(page)));
	end_record(t, t->mapped[page], slept_since(left));
}

static void ask_address(struct kmh_schedule_task *t, u8 page)
{
	u32 address;

	begin_record(t, KMH_HISTORY_PAGE_ADDRESS, page);
	address = (u32)page_address(kmh_page(id_of(page)));
	end_record(t, address, 0);
}

static void read_tag(struct kmh_schedule_task *t, u8 page, unsigned long address)
{
	struct kmh_history_record record = {
		.page = id_of(page),
		.code = KMH_HISTORY_TAG_READ,
		.cpu = t->shared.cpu,
	};

	if (READ_ONCE(kmh_schedule.open))
		return;
	record.invoked = kmh_schedule.clock;
	record.returned = kmh_schedule.clock;
	if (!kmh_load(address, &record.value))
		record.flags = KMH_HISTORY_FAULT;
	add_record(t, &record);
}

#if KMH_HAS_KMAP_LOCAL
static void *map_own(struct page *page)
{
	return kmap_local_page(page);
}

static void unmap_own(void *address)
{
	kunmap_local(address);
}
#else
/* The request is refused for all threads but interrupts. */
static void *map_own(struct page *page)
{
	return NULL;
}

static void unmap_own(void *address)
{
}
#endif

/* In an interrupt kmap_atomic() is the same, and kernels without kmap_local have it. */
static void map_local(struct kmh_schedule_task *t, u8 page)
{
	begin_record(t, KMH_HISTORY_LOCAL, page);
	t->local[page] = t->context ? kmap_atomic(kmh_page(id_of(page))) :
		map_own(kmh_page(id_of(page)));
	end_record(t, (u32)t->local[page], 0);
}

static void unmap_local(struct kmh_schedule_task *t, u8 page)
{
	if (t->context)
		kunmap_atomic(t->local[page]);
	else
		unmap_own(t->local[page]);
}

static void perform(struct kmh_schedule_task *t, u8 code, u8 page)
{
	switch (code) {
	case KMH_SCHEDULE_KMAP:
		map(t, page);
		break;
	case KMH_SCHEDULE_KUNMAP:
		unmap(t, page);
		break;
	case KMH_SCHEDULE_PAGE_ADDRESS:
		ask_address(t, page);
		break;
	case KMH_SCHEDULE_READ:
		read_tag(t, page, t->mapped[page]);
		break;
	case KMH_SCHEDULE_READ_LOCAL:
		read_tag(t, page, (unsigned long)t->local[page]);
		break;
	case KMH_SCHEDULE_KMAP_LOCAL:
		map_local(t, page);
		break;
	case KMH_SCHEDULE_KUNMAP_LOCAL:
		unmap_local(t, page);
		break;
	case KMH_SCHEDULE_FLUSH:
		kmh_schedule_flush();
		break;
	}
}

/* Whether the thread waits before an operation, because that has no gate of its own. */
static bool has_no_gate(u8 code)
{
	return code == KMH_SCHEDULE_READ || code == KMH_SCHEDULE_READ_LOCAL ||
	       code == KMH_SCHEDULE_KMAP_LOCAL || code == KMH_SCHEDULE_KUNMAP_LOCAL;
}

/**
 * kmh_schedule_execute() - execute the operations of a thread, or of an interrupt
 * @t: the current thread, or the interrupt that has the turn
 */
void kmh_schedule_execute(struct kmh_schedule_task *t)
{
	const struct kmh_schedule_thread *program = t->program;
	unsigned int i;

	if (t->context)
		kmh_schedule_event(t, KMH_GATE_START, 0, false);
	for (i = 0; i < program->n_ops; i++) {
		memset(t->hits, 0, sizeof(t->hits));
		if (has_no_gate(program->codes[i]))
			kmh_gate_operation(t, i, KMH_GATE_OPERATION);
		else if (!READ_ONCE(kmh_schedule.open))
			kmh_schedule_event(t, KMH_GATE_OPERATION, i, false);
		if (program->codes[i] == KMH_SCHEDULE_SLEEP)
			kmh_gate_operation(t, i, KMH_GATE_PAUSE);
		perform(t, program->codes[i], program->pages[i]);
	}
	kmh_gate_end(t);
}
