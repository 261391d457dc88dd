// SPDX-License-Identifier: GPL-2.0-only
/* One operation of one task: the kernel's real functions, inlines included. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/set_memory.h>
#include <asm/tlbflush.h>
#include <asm/tsc.h>

#include "kmh.h"

#define SLEEP_MAX_US	1000000
#define IRQ_DELAY_NS	1000

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

static void hold(struct kmh_task *t, u8 kind, unsigned long address)
{
	if (t->n_held < KMH_MAX_HELD) {
		t->held[t->n_held].kind = kind;
		t->held[t->n_held].address = address;
		t->n_held++;
	}
}

/* Forget the newest hold of a kind, that of the same page if there is one. */
static void unhold(struct kmh_task *t, u8 kind, unsigned long address)
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

/* ---- mapping ---- */

static void *map_local(const struct kmh_op *op, struct page *page, u8 *status)
{
#if KMH_HAS_KMAP_LOCAL
	switch (op->code) {
	case KMH_OP_KMAP_LOCAL:
		return kmap_local_page(page);
	case KMH_OP_KMAP_LOCAL_PROT:
		return kmap_local_page_prot(page, kmh_prot(op->prot));
	case KMH_OP_KMAP_LOCAL_PFN:
		return kmap_local_pfn(page_to_pfn(page));
	}
#endif
	*status = KMH_ST_NOT_APPLICABLE;
	return NULL;
}

static void *map_atomic(const struct kmh_op *op, struct page *page, u8 *status)
{
	switch (op->code) {
	case KMH_OP_KMAP_ATOMIC:
		return kmap_atomic(page);
#if KMH_HAS_KMAP_ATOMIC_PROT
	case KMH_OP_KMAP_ATOMIC_PROT:
		return kmap_atomic_prot(page, kmh_prot(op->prot));
	case KMH_OP_KMAP_ATOMIC_PFN:
		return kmap_atomic_pfn(page_to_pfn(page));
#endif
	}
	*status = KMH_ST_NOT_APPLICABLE;
	return NULL;
}

static void *map_persistent(const struct kmh_op *op, struct page *page)
{
	void *address = kmap(page);

	if (PageHighMem(page))
		atomic_inc(&kmh_pages[op->page].kmaps);
	return address;
}

static void *map(struct kmh_task *t, const struct kmh_op *op, struct page *page, u8 *status)
{
	void *address;

	switch (op->code) {
	case KMH_OP_KMAP:
		return map_persistent(op, page);
	case KMH_OP_KMAP_ATOMIC:
	case KMH_OP_KMAP_ATOMIC_PROT:
	case KMH_OP_KMAP_ATOMIC_PFN:
		address = map_atomic(op, page, status);
		if (*status == KMH_ST_OK)
			hold(t, KMH_HOLD_ATOMIC, (unsigned long)address);
		return address;
	case KMH_OP_IOMAP:
		address = (void __force *)kmh_iomap(page_to_pfn(page), kmh_prot(op->prot));
		hold(t, KMH_HOLD_IOMAP, (unsigned long)address);
		return address;
	default:
		address = map_local(op, page, status);
		if (kmh_in_window((unsigned long)address))
			hold(t, KMH_HOLD_LOCAL, (unsigned long)address);
		return address;
	}
}

static void execute_map(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);

	if (!page || op->reg >= KMH_MAX_REGISTERS || t->n_held == KMH_MAX_HELD) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->value = (u32)map(t, op, page, &out->status);
	if (out->status != KMH_ST_OK)
		return;
	out->address = out->value;
	kmh_registers[op->reg] = out->value;
}

/* ---- unmapping ---- */

static void execute_kunmap(const struct kmh_op *op, struct kmh_outcome *out)
{
	struct page *page = kmh_page(op->page);

	if (!page) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->address = kmh_page_address(page);
	kunmap(page);
	if (PageHighMem(page))
		atomic_add_unless(&kmh_pages[op->page].kmaps, -1, 0);
}

static void unmap_local(struct kmh_task *t, unsigned long address)
{
#if KMH_HAS_KMAP_LOCAL
	kunmap_local((void *)address);
	if (kmh_in_window(address))
		unhold(t, KMH_HOLD_LOCAL, address);
#endif
}

