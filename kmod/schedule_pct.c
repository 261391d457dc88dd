// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random schedules with a bound on the probability (Burckhardt, Kothari, Musuvathi and
 * Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", 2010):
 * the thread of the highest priority goes on.  Priorities are drawn, and so are depth - 1
 * steps at which that thread falls below all others.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/minmax.h>

#include "kmh_schedule.h"

static struct {
	u32 random;
	unsigned int threads;
	u8 depth;
	u32 steps;		/* of this schedule */
	u32 longest;		/* of all schedules of the request */
	u8 priority[KMH_SCHEDULE_THREADS];
	u32 falls[KMH_SCHEDULE_DEPTH - 1]; /* the steps */
} pct;

/* An xorshift generator: a seed means the same schedules on all kernels. */
static u32 draw(u32 below)
{
	pct.random ^= pct.random << 13;
	pct.random ^= pct.random >> 17;
	pct.random ^= pct.random << 5;
	return (u64)pct.random * below >> 32;
}

static void seed(u32 value, u32 number)
{
	unsigned int i;

	pct.random = (value ^ number * 0x9e3779b9) ?: 1;
	for (i = 0; i < 8; i++)
		draw(1);
}

/* The priorities from the depth on, in a random order. */
static void draw_priorities(void)
{
	unsigned int i, other;

	for (i = 0; i < pct.threads; i++)
		pct.priority[i] = pct.depth + i;
	for (i = pct.threads - 1; i > 0; i--) {
		other = draw(i + 1);
		swap(pct.priority[i], pct.priority[other]);
	}
}

/**
 * kmh_pct_begin() - draw the priorities of a schedule, and where they change
 * @request: what they are drawn from
 * @number: of the schedule, in this request
 */
void kmh_pct_begin(const struct kmh_schedules_request *request, u32 number)
{
	unsigned int i;

	pct.threads = request->n_threads;
	pct.depth = request->depth;
	seed(request->seed, request->first + number);
	draw_priorities();
	for (i = 0; i + 1 < request->depth; i++)
		pct.falls[i] = 1 + draw(request->length);
	pct.steps = 0;
}

static int highest(u8 enabled)
{
	int i, best = -1;

	for (i = 0; i < pct.threads; i++) {
		if (enabled & BIT(i) && (best < 0 || pct.priority[i] > pct.priority[best]))
			best = i;
	}
	return best;
}

/**
 * kmh_pct_choose() - decide who takes the next step
 * @enabled: a bit for each thread that can
 *
 * Return: a thread.
 */
int kmh_pct_choose(u8 enabled)
{
	int best = highest(enabled);
	unsigned int i;

	pct.steps++;
	pct.longest = max(pct.longest, pct.steps);
	for (i = 0; i + 1 < pct.depth; i++) {
		if (pct.falls[i] == pct.steps)
			pct.priority[best] = i;
	}
	return highest(enabled);
}

/**
 * kmh_pct_longest() - tell how many steps the longest schedule had
 *
 * Return: the number, since the last call.
 */
u32 kmh_pct_longest(void)
{
	u32 longest = pct.longest;

	pct.longest = 0;
	return longest;
}
