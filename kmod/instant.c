// SPDX-License-Identifier: GPL-2.0-only
/*
 * An interrupt, or a task of higher priority, in the middle of an operation: it maps some
 * pages on top of whatever it finds, reads them and unmaps them again.
 *
 * It comes when a timer says so, by an IPI of another CPU, or at an instruction of the
 * function that is being executed.  There a probe only asks for an interrupt (a self-IPI);
 * the mapping happens in that interrupt, which comes as soon as interrupts are on.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/smp.h>

#include "kmh.h"

#define LEVELS_MAX	8
#define DELAY_MAX_NS	1000000

enum state {
	STATE_IDLE,
	STATE_ARMED,	/* for an operation to come */
	STATE_STARTED,	/* that operation is under way */
	STATE_FIRED,	/* the interrupt has been asked for */
	STATE_DONE,
};

/* What may be interrupted: tested by instant_trigger(), named by KMH_TRIGGER_* - KMH_TRIGGER_FUNCTIONS. */
static const char * const functions[] = {
#if KMH_HAS_KMAP_LOCAL
	"__kmap_local_pfn_prot", "kunmap_local_indexed",
#else
	"kmap_atomic_high_prot", "kunmap_atomic_high",
#endif
	"flush_tlb_one_kernel", "__kmap_local_sched_out", "__kmap_local_sched_in",
	"kmap_high", "kunmap_high", "flush_all_zero_pkmaps",
};

static struct {
	struct kmh_task *task;
	u32 state;		/* enum state */
	u8 trigger, context, levels, skip;
	u16 page;
	s32 offset;		/* of the instruction, or nanoseconds */
	int cpu;		/* where the operation began */
	bool placed;		/* the probe */
	unsigned int n_records;
	struct kmh_delta records[LEVELS_MAX + 1];
} at;

static struct task_struct *preemptor;
static u32 preemptor_go;

/* ---- what happens at the instant ---- */

static u8 where_am_i(void)
{
	u8 flags = kmh_in_hardirq() ? KMH_INTERRUPT_HARD : 0;

	if (!flags && in_serving_softirq())
		flags = KMH_INTERRUPT_SOFT;
	return flags | (current == at.task->task ? KMH_INTERRUPT_OWN : 0);
}

static struct kmh_delta *record(u8 kind, u8 flags)
{
	struct kmh_delta *delta = &at.records[at.n_records++];

	*delta = (struct kmh_delta) {
		.kind = kind,
		.aux = flags,
		.index = (u16)kmh_depth(current, raw_smp_processor_id()),
	};
	return delta;
}

static void put_pte(struct kmh_delta *delta, u64 pte)
{
	delta->b = pte;
	delta->c = pte >> 32;
}

/* Map one page, unless the slot that the kernel would take is in use: there it would BUG. */
static void *map_level(unsigned int level, u8 flags)
{
	int cpu = raw_smp_processor_id(), slot = kmh_depth(current, cpu) + KMH_INCREMENT - 1;
	unsigned long address = __fix_to_virt(FIX_KMAP_BEGIN + slot + KMH_WINDOW * cpu);
	struct kmh_delta *delta;
	u64 found = kmh_walk(address);

	if (slot < 0 || slot + 1 >= KMH_WINDOW)
		return NULL;
	delta = record(KMH_DELTA_INTERRUPT, flags | (found ? KMH_INTERRUPT_IN_USE : 0));
	delta->a = address;
	put_pte(delta, found);
	if (found)
		return NULL;
	delta->a = (u32)kmap_atomic(kmh_page(at.page + level));
	put_pte(delta, kmh_walk(delta->a));
	kmh_load(delta->a, &delta->d);
	return (void *)delta->a;
}

/* Mapping is not part of the operation: its flushes are not counted. */
static void map_levels(void)
{
	struct task_struct *executing = xchg(&kmh_executing, NULL);
	void *mapped[LEVELS_MAX];
	u8 flags = where_am_i();
	unsigned int n = 0;

	at.n_records = 0;
	while (n < at.levels) {
		mapped[n] = map_level(n, flags);
		if (!mapped[n])
			break;
		n++;
	}
	while (n)
		kunmap_atomic(mapped[--n]);
	record(KMH_DELTA_INTERRUPT_END, flags);
	cmpxchg(&kmh_executing, NULL, executing);
	/* pairs with finished() */
	smp_store_release(&at.state, STATE_DONE);
}

