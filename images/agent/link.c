// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames over a port that may lose or damage bytes.
 *
 * Input is read in big pieces whenever there is any, also while output waits for
 * room: the host may send its next requests before it has read the last answer.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"

#define INPUT_ROOM	(REQUEST_MAX + (1u << 20))

static int port;
static uint8_t *input;
static size_t start, end;	/* input[start..end) has not been looked at */

void link_start(int fd)
{
	port = fd;
	input = malloc(INPUT_ROOM);
	if (!input)
		say("error: no memory for the input buffer");
}

static void make_room(void)
{
	if (start == end)
		start = end = 0;
	if (end == INPUT_ROOM && start) {
		memmove(input, input + start, end - start);
		end -= start;
		start = 0;
	}
}

/* Take what has arrived.  Return: false if there was nothing. */
static bool fetch(void)
{
	ssize_t n;

	make_room();
	if (end == INPUT_ROOM)
		return false;
	n = read(port, input + end, INPUT_ROOM - end);
	if (n <= 0)
		return false;
	end += n;
	return true;
}

#define PEERLESS_MS	20

/*
 * Whether the port became ready.  A virtio port without a peer is "ready" at once and
 * reads nothing: then a little of the time is slept away, and *timeout_ms lessened.
 */
static bool wait_for(short events, int *timeout_ms)
{
	struct pollfd entry = { .fd = port, .events = events };

	while (poll(&entry, 1, *timeout_ms) > 0) {
		if (!(entry.revents & POLLHUP) || entry.revents & POLLIN)
			return true;
		poll(NULL, 0, PEERLESS_MS);
		if (*timeout_ms < 0)
			continue;
		if (*timeout_ms <= PEERLESS_MS)
			return false;
		*timeout_ms -= PEERLESS_MS;
	}
	return false;
}

/*
 * Bytes that are no frame are dropped up to the next possible magic.  Return: whether there
 * were any: somebody must tell the host, else a request whose head is damaged looks like a
 * kernel that never answers.
 */
static bool skip_garbage(void)
{
	size_t from = start;

	static const uint8_t magic[4] = { KMH_MAGIC & 255, KMH_MAGIC >> 8 & 255,
					  KMH_MAGIC >> 16 & 255, KMH_MAGIC >> 24 };

	while (end > start) {
		size_t n = end - start < 4 ? end - start : 4;
		uint8_t *at;

		if (!memcmp(input + start, magic, n))
			break;
		at = memchr(input + start + 1, magic[0], end - start - 1);
		start = at ? (size_t)(at - input) : end;
	}
	return start != from;
}

static bool intact(struct kmh_frame frame, const uint8_t *payload)
{
	uint32_t said = frame.crc;

	frame.crc = 0;
	return crc32_of(crc32_of(0, &frame, sizeof(frame)), payload, frame.length) == said;
}

enum parse { PARSE_FRAME, PARSE_MORE, PARSE_DAMAGED };

/* The next frame of the input; a damaged one loses its magic, so that the search goes on behind it. */
static enum parse parse(struct kmh_frame *frame, const uint8_t **payload)
{
	if (skip_garbage())
		return PARSE_DAMAGED;
	if (end - start < sizeof(*frame))
		return PARSE_MORE;
	memcpy(frame, input + start, sizeof(*frame));
	if (frame->length > REQUEST_MAX) {
		start++;
		return PARSE_DAMAGED;
	}
	if (end - start < sizeof(*frame) + frame->length) {
		if (start && sizeof(*frame) + frame->length > INPUT_ROOM - start) {
			memmove(input, input + start, end - start);
			end -= start;
			start = 0;
		}
		return PARSE_MORE;
	}
	*payload = input + start + sizeof(*frame);
	if (!intact(*frame, *payload)) {
		start++;
		return PARSE_DAMAGED;
	}
	start += sizeof(*frame) + frame->length;
	return PARSE_FRAME;
}

#define PARTIAL_MS	500	/* a frame that stops arriving for so long is damaged */

/*
 * Wait for a frame.  A damaged one is returned as type 0.  *payload is valid until the
 * next call of any function here.  Return: false after timeout_ms (-1: never).
 */
bool link_receive(struct kmh_frame *frame, const uint8_t **payload, int timeout_ms)
{
	for (;;) {
		bool partial;
		int patience;

		switch (parse(frame, payload)) {
		case PARSE_FRAME:
			return true;
		case PARSE_DAMAGED:
			frame->type = 0;
			return true;
		case PARSE_MORE:
			break;
		}
		partial = start != end;
		if (fetch())
			continue;
		patience = partial ? PARTIAL_MS : timeout_ms;
		if (wait_for(POLLIN, &patience))
			continue;
		if (!partial)
			return false;
		start++;
		frame->type = 0;
		return true;
	}
}

static void advance(struct iovec *parts, size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t step = n < parts[i].iov_len ? n : parts[i].iov_len;

		parts[i].iov_base = (char *)parts[i].iov_base + step;
		parts[i].iov_len -= step;
		n -= step;
	}
}

/* Send one frame whole; input that arrives meanwhile is kept. */
void link_send(uint32_t seq, uint16_t type, uint16_t part, const void *payload, uint32_t length)
{
	struct kmh_frame frame = { KMH_MAGIC, seq, type, part, length, 0 };
	struct iovec parts[2] = { { &frame, sizeof(frame) }, { (void *)payload, length } };

	frame.crc = crc32_of(crc32_of(0, &frame, sizeof(frame)), payload, length);
	while (parts[0].iov_len + parts[1].iov_len) {
		ssize_t n = writev(port, parts, 2);

		if (n > 0) {
			advance(parts, n);
			continue;
		}
		if (!fetch()) {
			int patience = 100;

			wait_for(end < INPUT_ROOM ? POLLIN | POLLOUT : POLLOUT, &patience);
		}
	}
}
