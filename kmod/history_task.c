// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the threads of a concurrent history do: a random program at full speed.
 *
 * They run with the ordinary policy: the timer takes the CPU from them anywhere.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>
#include <linux/kthread.h>

#include "kmh.h"

#define OWN_WORDS	16	/* index of the word of thread 0; the tag is word 0 */

static u32 now(void)
{
	return atomic_inc_return(&kmh_history_run.clock);
}

/* xorshift32 of Marsaglia, "Xorshift RNGs" (2003) */
static u32 draw(struct kmh_history_task *t, u32 below)
{
	u32 x = t->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	t->random = x;
	return (x >> 8) % below;
}

/**
 * kmh_history_add() - the next record of a thread
 * @t: the current thread, also where a probe interrupts it
 * @code: enum kmh_history_code
 * @page: id
 * @reserve: records that must be left over for those without which the rest means nothing
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
	barrier();	/* a log that is read after a death has whole records only */
	t->shared->used++;
	return record;
}

static void begin(struct kmh_history_task *t, u8 code, u16 page)
{
	if (READ_ONCE(kmh_history_run.frozen))
		return;
	t->shared->page = page;
	t->shared->section = 0;
	t->shared->invoked = now();
	barrier();	/* the probe looks at the code */
	WRITE_ONCE(t->shared->code, code);
}

static void end(struct kmh_history_task *t, u32 value, u8 flags)
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
	record->returned = now();
}

static void map(struct kmh_history_task *t)
{
	const struct kmh_history_request *request = kmh_history_run.request;
	struct kmh_history_hold *hold = &t->held[t->n_held];
	unsigned long left = current->nvcsw;

	hold->page = request->first_page + draw(t, request->pages);
	hold->written = 0;
	begin(t, KMH_HISTORY_KMAP, hold->page);
	hold->address = (unsigned long)kmap(kmh_page(hold->page));
	t->n_held++;
	end(t, hold->address, current->nvcsw != left ? KMH_HISTORY_SLEPT : 0);
}

static void unmap(struct kmh_history_task *t, unsigned int i)
{
	struct kmh_history_hold hold = t->held[i];
	unsigned long left = current->nvcsw;

	t->held[i] = t->held[--t->n_held];
	begin(t, KMH_HISTORY_KUNMAP, hold.page);
	kunmap(kmh_page(hold.page));
	end(t, hold.address, current->nvcsw != left ? KMH_HISTORY_SLEPT : 0);
}

static void note(struct kmh_history_task *t, u8 code, u16 page, u32 value, u8 flags)
{
	struct kmh_history_record *record = kmh_history_add(t, code, page, 0);

	if (!record)
		return;
	record->invoked = atomic_read(&kmh_history_run.clock);
	record->returned = record->invoked;
	record->value = value;
	record->flags = flags;
}

static void read_tag(struct kmh_history_task *t, u16 page, unsigned long address)
{
	u32 value = 0;
	bool read = kmh_load(address, &value);

	note(t, KMH_HISTORY_TAG_READ, page, value, read ? 0 : KMH_HISTORY_FAULT);
}

static unsigned long own_word(const struct kmh_history_task *t, const struct kmh_history_hold *hold)
{
	return hold->address + (OWN_WORDS + t->id) * sizeof(u32);
}

static void write_own(struct kmh_history_task *t, const struct kmh_history_hold *hold)
{
	u32 value = ++t->written;
	bool written = kmh_store(own_word(t, hold), value);

	note(t, KMH_HISTORY_OWN_WRITE, hold->page, value, written ? 0 : KMH_HISTORY_FAULT);
}

static void read_own(struct kmh_history_task *t, const struct kmh_history_hold *hold)
{
	u32 value = 0;
	bool read = kmh_load(own_word(t, hold), &value);

	note(t, KMH_HISTORY_OWN_READ, hold->page, value, read ? 0 : KMH_HISTORY_FAULT);
}

static void ask_address(struct kmh_history_task *t)
{
	const struct kmh_history_request *request = kmh_history_run.request;
	u16 page = request->first_page + draw(t, request->pages);

	begin(t, KMH_HISTORY_PAGE_ADDRESS, page);
	end(t, (u32)page_address(kmh_page(page)), 0);
}

