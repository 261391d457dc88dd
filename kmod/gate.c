// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gates: places inside the kernel's own functions at which a thread waits for its turn.
 *
 * There is one turn and no scheduler thread.  The thread that has the turn runs to its next
 * gate.  There it waits until every other thread is at a gate, asleep, or at its end, and then
 * decides who goes on.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <linux/sched.h>

#include "kmh_schedule.h"

/**
 * kmh_gate_asleep() - tell whether a thread is off its CPU, and nothing has woken it
 * @t: the thread
 *
 * Return: true if so.  TASK_WAKING is a state of its own.
 */
bool kmh_gate_asleep(const struct kmh_schedule_task *t)
{
	return (kmh_task_state(t->task) & TASK_NORMAL) && !READ_ONCE(t->task->on_rq) &&
	       !kmh_on_cpu(t->task);
}

/*
 * stop_machine() and its like must get the CPU where the kernel would give it.  A kernel that
 * does not count sections without preemption is not preempted in any; here it may be.
 */
static void relax(void)
{
	if (need_resched() &&
	    (IS_ENABLED(CONFIG_PREEMPT_COUNT) ? preemptible() : !irqs_disabled()))
		cond_resched();
	cpu_relax();
}

static bool at_rest(const struct kmh_schedule_task *t)
{
	/* pairs with arrive() and kmh_gate_end() */
	u32 state = smp_load_acquire(&t->state);

	return state == KMH_SCHEDULE_PARKED || state == KMH_SCHEDULE_ENDED ||
	       (state == KMH_SCHEDULE_SLEEPS && kmh_gate_asleep(t));
}

/* A thread that was woken must reach its gate before the next decision. */
static void await_others(const struct kmh_schedule_task *self)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_task *t = &kmh_schedule.tasks[i];

		while (t != self && !at_rest(t) && !READ_ONCE(kmh_schedule.open))
			relax();
	}
}

/* The interrupt of a flush would wait for a thread that is at a gate with interrupts off. */
static bool all_take_interrupts(const struct kmh_schedule_task *self)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_task *t = &kmh_schedule.tasks[i];

		if (t != self && t->state == KMH_SCHEDULE_PARKED && !t->interrupts)
			return false;
	}
	return true;
}

static bool can_go_on(const struct kmh_schedule_task *t)
{
	if (t->state != KMH_SCHEDULE_PARKED)
		return false;
	if (t->kind == KMH_GATE_ACQUIRE)
		return !READ_ONCE(*(u32 *)t->argument);
	return t->kind != KMH_GATE_FLUSH || all_take_interrupts(t);
}

/* Give the turn away; @running has it and may keep it, or NULL. */
static void decide(const struct kmh_schedule_task *running)
{
	unsigned int i;
	u8 enabled = 0;
	int next = -1;

	for (i = 0; i < kmh_schedule.n_tasks; i++)
		enabled |= can_go_on(&kmh_schedule.tasks[i]) ? BIT(i) : 0;
	if (enabled)
		next = kmh_schedule_choose(enabled, running && enabled & BIT(running->id) ?
					   running->id : -1);
	if (next < 0)
		WRITE_ONCE(kmh_schedule.finished, 1);
	/* pairs with await_turn(): what was done before is seen by whoever has the turn next */
	smp_store_release(&kmh_schedule.turn, next);
}

static void await_turn(struct kmh_schedule_task *t)
{
	/* pairs with decide() */
	while (smp_load_acquire(&kmh_schedule.turn) != t->id && !READ_ONCE(kmh_schedule.open))
		relax();
	await_others(t);
}

/*
 * The thread stands at a gate.  What it has done is noted as it arrives, and what it is about
 * to do as it passes.  Return: whether it passed as the schedule says.
 */
static bool arrive(struct kmh_schedule_task *t, u8 kind, u8 gate, bool after)
{
	bool has_turn = READ_ONCE(kmh_schedule.turn) == t->id;

	t->kind = after ? KMH_GATE_CALL : kind;
	t->gate = gate;
	if (after && has_turn)
		kmh_schedule_event(t, kind, gate, after);
	/* pairs with at_rest() */
	smp_store_release(&t->state, KMH_SCHEDULE_PARKED);
	if (has_turn) {
		await_others(t);
		decide(t);
	}
	await_turn(t);
	t->state = KMH_SCHEDULE_RUNS;
	if (READ_ONCE(kmh_schedule.open))
		return false;
	if (!after || !has_turn)
		kmh_schedule_event(t, kind, gate, after);
	return true;
}

