// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests, one after the other, each executed once.
 *
 * Operations are not idempotent.  So the agent keeps its last answers, and answers a request
 * that comes again from there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

#define SENT_ANSWERS	8		/* kept; the host has fewer requests in flight */
#define ANSWER_ROOM	(8u << 20)
#define READY_MS	1000

struct answer {
	uint32_t seq;
	uint32_t length;
	uint8_t *bytes;
};

static struct answer sent_answers[SENT_ANSWERS];
static uint8_t *answer_scratch;
static uint32_t expected_seq = 1;	/* sequence number of the next new request */
static bool host_heard;			/* a valid frame has arrived */

static struct answer *find(uint32_t seq)
{
	struct answer *answer = &sent_answers[seq % SENT_ANSWERS];

	return answer->bytes && answer->seq == seq ? answer : NULL;
}

/* Later answers overwrite the scratch buffer, so keep a copy. */
static struct answer *keep(uint32_t seq, uint32_t length)
{
	struct answer *answer = &sent_answers[seq % SENT_ANSWERS];
	uint8_t *bytes = realloc(answer->bytes, length ? length : 1);

	if (!bytes) {
		say("error: no memory to keep an answer of %u bytes", length);
		return NULL;
	}
	memcpy(bytes, answer_scratch, length);
	*answer = (struct answer){ seq, length, bytes };
	return answer;
}

/* Send an answer, from one of its parts on. */
static void send_answer(const struct answer *answer, uint32_t part)
{
	uint32_t parts = (answer->length + FRAME_PAYLOAD - 1) / FRAME_PAYLOAD;

	for (parts = parts ? parts : 1; part < parts; part++) {
		uint32_t from = part * FRAME_PAYLOAD;
		uint32_t length = answer->length - from;
		uint16_t last = length <= FRAME_PAYLOAD ? KMH_FRAME_LAST : 0;

		link_send(answer->seq, KMH_FRAME_RESPONSE, part | last, answer->bytes + from,
			  last ? length : FRAME_PAYLOAD);
	}
}

static uint32_t put_response(uint16_t type, int error, const void *body, uint32_t length)
{
	struct kmh_response response = { type, 0, error, length };

	memcpy(answer_scratch, &response, sizeof(response));
	if (length)
		memcpy(answer_scratch + sizeof(response), body, length);
	return sizeof(response) + length;
}

static uint32_t module_answer(const struct kmh_request *header, const uint8_t *payload,
			      uint32_t length)
{
	long size = harness_request(payload, length);

	if (!size)
		size = harness_answer(answer_scratch, ANSWER_ROOM);
	if (size < 0)
		return put_response(header->type, size, NULL, 0);
	return size;
}

static uint32_t scripted_answer(const struct kmh_request *header, const uint8_t *body)
{
	uint32_t number = 0, length = 0;
	const uint8_t *answer;

	if (header->length == sizeof(number))
		memcpy(&number, body, sizeof(number));
	answer = script_answer(number, &length);
	return put_response(header->type, answer ? 0 : -ENOENT, answer, length);
}

/* The file goes into the scratch buffer itself, behind the room of the response. */
static uint32_t file_answer(const struct kmh_request *header, const uint8_t *body)
{
	size_t before = sizeof(struct kmh_response);
	char path[FILE_PATH_MAX];
	long size = -ENAMETOOLONG;

	if (header->length < sizeof(path)) {
		memcpy(path, body, header->length);
		path[header->length] = 0;
		size = file_read(path, answer_scratch + before, ANSWER_ROOM - before);
	}
	put_response(header->type, size < 0 ? size : 0, NULL, 0);
	if (size <= 0)
		return before;
	((struct kmh_response *)answer_scratch)->length = size;
	return before + size;
}

uint8_t *request_scratch(void)
{
	return answer_scratch;
}

/* Execute a request.  Return: length of the answer, which is in the scratch buffer. */
uint32_t request_execute(const struct kmh_request *header, const uint8_t *payload,
			 uint32_t length)
{
	const uint8_t *body = payload + sizeof(*header);

	switch (header->type) {
	case KMH_REQ_PING:
		return put_response(header->type, 0, body, header->length);
	case KMH_REQ_UNLOAD:
		return put_response(header->type, harness_unload(), NULL, 0);
	case KMH_REQ_LOAD:
		return put_response(header->type, harness_load(body, header->length), NULL, 0);
	case KMH_REQ_STOP:
		return put_response(header->type, stop_machine(), NULL, 0);
	case KMH_REQ_ANSWER:
		return scripted_answer(header, body);
	case KMH_REQ_FILE:
		return file_answer(header, body);
	case KMH_REQ_POWEROFF:
		return put_response(header->type, 0, NULL, 0);
	default:
		return module_answer(header, payload, length);
	}
}

static void handle_request(const struct kmh_frame *frame, const uint8_t *payload)
{
	struct answer *answer = find(frame->seq);
	struct kmh_request header;
	uint32_t length;

	if (answer) {
		send_answer(answer, 0);
		return;
	}
	/* A request was lost on the way; or this one is too old, and nothing can help. */
	if (frame->seq != expected_seq) {
		link_send(expected_seq, KMH_FRAME_NAK, 0, NULL, 0);
		return;
	}
	memset(&header, 0, sizeof(header));
	if (frame->length >= sizeof(header))
		memcpy(&header, payload, sizeof(header));
	if (frame->length < sizeof(header) || header.length != frame->length - sizeof(header))
		length = put_response(header.type, -EBADMSG, NULL, 0);
	else
		length = request_execute(&header, payload, frame->length);
	expected_seq = frame->seq + 1;
	answer = keep(frame->seq, length);
	if (answer)
		send_answer(answer, 0);
	if (header.type == KMH_REQ_POWEROFF)
		power_off();
}

static void handle_frame(const struct kmh_frame *frame, const uint8_t *payload)
{
	const struct answer *answer;

	switch (frame->type) {
	case KMH_FRAME_REQUEST:
		host_heard = true;
		handle_request(frame, payload);
		break;
	case KMH_FRAME_RESEND:
		host_heard = true;
		answer = find(frame->seq);
		if (answer)
			send_answer(answer, frame->part & ~KMH_FRAME_LAST);
		else
			link_send(expected_seq, KMH_FRAME_NAK, 0, NULL, 0);
		break;
	default:
		link_send(expected_seq, KMH_FRAME_NAK, 0, NULL, 0);
	}
}

void serve_start(void)
{
	answer_scratch = malloc(ANSWER_ROOM);
	if (!answer_scratch)
		say("error: no memory for answers");
}

void serve(void)
{
	struct kmh_frame frame;
	const uint8_t *payload;

	link_send(expected_seq, KMH_FRAME_READY, 0, NULL, 0);
	for (;;) {
		if (link_receive(&frame, &payload, host_heard ? -1 : READY_MS))
			handle_frame(&frame, payload);
		else
			link_send(expected_seq, KMH_FRAME_READY, 0, NULL, 0);
	}
}
