// SPDX-License-Identifier: GPL-2.0-only
/* The logs of schedules: each distinct one is kept once, with its shortest schedule. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/jhash.h>
#include <linux/vmalloc.h>

#include "kmh_schedule.h"

#define ARENA		0x200000u	/* bytes for all logs of a request */
#define ANSWER		0x80000u	/* bytes of an answer */
#define OUTCOMES	2048

/*
 * A log in the arena: the head, then what makes it distinct (threads, records, slots), then
 * its schedule (decisions, events).
 */
struct stored_log {
	struct kmh_outcome_log *head;
	u32 hash;
	u32 key_length;
	u32 length;		/* of all */
};

static u8 *arena, *answer;
static size_t arena_used, live;
static struct stored_log stored[OUTCOMES];
static unsigned int n_stored;

static struct {
	struct kmh_history_thread threads[KMH_SCHEDULE_THREADS];
	struct kmh_history_record records[KMH_SCHEDULE_THREADS * KMH_SCHEDULE_RECORDS];
	struct kmh_changed_slot changed[KMH_SCHEDULE_CHANGED];
} key_room;

int kmh_schedule_log_init(void)
{
	if (!arena)
		arena = vzalloc(ARENA);
	if (!answer)
		answer = vzalloc(ANSWER);
	return arena && answer ? 0 : -ENOMEM;
}

void kmh_schedule_log_free(void)
{
	vfree(arena);
	vfree(answer);
}

void kmh_schedule_log_begin(void)
{
	arena_used = 0;
	live = 0;
	n_stored = 0;
}

/* ---- one log ---- */

static u8 *append(u8 *to, const void *from, size_t length)
{
	memcpy(to, from, length);
	return to + length;
}

static void note_state(struct kmh_history_thread *thread, const struct kmh_schedule_task *t,
		       u32 outcome)
{
	*thread = t->shared;
	if (kmh_schedule_died(t))
		thread->state = KMH_HISTORY_THREAD_DIED;
	else if (t->state == KMH_SCHEDULE_ENDED || t->state == KMH_SCHEDULE_ARMED)
		thread->state = KMH_HISTORY_THREAD_ENDED;
	else if (outcome == KMH_HISTORY_ASLEEP && t->state == KMH_SCHEDULE_SLEEPS)
		thread->state = KMH_HISTORY_THREAD_SLEPT;
}

/* Return: the length of the key, which is written to key_room without gaps. */
static size_t build_key(struct kmh_outcome_log *head)
{
	struct kmh_schedule_run *run = &kmh_schedule;
	u8 *end = (u8 *)&key_room;
	unsigned int i, n;

	for (i = 0; i < run->n_tasks; i++) {
		note_state((struct kmh_history_thread *)end, &run->tasks[i], head->outcome);
		end += sizeof(struct kmh_history_thread);
	}
	for (i = 0; i < run->n_tasks; i++)
		end = append(end, run->tasks[i].records,
			     run->tasks[i].shared.used * sizeof(struct kmh_history_record));
	n = kmh_schedule_changed((struct kmh_changed_slot *)end, KMH_SCHEDULE_CHANGED);
	if (n > KMH_SCHEDULE_CHANGED)
		run->too_long = true;
	head->n_changed = min_t(unsigned int, n, KMH_SCHEDULE_CHANGED);
	end += head->n_changed * sizeof(struct kmh_changed_slot);
	return end - (u8 *)&key_room;
}

static void count_slots(struct kmh_outcome_log *head)
{
	unsigned int i;

	for (i = 0; i < LAST_PKMAP; i++) {
		head->free_slots += kmh_slot_count(i) == 0;
		head->unused_slots += kmh_slot_count(i) == 1;
	}
}

