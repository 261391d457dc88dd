// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which kmap_lock was held, as a witness.
 *
 * kmap_high() and kunmap_high() call page_address() once they have the lock, and
 * kmap_high() again when it has taken it back after a sleep (mm/highmem.c, 2.6.24 to
 * 7.3): a stamp drawn there lies inside of the critical section.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>
#include <linux/kprobes.h>

#include "kmh.h"

#define KMAP_HIGH_MAX	0x400	/* bytes of kmap_high(), at most */
#define KUNMAP_HIGH_MAX	0x100

static bool within(unsigned long address, unsigned long start, unsigned long length)
{
	return address - start < length;
}

NOKPROBE_SYMBOL(within);

static void note_section(struct kmh_history_task *t)
{
	struct kmh_history_thread *shared = t->shared;
	struct kmh_history_record *record;

	if (READ_ONCE(kmh_history_run.frozen))
		return;
	if (shared->section) {
		record = kmh_history_add(t, KMH_HISTORY_SECTION, shared->page,
					 2 + KMH_HISTORY_HOLDS);
		if (record)
			record->ordered = shared->section;
	}
	shared->section = atomic_inc_return(&kmh_history_run.clock);
}

NOKPROBE_SYMBOL(note_section);

static int on_page_address(struct kprobe *probe, struct pt_regs *regs)
{
	struct kmh_history_run *run = &kmh_history_run;
	unsigned long from = regs_get_kernel_stack_nth(regs, 0);
	unsigned int i;
	u8 code;

	if (!within(from, (unsigned long)kmap_high, KMAP_HIGH_MAX) &&
	    !within(from, (unsigned long)kunmap_high, KUNMAP_HIGH_MAX))
		return 0;
	for (i = 0; i < run->n_tasks; i++) {
		if (run->tasks[i].task != current)
			continue;
		code = READ_ONCE(run->tasks[i].shared->code);
		if (code == KMH_HISTORY_KMAP || code == KMH_HISTORY_KUNMAP)
			note_section(&run->tasks[i]);
		return 0;
	}
	atomic_inc(&run->foreign);
	return 0;
}

NOKPROBE_SYMBOL(on_page_address);

static struct kprobe probe;

/**
 * kmh_history_probe_arm() - place the probe
 *
 * Return: whether it is there.
 */
bool kmh_history_probe_arm(void)
{
	int error;

	memset(&probe, 0, sizeof(probe));
	probe.symbol_name = "page_address";
	probe.pre_handler = on_page_address;
	error = register_kprobe(&probe);
	if (error)
		pr_warn("no probe on page_address: error %d\n", error);
	return !error;
}

void kmh_history_probe_disarm(void)
{
	unregister_kprobe(&probe);
}
