// SPDX-License-Identifier: GPL-2.0-only
/*
 * When an interrupt comes in the middle of an operation.
 *
 * It comes when a timer says so, by an IPI of another CPU, or at an instruction of a function
 * (trigger.c).  There a probe only asks for an interrupt (a self-IPI); the
 * mapping happens in that interrupt, which comes as soon as interrupts are on.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/smp.h>

#include "kmh.h"

#define DELAY_MAX_NS	1000000

static void on_instant_work(struct irq_work *work)
{
	kmh_interruption_enter();
}

static struct irq_work instant_work = KMH_IRQ_WORK_HARD(on_instant_work);

/* Leave STARTED, in which a probe may still fire.  Return: false if one has fired. */
static bool leave_started(u32 state)
{
	return cmpxchg(&kmh_instant.state, KMH_INSTANT_STARTED, state) == KMH_INSTANT_STARTED;
}

NOKPROBE_SYMBOL(leave_started);

static int on_instruction(struct kprobe *probe, struct pt_regs *regs)
{
	if (current == READ_ONCE(kmh_instant.task->task) && leave_started(KMH_INSTANT_FIRED))
		irq_work_queue(&instant_work);
	return 0;
}

NOKPROBE_SYMBOL(on_instruction);

static void on_instant_ipi(void *data)
{
	kmh_interruption_enter();
}

static call_single_data_t instant_ipi;
static struct hrtimer instant_timer;

/* The timer expires on this CPU, or on another one that then sends an IPI. */
static enum hrtimer_restart on_instant_timer(struct hrtimer *expired)
{
	if (kmh_instant.trigger == KMH_TRIGGER_TIMER) {
		kmh_interruption_enter();
	} else {
		instant_ipi.func = on_instant_ipi;
		smp_call_function_single_async(kmh_instant.cpu, &instant_ipi);
	}
	return HRTIMER_NORESTART;
}

