// SPDX-License-Identifier: GPL-2.0-only
/*
 * A script: requests that lie in the image.
 *
 * With an instruction clock the guest then does the same at the same instruction in every
 * boot: no request, no interrupt of a device comes from the host before the last is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

struct answer {
	uint32_t length;
	uint8_t *bytes;
};

static uint8_t *script;
static size_t script_size;
static struct answer *answers;
static uint32_t n_answers;

/* Read whole before the first request: reading a file may use the mappings under test. */
bool script_open(void)
{
	int fd = open(KMH_SCRIPT, O_RDONLY | O_CLOEXEC);
	struct stat status;
	size_t size = 0;

	if (fd < 0)
		return false;
	if (!fstat(fd, &status))
		script = malloc(status.st_size + 1);
	while (script && size < (size_t)status.st_size) {
		ssize_t n = read(fd, script + size, status.st_size - size);

		if (n <= 0)
			break;
		size += n;
	}
	close(fd);
	script_size = size;
	return true;
}

static uint32_t count_requests(void)
{
	struct kmh_request header;
	uint32_t count = 0;

	for (size_t at = 0; at + sizeof(header) <= script_size; at += sizeof(header) + header.length) {
		memcpy(&header, script + at, sizeof(header));
		count++;
	}
	return count;
}

static void keep_answer(uint32_t length)
{
	struct answer *answer = &answers[n_answers++];

	answer->bytes = malloc(length);
	if (!answer->bytes)
		return fail("script");
	answer->length = length;
	memcpy(answer->bytes, request_scratch(), length);
}

void script_run(void)
{
	struct kmh_request header;

	answers = calloc(count_requests() + 1, sizeof(*answers));
	if (!answers)
		return fail("script");
	for (size_t at = 0; at + sizeof(header) <= script_size; at += sizeof(header) + header.length) {
		memcpy(&header, script + at, sizeof(header));
		if (header.length > script_size - at - sizeof(header))
			break;
		keep_answer(request_execute(&header, script + at, sizeof(header) + header.length));
	}
	say("script of %u requests done", n_answers);
}

/* The answer to request n, whole; NULL where there is none. */
const uint8_t *script_answer(uint32_t n, uint32_t *length)
{
	if (n >= n_answers || !answers[n].length)
		return NULL;
	*length = answers[n].length;
	return answers[n].bytes;
}
