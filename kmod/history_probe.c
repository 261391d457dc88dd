// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order in which kmap_lock was held, as a witness.
 *
 * kmap_high() and kunmap_high() call page_address() once they have the lock, and kmap_high()
 * again when it has taken the lock back after a sleep (mm/highmem.c, 2.6.24 to 7.3).  So a
 * stamp drawn there lies inside of the critical section.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>
#include <linux/kprobes.h>

#include "kmh_history.h"

#define KMAP_HIGH_MAX	0x400	/* bytes of kmap_high(), at most */
#define KUNMAP_HIGH_MAX	0x100

static bool address_within(unsigned long address, unsigned long start, unsigned long length)
{
	return address - start < length;
}

NOKPROBE_SYMBOL(address_within);

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
	unsigned long from = kmh_arch_caller(regs);
	unsigned int i;
	u8 code;

	if (!address_within(from, (unsigned long)kmap_high, KMAP_HIGH_MAX) &&
	    !address_within(from, (unsigned long)kunmap_high, KUNMAP_HIGH_MAX))
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

/*
 * Noise: hold a thread up as it queues for a slot.  A correct kernel does that under
 * kmap_lock; where it does not, the wake-up gets lost.  An emulator that runs one CPU after
 * the other turns to the next CPU here.
 */
static int on_queue(struct kprobe *probe, struct pt_regs *regs)
{
	u32 pauses = atomic_read(&kmh_history_run.clock) * 0x9e3779b9u >> 26;

	if (kmh_arch_argument_1(regs) != (unsigned long)kmh_symbols.pkmap_map_wait)
		return 0;
	while (pauses--)
		cpu_relax();
	return 0;
}

NOKPROBE_SYMBOL(on_queue);

static struct {
	struct kprobe probe;
	const char *name;
	kprobe_pre_handler_t handler;
	u8 flag;		/* of the request */
	bool armed;
} history_probes[] = {
	{ .name = "page_address", .handler = on_page_address, .flag = KMH_HISTORY_WITNESS },
	{ .name = "add_wait_queue", .handler = on_queue, .flag = KMH_HISTORY_NOISE },
};

/**
 * kmh_history_probes_arm() - place the probes that a request asks for
 * @flags: KMH_HISTORY_*
 *
 * Return: the flags whose probe was placed.
 */
u8 kmh_history_probes_arm(u8 flags)
{
	unsigned int i;
	u8 armed = 0;
	int error;

	for (i = 0; i < ARRAY_SIZE(history_probes); i++) {
		if (!(flags & history_probes[i].flag))
			continue;
		memset(&history_probes[i].probe, 0, sizeof(history_probes[i].probe));
		history_probes[i].probe.symbol_name = history_probes[i].name;
		history_probes[i].probe.pre_handler = history_probes[i].handler;
		error = register_kprobe(&history_probes[i].probe);
		if (error)
			pr_warn("no probe on %s: error %d\n", history_probes[i].name, error);
		history_probes[i].armed = !error;
		armed |= error ? 0 : history_probes[i].flag;
	}
	return armed;
}

void kmh_history_probes_disarm(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(history_probes); i++) {
		if (history_probes[i].armed)
			unregister_kprobe(&history_probes[i].probe);
		history_probes[i].armed = false;
	}
}
