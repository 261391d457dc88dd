// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmap-harness: a thin interpreter that executes highmem mapping operations and returns raw
 * observations.  All judging is done elsewhere.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "kmh.h"
#include "kmh_history.h"
#include "kmh_schedule.h"

/**
 * kmh_reset() - release every mapping, thread and page
 *
 * A task that died may hold kmap_lock for ever.  Then nothing can be unmapped, and the pages
 * are lost.
 *
 * Return: 0, -EIO after a death, -ETIMEDOUT if a task stayed blocked.
 */
static int kmh_reset(void)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);
	bool lost = kmh_casualty;

	kmh_assert_request();
	while (!lost) {
		kmh_pages_unmap();
		if (!kmh_any_blocked())
			break;
		lost = time_after(jiffies, end);
		usleep_range(50, 100);
	}
	kmh_tasks_stop();
	kmh_outside_reset();
	if (!lost)
		kmh_pages_unmap();
	kmh_typed_reset();
	kmh_pages_release(lost);
	kmh_ops_reset(lost);
	/* Wrong use may have left old translations: the next program shall not meet them. */
	kmh_stale_start_over();
	kmh_shadow_resync();
	if (lost)
		return kmh_casualty ? -EIO : -ETIMEDOUT;
	return 0;
}

/* ---- requests ---- */

static int answer_info(void *room)
{
	kmh_info(room);
	return sizeof(struct kmh_info);
}

static int answer_pool(const struct kmh_request *header, const void *data, void *room, size_t size)
{
	if (header->length != sizeof(struct kmh_pool_request))
		return -EINVAL;
	return kmh_pool(data, room, size);
}

static int answer_probes(const struct kmh_request *header, const void *data, void *room)
{
	u32 mask;

	if (header->length != sizeof(mask))
		return -EINVAL;
	memcpy(&mask, data, sizeof(mask));
	*(u32 *)room = kmh_probes_arm(mask);
	return sizeof(mask);
}

static int answer_flushes(const struct kmh_request *header, const void *data, void *room,
			  size_t size)
{
	unsigned int n = header->length / sizeof(struct kmh_flush_site);

	if (header->length % sizeof(struct kmh_flush_site) || n * sizeof(s32) > size)
		return -EINVAL;
	return kmh_flush_sites(data, n, room) ?: (int)(n * sizeof(s32));
}

static int answer_gates(const struct kmh_request *header, const void *data, void *room,
			size_t size)
{
	unsigned int i, n = header->length / sizeof(struct kmh_gate);
	const struct kmh_gate *gates = data;
	s32 *errors = room;

	if (header->length % sizeof(struct kmh_gate) || n * sizeof(s32) > size)
		return -EINVAL;
	for (i = 0; i < n; i++)
		errors[i] = kmh_arch_gate_check(&gates[i]);
	return n * sizeof(s32);
}

static int answer_frames(const struct kmh_request *header, const void *data, void *room,
			 size_t size)
{
	if (header->length % sizeof(struct kmh_frame_range))
		return -EINVAL;
	return kmh_frames(data, header->length / sizeof(struct kmh_frame_range), room, size);
}

/* Handle a request whose body is small.  Return: size of the body, or a negative errno. */
static int handle_small(const struct kmh_request *header, const void *data, void *room,
			size_t size, const void **body)
{
	switch (header->type) {
	case KMH_REQ_INFO:
		return answer_info(room);
	case KMH_REQ_POOL:
		return answer_pool(header, data, room, size);
	case KMH_REQ_TASKS:
		return kmh_tasks_start(data, header->length / sizeof(struct kmh_task_request));
	case KMH_REQ_SNAPSHOT:
		return kmh_snapshot(room, size);
	case KMH_REQ_RESET:
		return kmh_reset();
	case KMH_REQ_PROBES:
		return answer_probes(header, data, room);
	case KMH_REQ_FLUSHES:
		return answer_flushes(header, data, room, size);
	case KMH_REQ_AREAS:
		return kmh_areas(room, size);
	case KMH_REQ_FRAMES:
		return answer_frames(header, data, room, size);
	case KMH_REQ_HISTORY:
		return kmh_history(data, header->length, body);
	case KMH_REQ_HISTORY_LOG:
		return kmh_history_log(room);
	case KMH_REQ_SCHEDULES:
		return kmh_schedules(data, header->length, body);
	case KMH_REQ_GATES:
		return answer_gates(header, data, room, size);
	default:
		return -EINVAL;
	}
}

