// SPDX-License-Identifier: GPL-2.0-only
/* What a task does beyond the kernel thread that it is: a child, a return to user mode. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/completion.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>

#include "kmh.h"

static struct {
	struct completion ready;
	u32 found;
} fork_child;

/* Report its depth, what is saved up to there, and the entries of its CPU's window. */
static int fork_child_main(void *data)
{
	unsigned int i, saved = 0, window = 0;
	int cpu = raw_smp_processor_id();

	for (i = 0; i < KMH_WINDOW; i++) {
#if KMH_HAS_KMAP_LOCAL
		if ((int)i < kmh_depth(current, cpu))
			saved += !!kmh_pte_read(&current->kmap_ctrl.pteval[i]);
#endif
		window += !!kmh_walk(kmh_window_address(cpu, i));
	}
	fork_child.found = (u8)kmh_depth(current, cpu) | saved << 8 | window << 16;
	kmh_thread_exit(&fork_child.ready);
	return 0;
}

/**
 * kmh_fork() - start a child, and report what it has of its parent's mappings
 * @out: set to how it ended
 */
void kmh_fork(struct kmh_outcome *out)
{
	kmh_kernel_thread_fn *start = (void *)kmh_function("kernel_thread");

	init_completion(&fork_child.ready);
	fork_child.found = 0;
	if (!start || kmh_kernel_thread(start, fork_child_main) < 0) {
		out->status = KMH_ST_NOT_APPLICABLE;
		return;
	}
	wait_for_completion(&fork_child.ready);
	out->value = fork_child.found;
}

/* ---- a return to user mode ---- */

#if KMH_HAS_KMAP_LOCAL
static struct page *page_to_leave;
static void *left_mapped;

/**
 * kmh_leave_mapped() - execute USER: remember a page to leave mapped
 * @op: names the page
 * @out: set to how it ended
 */
void kmh_leave_mapped(const struct kmh_op *op, struct kmh_outcome *out)
{
	page_to_leave = kmh_page(op->page);
	if (!page_to_leave)
		out->status = KMH_ST_REFUSED;
}

/**
 * kmh_return_mapped() - map the page that USER named, for the process that made the request
 *
 * That process, and none of the module's threads, returns to user mode.
 */
void kmh_return_mapped(void)
{
	if (page_to_leave)
		left_mapped = kmap_local_page(page_to_leave);
	page_to_leave = NULL;
}

/**
 * kmh_back_from_user() - unmap that page, since the process is back in the kernel
 */
void kmh_back_from_user(void)
{
	if (!left_mapped)
		return;
	kunmap_local(left_mapped);
	left_mapped = NULL;
	/* The next step counts the messages of the kernel, so they belong to it. */
	if (atomic_read(&kmh_counters.messages))
		kmh_marker(kmh_step);
}
#else
void kmh_leave_mapped(const struct kmh_op *op, struct kmh_outcome *out)
{
	out->status = KMH_ST_NOT_APPLICABLE;
}

void kmh_return_mapped(void)
{
}

void kmh_back_from_user(void)
{
}
#endif
