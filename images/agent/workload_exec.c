// SPDX-License-Identifier: GPL-2.0-only
/* A workload of exec: the new program must find all arguments, which are pages of highmem. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "workload.h"

#define STRINGS	PAGES
#define AGAIN	"again"
#define HEAD	4	/* the name, the kind, the seed, AGAIN */

static char *arguments[HEAD + STRINGS + 1] = { KMH_WORKLOAD_NAME };
static char *environment[STRINGS + 1];

/* Letters made of a page's bytes; each string has another length. */
static char *make_string(char *page, uint32_t number, uint32_t version)
{
	uint32_t length = 1000 + mix(number, version + 2000) % 3000;

	fill(page, number, version);
	for (uint32_t i = 0; i < length; i++)
		page[i] = 'a' + (page[i] & 15);
	page[length] = 0;
	return page;
}

static uint32_t crc_strings(char **strings)
{
	uint32_t crc = 0;

	for (; *strings; strings++)
		crc = crc32_of(crc, *strings, strlen(*strings) + 1);
	return crc;
}

static void execute_again(void *unused)
{
	(void)unused;
	need(execve(KMH_WORKLOAD_PROGRAM, arguments, environment));
}

static void make_strings(char *area, char *more)
{
	for (uint32_t i = 0; i < STRINGS; i++) {
		arguments[HEAD + i] = make_string(area + i * PAGE, i, 0);
		environment[i] = make_string(more + i * PAGE, i, 1);
	}
}

void workload_exec(int argc, char **argv)
{
	char *area, *more;

	if (argc > HEAD && !strcmp(argv[HEAD - 1], AGAIN)) {
		stage(1, crc_strings(argv + HEAD));
		stage(2, crc_strings(environ));
		return;
	}
	area = map_area(AREA, MAP_PRIVATE | MAP_ANONYMOUS);
	more = map_area(AREA, MAP_PRIVATE | MAP_ANONYMOUS);
	arguments[1] = argv[1];
	arguments[2] = argv[2];
	arguments[3] = AGAIN;
	make_strings(area, more);
	stage(0, crc_strings(arguments + HEAD));
	await(start(execute_again, NULL));
	stage(3, crc_strings(environment));
}
