// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters at function entries.  The kernel turns these kprobes into ftrace call-backs; they
 * change nothing in what the functions do.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <asm/highmem.h>

#include "kmh.h"

struct kmh_counters kmh_counters;
struct task_struct *kmh_executing;

static atomic_t in_pkmap_flush;	/* the kernel flushes exactly the pkmap area */
static atomic_t in_marker;	/* the module itself prints */

static int on_flush_scan(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&kmh_counters.flush_scans);
	return 0;
}

NOKPROBE_SYMBOL(on_flush_scan);

static int on_flush_range(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long start = kmh_arch_argument_1(regs), end = kmh_arch_argument_2(regs);

	if (start == PKMAP_ADDR(0) && end == PKMAP_ADDR(LAST_PKMAP)) {
		atomic_inc(&kmh_counters.flush_ranges);
		kmh_flushed_range(start, end);
		atomic_set(&in_pkmap_flush, 1);
	} else if (start < PKMAP_ADDR(LAST_PKMAP) && end > PKMAP_ADDR(0)) {
		atomic_inc(&kmh_counters.flush_odd);
		kmh_flushed_range(start, end);
	}
	return 0;
}

NOKPROBE_SYMBOL(on_flush_range);

static int on_flush_cpu(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic_read(&in_pkmap_flush))
		atomic_inc(&kmh_counters.flush_cpus);
	return 0;
}

NOKPROBE_SYMBOL(on_flush_cpu);

/*
 * set_memory_*() flushes addresses of the direct map: that is no unmap, so it is not counted.
 * Any address of a page flushes it, so the observation has the first.
 */
static int on_invlpg(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long address = kmh_arch_argument_1(regs) & PAGE_MASK;

	if (current == READ_ONCE(kmh_executing) && address >= PKMAP_ADDR(0)) {
		atomic_inc(&kmh_counters.invlpgs);
		atomic_set(&kmh_counters.invlpg_address, address);
		kmh_flushed_page(address);
	}
	return 0;
}

NOKPROBE_SYMBOL(on_invlpg);

static int on_wake(struct kprobe *probe, struct pt_regs *regs)
{
	if (kmh_arch_argument_1(regs) == (unsigned long)kmh_symbols.pkmap_map_wait)
		atomic_inc(&kmh_counters.wakes);
	return 0;
}

NOKPROBE_SYMBOL(on_wake);

static int on_warn(struct kprobe *probe, struct pt_regs *regs)
{
	atomic_inc(&kmh_counters.warns);
	return 0;
}

NOKPROBE_SYMBOL(on_warn);

static int on_printk(struct kprobe *probe, struct pt_regs *regs)
{
	if (!atomic_read(&in_marker))
		atomic_inc(&kmh_counters.messages);
	return 0;
}

NOKPROBE_SYMBOL(on_printk);

static struct {
	struct kprobe probe;
	u32 bit;
	bool armed;
} counting_probes[] = {
	{ { .symbol_name = "flush_all_zero_pkmaps", .pre_handler = on_flush_scan },
	  KMH_EV_FLUSH_SCAN },
	{ { .symbol_name = "flush_tlb_kernel_range", .pre_handler = on_flush_range },
	  KMH_EV_FLUSH_RANGE },
	{ { .symbol_name = KMH_ARCH_FLUSH_ALL, .pre_handler = on_flush_cpu }, KMH_EV_FLUSH_CPU },
	{ { .symbol_name = KMH_ARCH_FLUSH_PAGE, .pre_handler = on_invlpg }, KMH_EV_INVLPG },
	{ { .symbol_name = "__wake_up", .pre_handler = on_wake }, KMH_EV_WAKE },
	{ { .symbol_name = "__warn", .pre_handler = on_warn }, KMH_EV_WARN },
	{ { .symbol_name = "vprintk_emit", .pre_handler = on_printk }, KMH_EV_PRINTK },
};

