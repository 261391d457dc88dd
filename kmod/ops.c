// SPDX-License-Identifier: GPL-2.0-only
/* One operation of one task: the kernel's real functions, inlines included. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/set_memory.h>
#include <asm/tlbflush.h>
#include <asm/tsc.h>

#include "kmh.h"

#define SLEEP_MAX_US	1000000

/* A lowmem page whose attributes change: the kernel flushes unused pkmaps before. */
static struct page *scratch;
static bool scratch_uncached;

int kmh_ops_init(void)
{
	scratch = alloc_page(GFP_KERNEL);
	return scratch ? 0 : -ENOMEM;
}

/*
 * set_memory_uc() and set_memory_wb() flush once each, so an operation does one of
 * them by turns; the page's attribute is put back when nobody counts.
 */
static int toggle_scratch(void)
{
	unsigned long address = (unsigned long)page_address(scratch);
	int error = scratch_uncached ? set_memory_wb(address, 1) : set_memory_uc(address, 1);

	if (!error)
		scratch_uncached = !scratch_uncached;
	return error;
}

/**
 * kmh_ops_reset() - clear the registers and give the scratch page its attribute back
 * @leak: the lock of the pkmap area may be held for ever: touch no attribute
 */
void kmh_ops_reset(bool leak)
{
	if (scratch_uncached && !leak)
		toggle_scratch();
	memset(kmh_registers, 0, sizeof(kmh_registers));
}

void kmh_ops_exit(void)
{
	if (!scratch_uncached)
		__free_page(scratch);
}

/*
 * Nothing that touches user space.  An unmap compares its address with the windows and
 * follows it nowhere: one of user space will do, if it is named and no empty register.
 */
static bool may_touch(const struct kmh_op *op, unsigned long address)
{
	bool unmap = op->code == KMH_OP_KUNMAP_LOCAL || op->code == KMH_OP_KUNMAP_ATOMIC;

	return address >= PAGE_OFFSET || (unmap && op->base == KMH_BASE_ABSOLUTE);
}

