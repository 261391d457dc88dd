// SPDX-License-Identifier: GPL-2.0-only
/* A workload of futexes: two processes take turns at the pages that they share. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "workload.h"

#define TURNS	16u

static uint32_t *turns;		/* word 0: whose turn; the last one: how often it was given */
static char *data;

static long futex(uint32_t *word, int operation, uint32_t value, uintptr_t wakes,
		  uint32_t *other, uint32_t how)
{
	return syscall(SYS_futex, word, operation, value, wakes, other, how);
}

static void await_turn(uint32_t turn)
{
	uint32_t now;

	while ((now = __atomic_load_n(turns, __ATOMIC_ACQUIRE)) != turn)
		if (futex(turns, FUTEX_WAIT, now, 0, NULL, 0) < 0 && errno != EAGAIN &&
		    errno != EINTR)
			need(-1);
}

static void give_turn(uint32_t turn)
{
	uint32_t *count = turns + PAGE / 4 - 1;

	__atomic_store_n(turns, turn, __ATOMIC_RELEASE);
	need(futex(turns, FUTEX_WAKE_OP, 1, 1, count,
		   FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_LT, 0)));
	if (futex(turns, FUTEX_CMP_REQUEUE, 1, 0, count, turn) < 0 && errno != EAGAIN)
		need(-1);
}

static void take_turns(uint32_t first)
{
	for (uint32_t turn = first; turn < TURNS; turn += 2) {
		await_turn(turn);
		stage(turn, crc_area(data));
		fill_half(data, turn + 1);
		give_turn(turn + 1);
	}
}

static void take_odd_turns(void *unused)
{
	(void)unused;
	take_turns(1);
}

void workload_futex(void)
{
	pid_t child;

	turns = map_area(PAGE, MAP_SHARED | MAP_ANONYMOUS);
	data = map_area(AREA, MAP_SHARED | MAP_ANONYMOUS);
	fill_area(data, 0);
	child = start(take_odd_turns, NULL);
	take_turns(0);
	await(child);
	stage(TURNS, crc32_of(crc_area(data), turns, PAGE));
}
