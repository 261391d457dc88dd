// SPDX-License-Identifier: GPL-2.0-only
/* The answer to a RUN request: a buffer of observations, and the checksum that chains them. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/vmalloc.h>

#include "kmh.h"

#define HASHED		offsetof(struct kmh_obs, hash)

static unsigned int buffer_kb = 6144;
module_param(buffer_kb, uint, 0444);
MODULE_PARM_DESC(buffer_kb, "size of the buffer for the observations of one request, KiB");

struct kmh_work kmh_work;
u32 kmh_hash;

static u8 *answer_buffer;
static size_t answer_capacity;
static size_t answer_used;
static size_t answer_reserved;		/* for the observations to come, without deltas */

int kmh_answer_init(void)
{
	BUILD_BUG_ON(sizeof(struct kmh_obs) != 68);
	BUILD_BUG_ON(sizeof(struct kmh_delta) != 20);
	BUILD_BUG_ON(sizeof(struct kmh_op) != 16);
	BUILD_BUG_ON(sizeof(struct kmh_frame) != 20);
	BUILD_BUG_ON(sizeof(struct kmh_flush_site) != 28);

	answer_capacity = (size_t)buffer_kb << 10;
	answer_buffer = vzalloc(answer_capacity);
	return answer_buffer ? 0 : -ENOMEM;
}

void kmh_answer_exit(void)
{
	vfree(answer_buffer);
}

size_t kmh_answer_capacity(void)
{
	return answer_capacity;
}

size_t kmh_answer_length(void)
{
	return answer_used;
}

const void *kmh_answer_data(void)
{
	return answer_buffer;
}

/**
 * kmh_answer_begin() - start the answer to a RUN request
 * @n_ops: observations to come; the caller has checked that they fit, without deltas
 */
void kmh_answer_begin(unsigned int n_ops)
{
	answer_used = 0;
	answer_reserved = n_ops * sizeof(struct kmh_obs);
}

/**
 * kmh_answer_observation() - add an observation to the answer
 *
 * Return: the observation, all zero; its deltas must be added before the next one.
 */
struct kmh_obs *kmh_answer_observation(void)
{
	struct kmh_obs *obs = (struct kmh_obs *)(answer_buffer + answer_used);

	memset(obs, 0, sizeof(*obs));
	answer_reserved -= sizeof(*obs);
	answer_used += sizeof(*obs);
	return obs;
}

/**
 * kmh_answer_delta() - add room for a delta to an observation
 * @obs: the newest observation
 *
 * Return: the delta; NULL, and KMH_OBS_OVERFLOW in the observation, where the answer has only
 * room left for the observations to come.
 */
struct kmh_delta *kmh_answer_delta(struct kmh_obs *obs)
{
	struct kmh_delta *delta;

	if (answer_used + sizeof(*delta) + answer_reserved > answer_capacity ||
	    obs->n_deltas == U16_MAX) {
		obs->flags |= KMH_OBS_OVERFLOW;
		return NULL;
	}
	delta = (struct kmh_delta *)(answer_buffer + answer_used);
	answer_used += sizeof(*delta);
	obs->n_deltas++;
	return delta;
}

/**
 * kmh_answer_add() - add a delta to an observation, if there is room
 * @obs: the newest observation
 * @kind: enum kmh_delta_kind
 * @aux: its second byte, whose meaning depends on the kind; so do the others
 * @index: slot, fixmap index or entry
 * @a: first word
 * @pte: second and third word
 * @d: fourth word
 */
void kmh_answer_add(struct kmh_obs *obs, u8 kind, u8 aux, u16 index, u32 a, u64 pte, u32 d)
{
	struct kmh_delta *delta = kmh_answer_delta(obs);

	if (!delta)
		return;
	delta->kind = kind;
	delta->aux = aux;
	delta->index = index;
	delta->a = a;
	delta->b = pte;
	delta->c = pte >> 32;
	delta->d = d;
}

/**
 * kmh_answer_seal() - continue the chain over an observation
 * @obs: the newest observation, with all its deltas
 */
void kmh_answer_seal(struct kmh_obs *obs)
{
	const u8 *deltas = (const u8 *)(obs + 1);

	kmh_hash = ~crc32_le(~kmh_hash, (u8 *)obs, HASHED);
	kmh_hash = ~crc32_le(~kmh_hash, deltas, answer_buffer + answer_used - deltas);
	obs->hash = kmh_hash;
}