static void execute_address(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	unsigned long address;

	if (op->code == KMH_OP_KUNMAP_LOCAL && !KMH_HAS_KMAP_LOCAL) {
		out->status = KMH_ST_NOT_APPLICABLE;
		return;
	}
	if (!kmh_operand(op, &address) || !may_touch(op, address)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->address = address;
	switch (op->code) {
	case KMH_OP_READ:
		if (!kmh_load(address, &out->value)) {
			out->value = 0;
			out->status = KMH_ST_FAULT;
		}
		break;
	case KMH_OP_WRITE:
		out->status = kmh_store(address, op->value) ? KMH_ST_OK : KMH_ST_FAULT;
		break;
	case KMH_OP_KMAP_TO_PAGE:
		out->value = page_to_pfn(kmap_to_page((void *)address));
		break;
	case KMH_OP_SET_PTE:
		if ((op->page != KMH_NO_PAGE && !kmh_page(op->page)) ||
		    !kmh_set_pte(address, kmh_page(op->page), kmh_prot(op->prot)))
			out->status = KMH_ST_REFUSED;
		break;
	case KMH_OP_INVLPG:
		asm volatile("invlpg (%0)" : : "r" (address) : "memory");
		break;
	default:
		kmh_execute_unmap(t, op, address);
	}
}

static void execute_irq(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	switch (op->code) {
	case KMH_OP_IRQ_OFF:
		local_irq_disable();
		t->irqs_off = true;
		break;
	case KMH_OP_IRQ_ON:
		t->irqs_off = false;
		local_irq_enable();
		break;
	case KMH_OP_PREEMPT_OFF:
		if (t->n_held == KMH_MAX_HELD) {
			out->status = KMH_ST_REFUSED;
			break;
		}
		preempt_disable();
		kmh_hold(t, KMH_HOLD_PREEMPT, 0);
		break;
	case KMH_OP_PREEMPT_ON:
		preempt_enable();
		kmh_unhold(t, KMH_HOLD_PREEMPT, 0);
		break;
	}
}

/* A timer that expires before the task has left its CPU makes it stay: then once more. */
static void execute_sleep(const struct kmh_op *op, struct kmh_outcome *out)
{
	unsigned long switches = current->nvcsw;
	unsigned long pause = max(op->value, 1u);

	if (op->value > SLEEP_MAX_US) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	do {
		usleep_range(pause, pause + 1);
	} while (current->nvcsw == switches);
}

/*
 * A task with a local mapping may not be sent away by itself: the kernel would warn
 * and refuse, so the module refuses first.
 */
static void execute_migrate(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	if (op->value >= nr_cpu_ids || !cpu_online(op->value) || kmh_migration_disabled(t->task)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->value = set_cpus_allowed_ptr(t->task, cpumask_of(op->value));
	t->cpu = op->value;
}

static bool in_interrupt_context(void)
{
	return kmh_in_hardirq() || in_serving_softirq();
}

/* Operations that sleep, wait for other CPUs, or need the task itself. */
static bool wants_task_context(u8 code)
{
	switch (code) {
	case KMH_OP_KMAP:
	case KMH_OP_KUNMAP:
	case KMH_OP_FLUSH_UNUSED:
	case KMH_OP_IRQ_OFF:
	case KMH_OP_IRQ_ON:
	case KMH_OP_PREEMPT_OFF:
	case KMH_OP_PREEMPT_ON:
	case KMH_OP_SLEEP:
	case KMH_OP_YIELD:
	case KMH_OP_HARDIRQ:
	case KMH_OP_SOFTIRQ:
	case KMH_OP_EXIT:
	case KMH_OP_MIGRATE:
	case KMH_OP_SIGNAL:
	case KMH_OP_INTERRUPT:
	case KMH_OP_AFFINITY:
	case KMH_OP_HOTPLUG:
	case KMH_OP_AWAIT:
	case KMH_OP_FORK:
	case KMH_OP_USER:
		return true;
	default:
		return false;
	}
}

/* Operations that always give up the CPU, or need interrupts. */
static bool refused_when_atomic(const struct kmh_task *t, u8 code)
{
	switch (code) {
	case KMH_OP_FLUSH_UNUSED:
	case KMH_OP_SLEEP:
	case KMH_OP_YIELD:
	case KMH_OP_EXIT:
	case KMH_OP_MIGRATE:
	case KMH_OP_INTERRUPT:
	case KMH_OP_AFFINITY:
	case KMH_OP_HOTPLUG:
	case KMH_OP_AWAIT:
	case KMH_OP_FORK:
	case KMH_OP_USER:
		return kmh_atomic(t);
	case KMH_OP_SOFTIRQ:
		/* RT leaves it to ksoftirqd unless the task can be preempted. */
		return t->irqs_off || (IS_ENABLED(CONFIG_PREEMPT_RT) && kmh_atomic(t));
	case KMH_OP_KMAP:
	case KMH_OP_HARDIRQ:
		return t->irqs_off;
	default:
		return false;
	}
}

static void dispatch(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	switch (op->code) {
	case KMH_OP_NOP:
	case KMH_OP_HARDIRQ:
	case KMH_OP_SOFTIRQ:
		break;
	case KMH_OP_KMAP:
	case KMH_OP_KMAP_ATOMIC:
	case KMH_OP_KMAP_ATOMIC_PROT:
	case KMH_OP_KMAP_ATOMIC_PFN:
	case KMH_OP_KMAP_LOCAL:
	case KMH_OP_KMAP_LOCAL_PROT:
	case KMH_OP_KMAP_LOCAL_PFN:
	case KMH_OP_IOMAP:
		kmh_execute_map(t, op, out);
		break;
	case KMH_OP_KUNMAP:
		kmh_execute_kunmap(op, out);
		break;
	case KMH_OP_KUNMAP_ATOMIC:
	case KMH_OP_KUNMAP_LOCAL:
	case KMH_OP_IOUNMAP:
	case KMH_OP_READ:
	case KMH_OP_WRITE:
	case KMH_OP_KMAP_TO_PAGE:
	case KMH_OP_SET_PTE:
	case KMH_OP_INVLPG:
		execute_address(t, op, out);
		break;
	case KMH_OP_PAGE_ADDRESS:
		if (!kmh_page(op->page) || !kmh_page_address_allowed()) {
			out->status = KMH_ST_REFUSED;
			break;
		}
		out->value = kmh_page_address(kmh_page(op->page));
		out->address = out->value;
		break;
	case KMH_OP_TYPED_MAP:
	case KMH_OP_TYPED_UNMAP:
		kmh_typed(op, out);
		break;
	case KMH_OP_FLUSH_UNUSED:
		out->value = toggle_scratch();
		break;
	case KMH_OP_IRQ_OFF:
	case KMH_OP_IRQ_ON:
	case KMH_OP_PREEMPT_OFF:
	case KMH_OP_PREEMPT_ON:
		execute_irq(t, op, out);
		break;
	case KMH_OP_SLEEP:
		execute_sleep(op, out);
		break;
	case KMH_OP_YIELD:
		schedule();
		break;
	case KMH_OP_EXIT:
		t->exits = true;
		break;
	case KMH_OP_MIGRATE:
		execute_migrate(t, op, out);
		break;
	case KMH_OP_SIGNAL:
		kmh_signal(op, out);
		break;
	case KMH_OP_INTERRUPT:
		kmh_instant_arm(t, op, out);
		break;
	case KMH_OP_AFFINITY:
	case KMH_OP_HOTPLUG:
	case KMH_OP_AWAIT:
	case KMH_OP_FORK:
	case KMH_OP_USER:
		kmh_outside(op, out);
		break;
	default:
		out->status = KMH_ST_REFUSED;
	}
}

/**
 * kmh_execute() - do one operation, in the task's own context
 * @t: the current task
 * @op: what to do
 * @out: how it ended
 */
void kmh_execute(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	u64 start;

	memset(out, 0, sizeof(*out));
	if (t->refuse) {
		t->refuse--;
		out->status = KMH_ST_REFUSED;
		return;
	}
	if ((in_interrupt_context() && wants_task_context(op->code)) ||
	    refused_when_atomic(t, op->code)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	if (!in_interrupt_context())
		kmh_instant_begin(t, op);
	WRITE_ONCE(kmh_executing, current);
	start = rdtsc();
	dispatch(t, op, out);
	out->cycles = rdtsc() - start;
	/* A task whose kmap slept is not the one that executes now. */
	cmpxchg(&kmh_executing, current, NULL);
	if (!in_interrupt_context())
		kmh_instant_finish(t);
}
