// SPDX-License-Identifier: GPL-2.0-only
/* A workload of threads: they copy the pages of one address space at the same time. */
#include <pthread.h>
#include <sys/mman.h>

#include "workload.h"

#define THREADS	3u
#define ROUNDS	3u

static int go[2];	/* a pipe by which the parent lets a child go on */
static char *shared_area;
static uint32_t round_version;
static pthread_barrier_t barrier;

/* Each thread has every third page: all of them are copied at the same time. */
static void *write_part(void *number)
{
	for (uint32_t r = 0; r < ROUNDS; r++) {
		pthread_barrier_wait(&barrier);
		for (uint32_t i = (uintptr_t)number; i < PAGES; i += THREADS)
			fill(shared_area + i * PAGE, i, round_version);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void read_old(void *area)
{
	await_end(go[0]);
	stage(round_version * 2, crc_area(area));
}

void workload_threads(void)
{
	pthread_t threads[THREADS];
	pid_t child;

	make_pipe(go);
	shared_area = map_area(AREA, MAP_PRIVATE | MAP_ANONYMOUS);
	fill_area(shared_area, 0);
	need(-pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (uint32_t i = 0; i < THREADS; i++)
		need(-pthread_create(&threads[i], NULL, write_part, (void *)(uintptr_t)i));
	for (uint32_t r = 1; r <= ROUNDS; r++) {
		round_version = r;
		child = start(read_old, shared_area);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		stage(r * 2 - 1, crc_area(shared_area));
		signal_end(go[1]);
		await(child);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}