/* A struct kprobe that was used must be cleared before it can be registered again. */
static void disarm_probe(unsigned int i)
{
	const char *name = counting_probes[i].probe.symbol_name;
	kprobe_pre_handler_t handler = counting_probes[i].probe.pre_handler;

	if (!counting_probes[i].armed)
		return;
	unregister_kprobe(&counting_probes[i].probe);
	memset(&counting_probes[i].probe, 0, sizeof(counting_probes[i].probe));
	counting_probes[i].probe.symbol_name = name;
	counting_probes[i].probe.pre_handler = handler;
	counting_probes[i].armed = false;
}

static u32 arm_probe(unsigned int i)
{
	int error;

	if (counting_probes[i].armed)
		return counting_probes[i].bit;
	if (counting_probes[i].bit == KMH_EV_WAKE && !kmh_symbols.pkmap_map_wait)
		return 0;
	error = register_kprobe(&counting_probes[i].probe);
	if (error) {
		pr_warn("no probe on %s: error %d\n", counting_probes[i].probe.symbol_name, error);
		return 0;
	}
	counting_probes[i].armed = true;
	return counting_probes[i].bit;
}

/**
 * kmh_probes_arm() - place and remove probes, until those of a mask are armed
 * @mask: KMH_EV_* bits
 *
 * Return: the bits that are armed now.
 */
u32 kmh_probes_arm(u32 mask)
{
	u32 armed = 0;
	unsigned int i;

	kmh_assert_request();
	for (i = 0; i < ARRAY_SIZE(counting_probes); i++) {
		if (mask & counting_probes[i].bit)
			armed |= arm_probe(i);
		else
			disarm_probe(i);
	}
	kmh_probes_clear();
	return armed;
}

/* One call removes all trials: each removal waits for a grace period, 15 ms of a boot. */
static u32 try_all_probes(void)
{
	static struct kprobe trials[ARRAY_SIZE(counting_probes)];
	struct kprobe *placed[ARRAY_SIZE(counting_probes)];
	unsigned int i, n = 0;
	u32 bits = 0;

	for (i = 0; i < ARRAY_SIZE(counting_probes); i++) {
		trials[i].symbol_name = counting_probes[i].probe.symbol_name;
		trials[i].flags = KPROBE_FLAG_DISABLED;
		if (counting_probes[i].armed) {
			bits |= counting_probes[i].bit;
		} else if (!register_kprobe(&trials[i])) {
			bits |= counting_probes[i].bit;
			placed[n++] = &trials[i];
		}
	}
	unregister_kprobes(placed, n);
	return bits;
}

/**
 * kmh_probes_available() - find out which probes can be placed
 *
 * Return: KMH_EV_* bits of the functions that exist out of line.
 */
u32 kmh_probes_available(void)
{
	static u32 available;
	static bool known;

	if (known)
		return available;
	available = try_all_probes();
	if (!kmh_symbols.pkmap_map_wait)
		available &= ~KMH_EV_WAKE;
	known = true;
	return available;
}

void kmh_probes_exit(void)
{
	kmh_probes_arm(0);
}

/**
 * kmh_probes_clear() - forget what the probes counted
 *
 * Called after each observation, and after requests for which the module itself used the
 * mappings.
 */
void kmh_probes_clear(void)
{
	atomic_t *counter = (atomic_t *)&kmh_counters;
	unsigned int i;

	for (i = 0; i < sizeof(kmh_counters) / sizeof(*counter); i++)
		atomic_set(&counter[i], 0);
	atomic_set(&in_pkmap_flush, 0);
	kmh_flushed_clear();
}

/**
 * kmh_marker() - print the line that says to which step the text before it belongs
 * @step: the step
 */
void kmh_marker(u32 step)
{
	atomic_set(&in_marker, 1);
	pr_info("step %u\n", step);
	atomic_set(&in_marker, 0);
}