/* A mapping of the window, held over a change of task where the kernel has that. */
static void map_in_window(struct kmh_history_task *t)
{
	const struct kmh_history_request *request = kmh_history_run.request;
	u16 page = request->first_page + draw(t, request->pages);
#if KMH_HAS_KMAP_LOCAL
	void *address = kmap_local_page(kmh_page(page));

	note(t, KMH_HISTORY_LOCAL, page, (u32)address, 0);
	if (!draw(t, 2))
		cond_resched();
	read_tag(t, page, (unsigned long)address);
	kunmap_local(address);
#else
	void *address = kmap_atomic(kmh_page(page));

	note(t, KMH_HISTORY_LOCAL, page, (u32)address, 0);
	read_tag(t, page, (unsigned long)address);
	kunmap_atomic(address);
#endif
}

static void use(struct kmh_history_task *t)
{
	unsigned int i = draw(t, t->n_held);

	switch (draw(t, 8)) {
	case 0:
		read_tag(t, t->held[i].page, t->held[i].address);
		break;
	case 1:
		write_own(t, &t->held[i]);
		break;
	case 2:
		read_own(t, &t->held[i]);
		break;
	default:
		unmap(t, i);
	}
}

static void one_step(struct kmh_history_task *t)
{
	u32 choice = draw(t, 64);

	if (!draw(t, kmh_history_run.request->yields))
		yield();
	else if (choice == 1)
		ask_address(t);
	else if (choice == 2)
		map_in_window(t);
	else if (!t->n_held || (choice < 24 && t->n_held < kmh_history_run.request->holds))
		map(t);
	else
		use(t);
}

/*
 * Wait until all threads are here.  One that sleeps for ever because of a wake-up that got
 * lost finds nobody who would wake it later by chance.
 */
static void meet(struct kmh_history_task *t, unsigned int round)
{
	int all = (round + 1) * kmh_history_run.n_tasks;

	WRITE_ONCE(t->parked, 1);
	atomic_inc(&kmh_history_run.arrived);
	while (atomic_read(&kmh_history_run.arrived) < all && !READ_ONCE(kmh_history_run.stop)) {
		cpu_relax();
		cond_resched();
	}
	WRITE_ONCE(t->parked, 0);
}

static void one_round(struct kmh_history_task *t)
{
	unsigned int maps = 1 + draw(t, kmh_history_run.request->holds);

	while (maps--)
		map(t);
	if (!draw(t, kmh_history_run.request->yields))
		yield();
	for (maps = draw(t, 4); maps--;)
		read_tag(t, t->held[0].page, t->held[0].address);
	while (t->n_held)
		unmap(t, draw(t, t->n_held));
}

/* What must find room: the records of a step or a round, and an unmap for each mapping. */
static bool room(const struct kmh_history_task *t)
{
	return t->shared->used + 4 + 3 * KMH_HISTORY_HOLDS < kmh_history_run.log->stride;
}

static void run_steps(struct kmh_history_task *t)
{
	while (room(t) && !READ_ONCE(kmh_history_run.stop)) {
		one_step(t);
		cond_resched();
	}
}

/* The first that has no room ends it for all. */
static void run_rounds(struct kmh_history_task *t)
{
	unsigned int round;

	for (round = 0; !READ_ONCE(kmh_history_run.stop); round++) {
		one_round(t);
		if (!room(t))
			WRITE_ONCE(kmh_history_run.stop, 1);
		meet(t, round);
	}
}

static void await_go(void)
{
	atomic_inc(&kmh_history_run.ready);
	/* pairs with the coordinator: the pages' tags before the first access */
	while (!smp_load_acquire(&kmh_history_run.go)) {
		cpu_relax();
		cond_resched();
	}
}

static void await_stop(void)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/**
 * kmh_history_main() - the thread function
 * @data: struct kmh_history_task
 *
 * Return: 0
 */
int kmh_history_main(void *data)
{
	struct kmh_history_task *t = data;

	await_go();
	if (kmh_history_run.request->flags & KMH_HISTORY_ROUNDS)
		run_rounds(t);
	else
		run_steps(t);
	while (t->n_held)
		unmap(t, t->n_held - 1);
	/* pairs with ended(): the records before the end */
	smp_store_release(&t->done, 1);
	await_stop();
	return 0;
}
