/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the module know of each other.  Files call only files below them: the
 * call graph between the files has no circle.
 *
 * Who owns which global:
 *
 * The lock.  kmh_request_lock is held while the module works for a process that writes a
 * request or reads its answer.  It owns the device's buffers, the pools (kmh_pages,
 * kmh_n_pages), the table of tasks (kmh_tasks, kmh_n_tasks), which probes are placed, the
 * typed window and kmh_history_run as a whole.  Functions that rely on it assert it.
 *
 * The baton.  Within a RUN request one task at a time executes, kmh_run.holder, and the
 * coordinator (the process that wrote the request, which holds the lock) acts in its place
 * where that task sleeps or died.  Whoever has the baton owns kmh_run, kmh_registers, the
 * answer (kmh_answer_*, kmh_work.steps, kmh_hash), the shadow copies, the armed interrupt,
 * the errand, and kmh_casualty and kmh_lock_lost.  kmh_task.phase decides between a task
 * and the coordinator: only the one that moves it from EXEC reports the operation.  Outside
 * of RUN requests the lock's holder owns all of this.
 *
 * The probes.  Handlers run on any CPU in any context.  They own kmh_counters, and what
 * flushed.c remembers of each flush; observe.c reads both, and clears them between
 * operations.  They mark translations as clean in stale.c; the baton owns the rest of it.
 * kmh_executing says whose flushes count: the executing task sets it, handlers only read it.
 *
 * The processes of a workload own the checkpoints that they write, by a lock of their own; the
 * baton owns them when no process is left.
 *
 * Nobody writes the rest after the module is loaded: kmh_pkmap_ptes, kmh_window_*,
 * kmh_symbols, kmh_typed_top and kmh_typed_count.  kmh_patience_ms is a parameter.
 */
#ifndef KMAP_HARNESS_KMH_H
#define KMAP_HARNESS_KMH_H

#include <linux/interrupt.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "compat.h"
#include "protocol.h"
#include "arch.h"
#include "kmh_memory.h"
#include "kmh_task.h"
#include "kmh_observe.h"
#include "kmh_operation.h"

/* ---- lock.c: the lock of a request ---- */

extern struct mutex kmh_request_lock;

void kmh_assert_request(void);

/* ---- device.c: the device that a process writes requests to ---- */

/* The answer to a request: an error, or the bytes of a body. */
struct kmh_answer {
	const void *body;
	u32 length;
	int error;
};

typedef void kmh_handler_fn(const struct kmh_request *header, const void *data, void *room,
			    size_t size, struct kmh_answer *answer);

int kmh_device_init(kmh_handler_fn *handler);
int kmh_device_register(void);
void kmh_device_unregister(void);
void kmh_device_exit(void);

/* ---- info.c: facts about the kernel ---- */

void kmh_info(struct kmh_info *info);

/* ---- boot.c: what the boot has left ---- */

int kmh_areas(void *out, size_t room);
int kmh_frames(const struct kmh_frame_range *ranges, unsigned int n, void *out, size_t room);

/* ---- snapshot.c: the whole state at once ---- */

int kmh_snapshot(void *out, size_t room);

#endif