static void fill_head(struct kmh_outcome_log *head, u32 number, u32 outcome)
{
	const struct kmh_schedule_run *run = &kmh_schedule;

	*head = (struct kmh_outcome_log) {
		.number = number,
		.times = 1,
		.cursor = kmh_cursor(),
		.outcome = outcome,
		.clock = run->clock,
		.preemptions = run->n_decisions ? run->decisions[run->n_decisions - 1].used : 0,
		.n_decisions = run->n_decisions,
		.n_events = run->n_events,
	};
	if (outcome == KMH_HISTORY_ASLEEP)
		count_slots(head);
}

/* ---- all logs ---- */

static struct stored_log *find_same(const struct kmh_outcome_log *head, size_t length, u32 hash)
{
	unsigned int i;

	for (i = 0; i < n_stored; i++) {
		const struct stored_log *one = &stored[i];

		if (one->hash == hash && one->key_length == length &&
		    one->head->outcome == head->outcome && one->head->cursor == head->cursor &&
		    !memcmp(one->head + 1, &key_room, length))
			return &stored[i];
	}
	return NULL;
}

static bool is_shorter(const struct kmh_outcome_log *one, const struct kmh_outcome_log *other)
{
	if (one->preemptions != other->preemptions)
		return one->preemptions < other->preemptions;
	return one->n_events < other->n_events;
}

/* There is room: the caller has seen to that. */
static void store(struct stored_log *one, const struct kmh_outcome_log *head, size_t length,
		  u32 hash)
{
	const struct kmh_schedule_run *run = &kmh_schedule;
	u8 *start = arena + arena_used, *end;

	end = append(start, head, sizeof(*head));
	end = append(end, &key_room, length);
	end = append(end, run->decisions, head->n_decisions * sizeof(run->decisions[0]));
	end = append(end, run->events, head->n_events * sizeof(run->events[0]));
	one->head = (struct kmh_outcome_log *)start;
	one->hash = hash;
	one->key_length = length;
	one->length = end - start;
	arena_used += one->length;
	live += one->length;
}

static bool has_room(void)
{
	const size_t most = sizeof(struct kmh_outcome_log) + sizeof(key_room) +
		sizeof(kmh_schedule.decisions) + sizeof(kmh_schedule.events);
	const size_t others = sizeof(struct kmh_schedules) + sizeof(kmh_schedule.plan) +
		LAST_PKMAP * sizeof(struct kmh_history_slot);

	return arena_used + most <= ARENA && live + most + others <= ANSWER &&
	       n_stored < OUTCOMES;
}

/**
 * kmh_schedule_log_add() - note the log of the schedule that was run
 * @number: of the schedule
 * @outcome: enum kmh_history_outcome
 *
 * Return: false if there is no room for another one.
 */
bool kmh_schedule_log_add(u32 number, u32 outcome)
{
	struct kmh_outcome_log head;
	struct stored_log *same;
	size_t length;
	u32 hash;

	fill_head(&head, number, outcome);
	length = build_key(&head);
	hash = jhash(&key_room, length, head.cursor);
	same = find_same(&head, length, hash);
	if (!same) {
		store(&stored[n_stored++], &head, length, hash);
		return has_room();
	}
	head.times = ++same->head->times;
	if (is_shorter(&head, same->head)) {
		live -= same->length;
		store(same, &head, length, hash);
	}
	return has_room();
}

/**
 * kmh_schedule_log_answer() - put the answer to a request together
 * @head: what it begins with
 * @body: set to the answer
 *
 * Return: its length.
 */
size_t kmh_schedule_log_answer(struct kmh_schedules *head, const void **body)
{
	const struct kmh_schedule_run *run = &kmh_schedule;
	unsigned int i;
	u8 *end;

	head->n_outcomes = n_stored;
	end = append(answer, head, sizeof(*head));
	end = append(end, kmh_schedule_before(), LAST_PKMAP * sizeof(struct kmh_history_slot));
	end = append(end, run->plan, head->n_decisions * sizeof(run->plan[0]));
	for (i = 0; i < n_stored; i++)
		end = append(end, stored[i].head, stored[i].length);
	*body = answer;
	return end - answer;
}