static void execute_unmap(struct kmh_task *t, const struct kmh_op *op, unsigned long address)
{
	switch (op->code) {
	case KMH_OP_KUNMAP_ATOMIC:
		kunmap_atomic((void *)address);
		unhold(t, KMH_HOLD_ATOMIC, address);
		break;
	case KMH_OP_IOUNMAP:
		kmh_iounmap((void __iomem __force *)address);
		unhold(t, KMH_HOLD_IOMAP, address);
		break;
	default:
		unmap_local(t, address);
	}
}

/**
 * kmh_unwind() - close what a task holds open, newest first
 * @t: the current task
 *
 * Atomic sections that a request left open, and everything when the task ends.
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
 * kmh_atomic() - whether a task must not sleep
 * @t: the task
 *
 * By what the harness made it do: 5.10 without PREEMPT_COUNT does not count.
 *
 * Return: true with interrupts or preemption off, and (but on RT) inside kmap_atomic.
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

/* ---- the rest ---- */

static void execute_address(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	unsigned long address;

	if (op->code == KMH_OP_KUNMAP_LOCAL && !KMH_HAS_KMAP_LOCAL) {
		out->status = KMH_ST_NOT_APPLICABLE;
		return;
	}
	if (!kmh_operand(op, &address) || address < PAGE_OFFSET) {
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
		execute_unmap(t, op, address);
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
		hold(t, KMH_HOLD_PREEMPT, 0);
		break;
	case KMH_OP_PREEMPT_ON:
		preempt_enable();
		unhold(t, KMH_HOLD_PREEMPT, 0);
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
		execute_map(t, op, out);
		break;
	case KMH_OP_KUNMAP:
		execute_kunmap(op, out);
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
	WRITE_ONCE(kmh_executing, current);
	start = rdtsc();
	dispatch(t, op, out);
	out->cycles = rdtsc() - start;
	/* A task whose kmap slept is not the one that executes now. */
	cmpxchg(&kmh_executing, current, NULL);
}

/* ---- interrupt contexts ---- */

enum kmh_context {
	KMH_CONTEXT_PENDING,
	KMH_CONTEXT_DONE,
	KMH_CONTEXT_FOREIGN,	/* it came on top of another task */
};

static enum hrtimer_restart on_timer(struct hrtimer *timer)
{
	struct kmh_task *t = container_of(timer, struct kmh_task, timer);

	if (current != t->task) {
		WRITE_ONCE(t->context_done, KMH_CONTEXT_FOREIGN);
		return HRTIMER_NORESTART;
	}
	kmh_run_ops(t, t->context_ops);
	/* pairs with the wait in kmh_run_in_context() */
	smp_store_release(&t->context_done, KMH_CONTEXT_DONE);
	return HRTIMER_NORESTART;
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	struct kmh_task *t = container_of(tasklet, struct kmh_task, tasklet);

	if (current != t->task) {
		WRITE_ONCE(t->context_done, KMH_CONTEXT_FOREIGN);
		return;
	}
	kmh_run_ops(t, t->context_ops);
	/* pairs with the wait in kmh_run_in_context() */
	smp_store_release(&t->context_done, KMH_CONTEXT_DONE);
}

void kmh_context_setup(struct kmh_task *t)
{
	kmh_hrtimer_setup(&t->timer, on_timer);
	tasklet_setup(&t->tasklet, on_tasklet);
}

void kmh_context_teardown(struct kmh_task *t)
{
	hrtimer_cancel(&t->timer);
	tasklet_kill(&t->tasklet);
}

/**
 * kmh_run_in_context() - run the next operations in an interrupt on top of this task
 * @t: the current task
 * @op: HARDIRQ (a timer that expires in hard interrupt context, on RT too) or SOFTIRQ
 *
 * Operations whose context cannot be had are refused one by one.
 */
void kmh_run_in_context(struct kmh_task *t, const struct kmh_op *op)
{
	t->context_ops = op->value;
	WRITE_ONCE(t->context_done, KMH_CONTEXT_PENDING);
	if (op->code == KMH_OP_HARDIRQ) {
		/* It must interrupt this task, and not hrtimer_start(), which counts on top. */
		local_irq_disable();
		hrtimer_start(&t->timer, ns_to_ktime(IRQ_DELAY_NS), HRTIMER_MODE_REL_PINNED_HARD);
		local_irq_enable();
	} else {
		local_bh_disable();
		tasklet_hi_schedule(&t->tasklet);
		local_bh_enable();
	}
	/* pairs with the release at the end of the interrupt */
	while (smp_load_acquire(&t->context_done) == KMH_CONTEXT_PENDING)
		cpu_relax();
	if (t->context_done == KMH_CONTEXT_FOREIGN)
		t->refuse = op->value;
}
