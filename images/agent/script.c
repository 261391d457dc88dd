// SPDX-License-Identifier: GPL-2.0-only
/*
 * A script: requests that lie in the image.
 *
 * With an instruction clock the guest does the same at the same instruction in every boot: the
 * host sends no request, and causes no interrupt of a device, before the last one is done.
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

static uint8_t *script_bytes;
static size_t script_size;
static struct answer *script_answers;
static uint32_t n_script_answers;

/* Read all of it before the first request: reading a file may use the mappings under test. */
bool script_open(void)
{
	int fd = open(KMH_SCRIPT, O_RDONLY | O_CLOEXEC);
	struct stat status;
	size_t size = 0;

	if (fd < 0)
		return false;
	if (!fstat(fd, &status))
		script_bytes = malloc(status.st_size + 1);
	while (script_bytes && size < (size_t)status.st_size) {
		ssize_t n = read(fd, script_bytes + size, status.st_size - size);

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
	size_t at = 0;

	while (at + sizeof(header) <= script_size) {
		memcpy(&header, script_bytes + at, sizeof(header));
		at += sizeof(header) + header.length;
		count++;
	}
	return count;
}

static void keep_answer(uint32_t length)
{
	struct answer *answer = &script_answers[n_script_answers++];

	answer->bytes = malloc(length);
	if (!answer->bytes)
		return fail("script");
	answer->length = length;
	memcpy(answer->bytes, request_scratch(), length);
}

void script_run(void)
{
	struct kmh_request header;
	size_t at = 0;

	script_answers = calloc(count_requests() + 1, sizeof(*script_answers));
	if (!script_answers)
		return fail("script");
	while (at + sizeof(header) <= script_size) {
		memcpy(&header, script_bytes + at, sizeof(header));
		if (header.length > script_size - at - sizeof(header))
			break;
		keep_answer(request_execute(&header, script_bytes + at,
					    sizeof(header) + header.length));
		at += sizeof(header) + header.length;
	}
	say("script of %u requests done", n_script_answers);
}

/* The whole answer to request n, or NULL. */
const uint8_t *script_answer(uint32_t n, uint32_t *length)
{
	if (n >= n_script_answers || !script_answers[n].length)
		return NULL;
	*length = script_answers[n].length;
	return script_answers[n].bytes;
}