static void on_tasklet(struct tasklet_struct *tasklet)
{
	map_levels();
}

static DECLARE_TASKLET(tasklet, on_tasklet);

static int preemptor_main(void *data)
{
	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		if (!xchg(&preemptor_go, 0)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		map_levels();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/* In a hard interrupt on the CPU of the operation. */
static void come_in(void)
{
	switch (at.context) {
	case KMH_CONTEXT_HARDIRQ:
		map_levels();
		break;
	case KMH_CONTEXT_SOFTIRQ:
		tasklet_hi_schedule(&tasklet);
		break;
	default:
		WRITE_ONCE(preemptor_go, 1);
		wake_up_process(preemptor);
	}
}

/* ---- what brings it about ---- */

static void on_work(struct irq_work *work)
{
	come_in();
}

static struct irq_work work = KMH_IRQ_WORK_HARD(on_work);

static int on_instruction(struct kprobe *probe, struct pt_regs *regs)
{
	if (current == READ_ONCE(at.task->task) &&
	    cmpxchg(&at.state, STATE_STARTED, STATE_FIRED) == STATE_STARTED)
		irq_work_queue(&work);
	return 0;
}

NOKPROBE_SYMBOL(on_instruction);

static struct kprobe probe;

static void on_ipi(void *data)
{
	come_in();
}

static call_single_data_t ipi;
static struct hrtimer timer;

/* Here, or on another CPU that sends an IPI. */
static enum hrtimer_restart on_timer(struct hrtimer *expired)
{
	if (at.trigger == KMH_TRIGGER_TIMER) {
		come_in();
	} else {
		ipi.func = on_ipi;
		smp_call_function_single_async(at.cpu, &ipi);
	}
	return HRTIMER_NORESTART;
}

static void start_timer(void *data)
{
	hrtimer_start(&timer, ns_to_ktime(at.offset), HRTIMER_MODE_REL_PINNED_HARD);
}

static bool place_probe(void)
{
	probe = (struct kprobe) {
		.symbol_name = functions[at.trigger - KMH_TRIGGER_FUNCTIONS],
		.offset = at.offset,
		.pre_handler = on_instruction,
	};
	at.placed = !register_kprobe(&probe);
	return at.placed;
}

static bool start_preemptor(int cpu)
{
	struct task_struct *task = kthread_create(preemptor_main, NULL, "kmh/preemptor");

	if (IS_ERR(task))
		return false;
	kthread_bind(task, cpu);
	sched_set_fifo(task);
	preemptor_go = 0;
	preemptor = task;
	wake_up_process(task);
	return true;
}

/**
 * kmh_instant_reset() - forget what was armed
 *
 * From task context, with no operation under way.
 */
void kmh_instant_reset(void)
{
	WRITE_ONCE(at.state, STATE_IDLE);
	if (at.placed)
		unregister_kprobe(&probe);
	at.placed = false;
	hrtimer_cancel(&timer);
	irq_work_sync(&work);
	tasklet_kill(&tasklet);
	if (preemptor)
		kthread_stop(preemptor);
	preemptor = NULL;
	at.n_records = 0;
}

void kmh_instant_init(void)
{
	kmh_hrtimer_setup(&timer, on_timer);
}

/* ---- the operation, and the one that it is for ---- */

static bool sane(const struct kmh_op *op)
{
	u8 trigger = op->reg >> 4, levels = op->value;
	unsigned int i;

	if (trigger >= KMH_TRIGGER_FUNCTIONS + ARRAY_SIZE(functions) || !levels ||
	    (op->reg & 0xf) > KMH_CONTEXT_TASK || levels > LEVELS_MAX)
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
 * kmh_instant_arm() - an operation of this task will be interrupted
 * @t: the current task
 * @op: reg is context and trigger, offset the instant, page the first of the pages to map,
 *	value how many of them, and from bit 8 on how many operations come before
 * @out: how it ended; refused where no instruction begins at that offset
 */
void kmh_instant_arm(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out)
{
	/* Text is changed through a mapping of its own. */
	WRITE_ONCE(kmh_executing, NULL);
	kmh_instant_reset();
	out->status = KMH_ST_REFUSED;
	if (!sane(op))
		return;
	at.task = t;
	at.trigger = op->reg >> 4;
	at.context = op->reg & 0xf;
	at.levels = op->value;
	at.skip = op->value >> 8;
	at.page = op->page;
	at.offset = op->offset;
	if (at.trigger >= KMH_TRIGGER_FUNCTIONS && !place_probe())
		return;
	if (at.context == KMH_CONTEXT_TASK && !start_preemptor(raw_smp_processor_id()))
		return;
	at.state = STATE_ARMED;
	out->status = KMH_ST_OK;
}

static bool interruptible(u8 code)
{
	return code <= KMH_OP_WRITE || code == KMH_OP_SLEEP || code == KMH_OP_YIELD;
}

/**
 * kmh_instant_begin() - an operation begins: maybe it is the one
 * @t: the current task, in task context
 * @op: the operation
 */
void kmh_instant_begin(struct kmh_task *t, const struct kmh_op *op)
{
	if (at.task != t || op->code == KMH_OP_INTERRUPT)
		return;
	/* What came while the task slept in kmap was told by nobody. */
	if (at.state == STATE_DONE)
		at.state = STATE_IDLE;
	if (at.state != STATE_ARMED)
		return;
	if (at.skip) {
		at.skip--;
		return;
	}
	if (!interruptible(op->code) || irqs_disabled()) {
		at.state = STATE_IDLE;
		return;
	}
	at.cpu = raw_smp_processor_id();
	/* Its own priority is that of the task that is to come in. */
	if (at.context == KMH_CONTEXT_TASK)
		sched_set_fifo_low(current);
	WRITE_ONCE(at.state, STATE_STARTED);
	if (at.trigger == KMH_TRIGGER_TIMER) {
		start_timer(NULL);
	} else if (at.trigger == KMH_TRIGGER_IPI) {
		smp_call_function_single(cpumask_any_but(cpu_online_mask, at.cpu), start_timer,
					 NULL, 1);
	}
}

static bool finished(void)
{
	/* pairs with map_levels() */
	return smp_load_acquire(&at.state) == STATE_DONE;
}

/**
 * kmh_instant_finish() - an operation has ended: what was asked for comes now, if it has not
 * @t: the current task, in task context
 */
void kmh_instant_finish(struct kmh_task *t)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);
	bool probed = at.trigger >= KMH_TRIGGER_FUNCTIONS;

	if (at.task != t || at.state < STATE_STARTED)
		return;
	if (probed && cmpxchg(&at.state, STATE_STARTED, STATE_IDLE) == STATE_STARTED)
		at.n_records = 0;
	while (at.state != STATE_IDLE && !finished() && time_before(jiffies, end)) {
		if (at.context == KMH_CONTEXT_HARDIRQ || kmh_atomic(t))
			cpu_relax();
		else
			usleep_range(20, 40);
	}
	if (at.context == KMH_CONTEXT_TASK)
		sched_set_fifo(current);
}

/**
 * kmh_instant_report() - the records of the operation that is observed
 * @t: its task
 * @next: gives room for one
 * @obs: the observation
 */
void kmh_instant_report(const struct kmh_task *t, struct kmh_obs *obs,
			struct kmh_delta *(*next)(struct kmh_obs *obs))
{
	struct kmh_delta *delta;
	unsigned int i;

	if (at.task != t || at.state != STATE_DONE || t->task != current)
		return;
	for (i = 0; i < at.n_records; i++) {
		delta = next(obs);
		if (delta)
			*delta = at.records[i];
	}
	WRITE_ONCE(at.state, STATE_IDLE);
}
