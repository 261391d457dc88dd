// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames over a port that may lose or damage bytes.
 *
 * The agent reads input in big pieces whenever there is some, also while its output waits for
 * room: the host may send its next requests before it has read the last answer.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"

#define INPUT_ROOM	(REQUEST_MAX + (1u << 20))

static int link_port;
static uint8_t *input;
static size_t input_start, input_end;	/* input[input_start..input_end) is not parsed yet */

void link_start(int fd)
{
	link_port = fd;
	input = malloc(INPUT_ROOM);
	if (!input)
		say("error: no memory for the input buffer");
}

static void make_room(void)
{
	if (input_start == input_end)
		input_start = input_end = 0;
	if (input_end == INPUT_ROOM && input_start) {
		memmove(input, input + input_start, input_end - input_start);
		input_end -= input_start;
		input_start = 0;
	}
}

/* Take the bytes that have arrived.  Return: false if there were none. */
static bool fetch_input(void)
{
	ssize_t n;

	make_room();
	if (input_end == INPUT_ROOM)
		return false;
	n = read(link_port, input + input_end, INPUT_ROOM - input_end);
	if (n <= 0)
		return false;
	input_end += n;
	return true;
}

#define PEERLESS_MS	20

/*
 * Wait until the port is ready.  A virtio port without a peer is "ready" at once and reads
 * nothing: then sleep for a part of the time, and lessen *timeout_ms.
 * Return: false if it is not ready in time.
 */
static bool wait_for(short events, int *timeout_ms)
{
	struct pollfd entry = { .fd = link_port, .events = events };

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
 * Drop bytes that are no frame, up to the next possible magic number.  Return: whether there
 * were any.  The caller must tell the host then: a request whose head is damaged would look like
 * a kernel that never answers.
 */
static bool skip_garbage(void)
{
	size_t from = input_start;

	static const uint8_t magic[4] = { KMH_MAGIC & 255, KMH_MAGIC >> 8 & 255,
					  KMH_MAGIC >> 16 & 255, KMH_MAGIC >> 24 };

	while (input_end > input_start) {
		size_t n = input_end - input_start < 4 ? input_end - input_start : 4;
		uint8_t *at;

		if (!memcmp(input + input_start, magic, n))
			break;
		at = memchr(input + input_start + 1, magic[0], input_end - input_start - 1);
		input_start = at ? (size_t)(at - input) : input_end;
	}
	return input_start != from;
}

static bool intact(struct kmh_frame frame, const uint8_t *payload)
{
	uint32_t said = frame.crc;

	frame.crc = 0;
	return crc32_of(crc32_of(0, &frame, sizeof(frame)), payload, frame.length) == said;
}

enum parse { PARSE_FRAME, PARSE_MORE, PARSE_DAMAGED };

/* Take the next frame; skip the magic number of a damaged one, to search behind it. */
static enum parse parse_frame(struct kmh_frame *frame, const uint8_t **payload)
{
	if (skip_garbage())
		return PARSE_DAMAGED;
	if (input_end - input_start < sizeof(*frame))
		return PARSE_MORE;
	memcpy(frame, input + input_start, sizeof(*frame));
	if (frame->length > REQUEST_MAX) {
		input_start++;
		return PARSE_DAMAGED;
	}
	if (input_end - input_start < sizeof(*frame) + frame->length) {
		if (input_start && sizeof(*frame) + frame->length > INPUT_ROOM - input_start) {
			memmove(input, input + input_start, input_end - input_start);
			input_end -= input_start;
			input_start = 0;
		}
		return PARSE_MORE;
	}
	*payload = input + input_start + sizeof(*frame);
	if (!intact(*frame, *payload)) {
		input_start++;
		return PARSE_DAMAGED;
	}
	input_start += sizeof(*frame) + frame->length;
	return PARSE_FRAME;
}

#define PARTIAL_MS	500	/* a frame is damaged if no byte of it arrives for so long */

/*
 * Wait for a frame.  A damaged one has the type 0.  *payload is valid until the next call of a
 * function of this file.  Return: false after timeout_ms; -1 means never.
 */
bool link_receive(struct kmh_frame *frame, const uint8_t **payload, int timeout_ms)
{
	for (;;) {
		bool partial;
		int patience;

		switch (parse_frame(frame, payload)) {
		case PARSE_FRAME:
			return true;
		case PARSE_DAMAGED:
			frame->type = 0;
			return true;
		case PARSE_MORE:
			break;
		}
		partial = input_start != input_end;
		if (fetch_input())
			continue;
		patience = partial ? PARTIAL_MS : timeout_ms;
		if (wait_for(POLLIN, &patience))
			continue;
		if (!partial)
			return false;
		input_start++;
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

/* Send a whole frame, and keep the input that arrives meanwhile. */
void link_send(uint32_t seq, uint16_t type, uint16_t part, const void *payload, uint32_t length)
{
	struct kmh_frame frame = { KMH_MAGIC, seq, type, part, length, 0 };
	struct iovec parts[2] = { { &frame, sizeof(frame) }, { (void *)payload, length } };

	frame.crc = crc32_of(crc32_of(0, &frame, sizeof(frame)), payload, length);
	while (parts[0].iov_len + parts[1].iov_len) {
		ssize_t n = writev(link_port, parts, 2);

		if (n > 0) {
			advance(parts, n);
			continue;
		}
		if (!fetch_input()) {
			int patience = 100;

			wait_for(input_end < INPUT_ROOM ? POLLIN | POLLOUT : POLLOUT, &patience);
		}
	}
}
