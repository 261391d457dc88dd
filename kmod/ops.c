// SPDX-License-Identifier: GPL-2.0-only
/* One operation of one task: whether it may run here, and the code that executes it. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>

#include "kmh.h"

#define SLEEP_MAX_US	1000000

/* A lowmem page; when its attributes change, the kernel flushes unused pkmaps before. */
static struct page *scratch_page;
static bool scratch_uncached;

int kmh_ops_init(void)
{
	scratch_page = alloc_page(GFP_KERNEL);
	return scratch_page ? 0 : -ENOMEM;
}

/*
 * Each change of the attribute flushes once, so an operation makes one change; kmh_ops_reset()
 * puts the attribute back when nobody counts.
 */
static int toggle_scratch(void)
{
	unsigned long address = (unsigned long)page_address(scratch_page);
	int error = kmh_arch_set_uncached(address, !scratch_uncached);

	if (!error)
		scratch_uncached = !scratch_uncached;
	return error;
}

/**
 * kmh_ops_reset() - clear the registers and give the scratch page its attribute back
 * @leak: a dead task may hold kmap_lock for ever: do not touch attributes
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
		__free_page(scratch_page);
}

/*
 * No operation touches user space.  An unmap only compares its address with the windows, so
 * that it may have one of user space: named as such, and not an empty register.
 */
static bool may_touch(const struct kmh_op *op, unsigned long address)
{
	bool compared = kmh_op_flags(op->code) & KMH_OPF_ANY_ADDRESS;

	return address >= KMH_ARCH_KERNEL_START ||
	       (compared && op->base == KMH_BASE_ABSOLUTE);
}

static void flush_by_hand(unsigned long address)
{
	get_cpu();
	kmh_stale_page(address, true);
	kmh_arch_flush_page(address);
	put_cpu();
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
		    !kmh_set_pte(address, kmh_page(op->page), kmh_arch_prot(op->prot)))
			out->status = KMH_ST_REFUSED;
		break;
	case KMH_OP_INVLPG:
		flush_by_hand(address);
		break;
	default:
		kmh_execute_unmap(t, op, address, out);
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

/* A timer that expires before the task has left its CPU makes it stay: try again then. */
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
 * A task with a local mapping may not send itself away: the kernel would warn and refuse, so
 * the module refuses first.
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

static void execute_page_address(const struct kmh_op *op, struct kmh_outcome *out)
{
	if (!kmh_page(op->page) || !kmh_page_address_allowed()) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	out->value = kmh_page_address(kmh_page(op->page));
	out->address = out->value;
}

static bool in_interrupt_context(void)
{
	return kmh_in_hardirq() || in_serving_softirq();
}

/* Whether the context or a section of the task forbids an operation. */
static bool refused_here(const struct kmh_task *t, u8 code)
{
	u32 flags = kmh_op_flags(code);

	if (in_interrupt_context() && flags & KMH_OPF_TASK_CONTEXT)
		return true;
	if (flags & KMH_OPF_NEVER_ATOMIC && kmh_atomic(t))
		return true;
	if (flags & KMH_OPF_INTERRUPTS_ON && t->irqs_off)
		return true;
	/* RT leaves a tasklet to ksoftirqd, except where the task can be preempted. */
	return code == KMH_OP_SOFTIRQ && IS_ENABLED(CONFIG_PREEMPT_RT) && kmh_atomic(t);
}

/* Operations that are alike by their flags. */
static void execute_by_kind(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	u32 flags = kmh_op_flags(op->code);

	if (flags & KMH_OPF_TYPED)
		kmh_typed(op, out);
	else if (flags & KMH_OPF_MAPS)
		kmh_execute_map(t, op, out);
	else if (flags & KMH_OPF_HAS_ADDRESS)
		execute_address(t, op, out);
	else if (flags & KMH_OPF_OUTSIDE)
		kmh_outside(op, out);
	else if (!(flags & KMH_OPF_OPENS_CONTEXT))
		out->status = KMH_ST_REFUSED;
}

static void execute_by_code(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	switch (op->code) {
	case KMH_OP_NOP:	/* the cost of reading the clock */
		kmh_clock_start(out);
		kmh_clock_stop(out);
		break;
	case KMH_OP_KUNMAP:
		kmh_execute_kunmap(op, out);
		break;
	case KMH_OP_PAGE_ADDRESS:
		execute_page_address(op, out);
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
	case KMH_OP_HELPER:
		kmh_execute_helper(op, out);
		break;
	case KMH_OP_ATTRIBUTE:
		kmh_attribute(op, out);
		break;
	default:
		execute_by_kind(t, op, out);
	}
}

/**
 * kmh_execute() - execute one operation, in the task's own context
 * @t: the current task
 * @op: the operation
 * @out: set to how it ended
 */
void kmh_execute(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	memset(out, 0, sizeof(*out));
	if (t->refuse) {
		t->refuse--;
		out->status = KMH_ST_REFUSED;
		return;
	}
	if (refused_here(t, op->code)) {
		out->status = KMH_ST_REFUSED;
		return;
	}
	if (!in_interrupt_context())
		kmh_instant_begin(t, op);
	WRITE_ONCE(kmh_executing, current);
	kmh_clock_start(out);
	execute_by_code(t, op, out);
	if (!out->timed)
		kmh_clock_stop(out);
	/* Where the kmap of this task slept, another task executes now. */
	cmpxchg(&kmh_executing, current, NULL);
	if (!in_interrupt_context())
		kmh_instant_finish(t);
}
