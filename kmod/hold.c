// SPDX-License-Identifier: GPL-2.0-only
/* What a task holds open: mappings, sections without preemption or interrupts. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/highmem.h>

#include "kmh.h"

/**
 * kmh_hold() - remember that a task holds something open
 * @t: the task
 * @kind: enum kmh_hold_kind
 * @address: address of the mapping, or 0
 */
void kmh_hold(struct kmh_task *t, u8 kind, unsigned long address)
{
	if (t->n_held < KMH_MAX_HELD) {
		t->held[t->n_held].kind = kind;
		t->held[t->n_held].address = address;
		t->n_held++;
	}
}

/**
 * kmh_unhold() - forget the newest hold of a kind, of the same page if there is one
 * @t: the task
 * @kind: enum kmh_hold_kind
 * @address: address of the mapping, or 0
 */
void kmh_unhold(struct kmh_task *t, u8 kind, unsigned long address)
{
	int i, found = -1;

	for (i = t->n_held - 1; i >= 0; i--) {
		if (t->held[i].kind != kind)
			continue;
		if (found < 0)
			found = i;
		if ((t->held[i].address & PAGE_MASK) == (address & PAGE_MASK)) {
			found = i;
			break;
		}
	}
	if (found < 0)
		return;
	t->n_held--;
	memmove(&t->held[found], &t->held[found + 1], (t->n_held - found) * sizeof(t->held[0]));
}

/**
 * kmh_unwind() - close what a task holds open, newest first
 * @t: the current task
 *
 * Called where a request left an atomic section open, and when the task ends.
 */
void kmh_unwind(struct kmh_task *t)
{
	while (t->n_held) {
		struct kmh_hold *top = &t->held[--t->n_held];

		switch (top->kind) {
		case KMH_HOLD_ATOMIC:
			kunmap_atomic((void *)top->address);
			break;
		case KMH_HOLD_IOMAP:
			kmh_iounmap((void __iomem __force *)top->address);
			break;
		case KMH_HOLD_PREEMPT:
			preempt_enable();
			break;
#if KMH_HAS_KMAP_LOCAL
		case KMH_HOLD_LOCAL:
			kunmap_local((void *)top->address);
			break;
#endif
		}
	}
	if (t->irqs_off) {
		t->irqs_off = false;
		local_irq_enable();
	}
}

/**
 * kmh_atomic() - tell whether a task must not sleep
 * @t: the task
 *
 * The holds tell, and not preempt_count(): 5.10 without PREEMPT_COUNT does not count.
 *
 * Return: true with interrupts or preemption off, and, except on RT, inside kmap_atomic.
 */
bool kmh_atomic(const struct kmh_task *t)
{
	unsigned int i;

	if (t->irqs_off)
		return true;
	for (i = 0; i < t->n_held; i++) {
		switch (t->held[i].kind) {
		case KMH_HOLD_PREEMPT:
			return true;
		case KMH_HOLD_ATOMIC:
			if (!IS_ENABLED(CONFIG_PREEMPT_RT))
				return true;
			break;
		case KMH_HOLD_IOMAP:
			if (KMH_IOMAP_ATOMIC)
				return true;
			break;
		}
	}
	return false;
}