/* A thread that will not go on by itself gives the turn away before it leaves its CPU. */
static void go_to_sleep(struct kmh_schedule_task *t, u8 gate)
{
	if (kmh_task_state(current) == TASK_RUNNING)
		return;
	kmh_schedule_event(t, KMH_GATE_SLEEP, gate, false);
	/* pairs with at_rest() */
	smp_store_release(&t->state, KMH_SCHEDULE_SLEEPS);
	decide(NULL);
}

/* The witness: the lock is free, and nobody else can take it before this thread does. */
static void note_section(struct kmh_schedule_task *t)
{
	struct kmh_history_thread *shared = &t->shared;
	struct kmh_history_record *record = &t->records[shared->used];

	if (shared->code != KMH_HISTORY_KMAP && shared->code != KMH_HISTORY_KUNMAP)
		return;
	if (shared->section && shared->used + 1 < KMH_SCHEDULE_RECORDS) {
		*record = (struct kmh_history_record) {
			.ordered = shared->section,
			.page = shared->page,
			.code = KMH_HISTORY_SECTION,
			.cpu = shared->cpu,
		};
		shared->used++;
	} else if (shared->section) {
		kmh_schedule.too_long = true;
	}
	shared->section = ++kmh_schedule.clock;
}

static struct kmh_schedule_task *own_thread(void)
{
	unsigned int i;

	if (READ_ONCE(kmh_schedule.open) || !in_task())
		return NULL;
	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		if (kmh_schedule.tasks[i].task == current)
			return &kmh_schedule.tasks[i];
	}
	return NULL;
}

NOKPROBE_SYMBOL(own_thread);

static bool before_call(unsigned int gate, unsigned long argument, bool interrupts)
{
	struct kmh_schedule_task *t = own_thread();
	const struct kmh_gate *one;

	if (!t || t->state == KMH_SCHEDULE_ENDED)
		return false;
	one = &kmh_schedule.gates[gate];
	t->argument = argument;
	t->interrupts = interrupts;
	if (one->flags & KMH_GATE_BEFORE && arrive(t, one->kind, gate, false)) {
		if (one->flags & KMH_GATE_SECTION)
			note_section(t);
		if (one->kind == KMH_GATE_SCHEDULE)
			go_to_sleep(t, gate);
	}
	return one->flags & KMH_GATE_AFTER;
}

static void after_call(unsigned int gate, bool interrupts)
{
	struct kmh_schedule_task *t = own_thread();

	if (!t)
		return;
	t->interrupts = interrupts;
	arrive(t, kmh_schedule.gates[gate].kind, gate, true);
}

/**
 * kmh_gate_start() - wait at the beginning of a schedule
 * @t: the current thread
 */
void kmh_gate_start(struct kmh_schedule_task *t)
{
	t->interrupts = true;
	arrive(t, KMH_GATE_START, 0, false);
}

/**
 * kmh_gate_operation() - wait before an operation that has no gate of its own
 * @t: the current thread
 * @number: of the operation
 */
void kmh_gate_operation(struct kmh_schedule_task *t, u8 number)
{
	t->interrupts = true;
	if (!READ_ONCE(kmh_schedule.open))
		arrive(t, KMH_GATE_OPERATION, number, false);
}

/**
 * kmh_gate_end() - give the turn away at the end of a thread's program
 * @t: the current thread
 */
void kmh_gate_end(struct kmh_schedule_task *t)
{
	bool has_turn = READ_ONCE(kmh_schedule.turn) == t->id;

	/* pairs with at_rest() */
	smp_store_release(&t->state, KMH_SCHEDULE_ENDED);
	if (READ_ONCE(kmh_schedule.open) || !has_turn)
		return;
	await_others(t);
	decide(NULL);
}

/**
 * kmh_gates_begin() - make the first decision of a schedule
 *
 * The coordinator calls it; all threads are on their way to kmh_gate_start().
 */
void kmh_gates_begin(void)
{
	await_others(NULL);
	decide(NULL);
}

/**
 * kmh_gates_arm() - make the threads wait at these places
 * @gates: the places
 * @n: how many
 *
 * Return: 0 or a negative errno.
 */
int kmh_gates_arm(const struct kmh_gate *gates, unsigned int n)
{
	static struct kmh_gate_hooks hooks = {
		.before = before_call,
		.after = after_call,
	};

	if (!hooks.poke)
		hooks.poke = (void *)kmh_function(KMH_ARCH_POKE);
	if (!hooks.poke)
		return -EOPNOTSUPP;
	kmh_schedule.gates = gates;
	return kmh_arch_gates_arm(gates, n, &hooks);
}