static void start_instant_timer(void *data)
{
	hrtimer_start(&instant_timer, ns_to_ktime(kmh_instant.offset),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

/**
 * kmh_instant_reset() - forget the interrupt that was armed
 *
 * Called in task context, while no operation is in progress.
 */
void kmh_instant_reset(void)
{
	WRITE_ONCE(kmh_instant.state, KMH_INSTANT_IDLE);
	kmh_trigger_disarm();
	hrtimer_cancel(&instant_timer);
	irq_work_sync(&instant_work);
	kmh_interruption_end();
}

/**
 * kmh_instant_end() - forget the interrupt that was armed, and every probe
 *
 * Called in task context, while no operation is in progress.
 */
void kmh_instant_end(void)
{
	kmh_instant_reset();
	kmh_trigger_release();
}

void kmh_instant_init(void)
{
	kmh_hrtimer_setup(&instant_timer, on_instant_timer);
}

/* ---- the INTERRUPT operation, and the operation that it interrupts ---- */

static bool well_formed(const struct kmh_op *op)
{
	u8 trigger = op->reg >> 4, levels = op->value;
	unsigned int i;

	if (trigger >= KMH_TRIGGER_FUNCTIONS + KMH_FUNCTIONS || !levels ||
	    (op->reg & 0xf) > KMH_CONTEXT_TASK || levels > KMH_INSTANT_LEVELS)
		return false;
	for (i = 0; i < levels; i++) {
		if (!kmh_page(op->page + i))
			return false;
	}
	if (trigger < KMH_TRIGGER_FUNCTIONS)
		return op->offset > 0 && op->offset <= DELAY_MAX_NS &&
		       (trigger == KMH_TRIGGER_TIMER || num_online_cpus() > 1);
	return op->offset >= 0;
}

/**
 * kmh_instant_arm() - let a later operation of this task be interrupted
 * @t: the current task
 * @op: reg is context and trigger, offset the instant, page the first of the pages to map,
 *	value their number, and from bit 8 on how many operations come before
 * @out: set to how it ended: refused where the function has fewer instructions
 */
void kmh_instant_arm(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	/* The kernel writes its text through a mapping: its flushes do not count. */
	WRITE_ONCE(kmh_executing, NULL);
	kmh_instant_reset();
	out->status = KMH_ST_REFUSED;
	if (!well_formed(op))
		return;
	kmh_instant.task = t;
	kmh_instant.trigger = op->reg >> 4;
	kmh_instant.context = op->reg & 0xf;
	kmh_instant.levels = op->value;
	kmh_instant.skip = op->value >> 8;
	kmh_instant.page = op->page;
	kmh_instant.offset = op->offset;
	if (kmh_instant.trigger >= KMH_TRIGGER_FUNCTIONS &&
	    !kmh_trigger_arm(kmh_instant.trigger - KMH_TRIGGER_FUNCTIONS, kmh_instant.offset,
			     on_instruction))
		return;
	if (kmh_instant.context == KMH_CONTEXT_TASK &&
	    !kmh_interruption_prepare(raw_smp_processor_id()))
		return;
	kmh_instant.state = KMH_INSTANT_ARMED;
	out->status = KMH_ST_OK;
}

/**
 * kmh_instant_begin() - start the timer if the operation that begins is to be interrupted
 * @t: the current task, in task context
 * @op: the operation
 */
void kmh_instant_begin(struct kmh_task *t, const struct kmh_op *op)
{
	int other_cpu;

	if (kmh_instant.task != t || op->code == KMH_OP_INTERRUPT)
		return;
	/* Nobody reports an interrupt that came while the task slept in kmap. */
	if (kmh_instant.state == KMH_INSTANT_DONE)
		kmh_instant.state = KMH_INSTANT_IDLE;
	if (kmh_instant.state != KMH_INSTANT_ARMED)
		return;
	if (kmh_instant.skip) {
		kmh_instant.skip--;
		return;
	}
	if (!(kmh_op_flags(op->code) & KMH_OPF_INTERRUPTIBLE) || irqs_disabled()) {
		kmh_instant.state = KMH_INSTANT_IDLE;
		return;
	}
	kmh_instant.cpu = raw_smp_processor_id();
	kmh_torn_begin(op);
	/* The task that shall come in has this task's priority: lower this one's. */
	if (kmh_instant.context == KMH_CONTEXT_TASK)
		sched_set_fifo_low(current);
	WRITE_ONCE(kmh_instant.state, KMH_INSTANT_STARTED);
	if (kmh_instant.trigger == KMH_TRIGGER_TIMER) {
		start_instant_timer(NULL);
	} else if (kmh_instant.trigger == KMH_TRIGGER_IPI) {
		other_cpu = cpumask_any_but(cpu_online_mask, kmh_instant.cpu);
		smp_call_function_single(other_cpu, start_instant_timer, NULL, 1);
	}
}

static bool interruption_over(void)
{
	/* pairs with map_levels() */
	return smp_load_acquire(&kmh_instant.state) == KMH_INSTANT_DONE;
}

/**
 * kmh_instant_finish() - wait for the interrupt of an operation that has ended
 * @t: the current task, in task context
 */
void kmh_instant_finish(struct kmh_task *t)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);
	bool probed = kmh_instant.trigger >= KMH_TRIGGER_FUNCTIONS;

	if (kmh_instant.task != t || kmh_instant.state < KMH_INSTANT_STARTED)
		return;
	if (probed && leave_started(KMH_INSTANT_IDLE))
		kmh_instant.n_records = 0;
	while (kmh_instant.state != KMH_INSTANT_IDLE && !interruption_over() &&
	       time_before(jiffies, end)) {
		if (kmh_instant.context == KMH_CONTEXT_HARDIRQ || kmh_atomic(t))
			cpu_relax();
		else
			usleep_range(20, 40);
	}
	if (kmh_instant.context == KMH_CONTEXT_TASK)
		sched_set_fifo(current);
}

/**
 * kmh_instant_report() - report the interrupt in the operation that is observed
 * @t: the task of the operation
 * @obs: the newest observation
 */
void kmh_instant_report(const struct kmh_task *t, struct kmh_obs *obs)
{
	struct kmh_delta *delta;
	unsigned int i;

	if (kmh_instant.task != t || kmh_instant.state != KMH_INSTANT_DONE ||
	    t->task != current)
		return;
	kmh_torn_report(obs);
	for (i = 0; i < kmh_instant.n_records; i++) {
		delta = kmh_answer_delta(obs);
		if (delta)
			*delta = kmh_instant.records[i];
	}
	WRITE_ONCE(kmh_instant.state, KMH_INSTANT_IDLE);
}