/* The answer to RUN is complete also where an atomic section had to be closed. */
static void handle_run(const struct kmh_request *header, const void *data,
		       struct kmh_answer *answer)
{
	answer->error = header->length % sizeof(struct kmh_op) ? -EINVAL : 0;
	if (!answer->error)
		answer->error = kmh_run_request(data, header->length / sizeof(struct kmh_op));
	if (answer->error && answer->error != -EBUSY)
		return;
	answer->body = kmh_answer_data();
	answer->length = kmh_answer_length();
}

static void handle(const struct kmh_request *header, const void *data, void *room, size_t size,
		   struct kmh_answer *answer)
{
	int result;

	if (header->type == KMH_REQ_RUN) {
		handle_run(header, data, answer);
		return;
	}
	result = handle_small(header, data, room, size, &answer->body);
	answer->error = min(result, 0);
	answer->length = max(result, 0);
}

/* ---- loading and unloading ---- */

static int observation_init(void)
{
	int error = kmh_answer_init();

	if (error)
		return error;
	error = kmh_stale_init();
	if (error)
		goto no_stale;
	error = kmh_shadow_init();
	if (error)
		goto no_shadow;
	return 0;

no_shadow:
	kmh_stale_exit();
no_stale:
	kmh_answer_exit();
	return error;
}

static int parts_init(void)
{
	int error = kmh_device_init(handle);

	if (error)
		goto no_pages;
	error = kmh_pages_init();
	if (error)
		goto no_pages;
	error = kmh_ops_init();
	if (error)
		goto no_ops;
	error = kmh_typed_init();
	if (error)
		goto no_typed;
	error = kmh_contents_init();
	if (error)
		goto no_contents;
	error = observation_init();
	if (error)
		goto no_observation;
	return 0;

no_observation:
	kmh_contents_exit();
no_contents:
	kmh_typed_exit();
no_typed:
	kmh_ops_exit();
no_ops:
	kmh_pages_exit();
no_pages:
	kmh_device_exit();
	return error;
}

/* kmh_reset() also puts back what the parts changed. */
static void parts_exit(void)
{
	mutex_lock(&kmh_request_lock);
	kmh_reset();
	kmh_probes_exit();
	kmh_flush_sites_exit();
	mutex_unlock(&kmh_request_lock);
	kmh_history_exit();
	kmh_schedules_exit();
	kmh_shadow_exit();
	kmh_stale_exit();
	kmh_answer_exit();
	kmh_contents_exit();
	kmh_typed_exit();
	kmh_ops_exit();
	kmh_pages_exit();
	kmh_device_exit();
}

static int devices_register(void)
{
	int error = kmh_checkpoints_register();

	if (error)
		return error;
	error = kmh_device_register();
	if (error)
		kmh_checkpoints_unregister();
	return error;
}

static int __init harness_init(void)
{
	int error = kmh_layout_init();

	if (error)
		return error;
	kmh_arch_device_init();
	kmh_symbols_init();
	kmh_trigger_init();
	kmh_instant_init();
	error = parts_init();
	if (error)
		return error;
	error = devices_register();
	if (error)
		parts_exit();
	else
		pr_info("protocol %u, pkmap at %#lx, %u slots\n", KMH_PROTOCOL_VERSION, PKMAP_BASE,
			LAST_PKMAP);
	return error;
}

static void __exit harness_exit(void)
{
	kmh_device_unregister();
	kmh_checkpoints_unregister();
	parts_exit();
}

module_init(harness_init);
module_exit(harness_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("kmap-harness contributors");
MODULE_DESCRIPTION("executes highmem mapping operations and observes the kernel after each");
