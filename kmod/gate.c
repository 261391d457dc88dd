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

#define HITS	4	/* of one access, from one acquisition of a lock to the next */

/*
 * The thread stands at a gate.  What it has done is noted as it arrives, and what it is about
 * to do as it passes.  Return: whether it passed as the schedule says.
 */
static bool arrive(struct kmh_schedule_task *t, u8 kind, u8 gate, bool after)
{
	bool has_turn = READ_ONCE(kmh_schedule.turn) == t->id;

	t->kind = after ? KMH_GATE_CALL : kind;
	t->gate = gate;
	t->softirqs = t->interrupts && !softirq_count();
	t->keeps_cpu = kmh_turn_keeps_cpu(t, kind);
	if (after && has_turn)
		kmh_schedule_event(t, kind, gate, after);
	/* pairs with at_rest() */
	smp_store_release(&t->state, KMH_SCHEDULE_PARKED);
	if (has_turn) {
		kmh_turn_await_others(t);
		kmh_turn_decide(kind == KMH_GATE_PAUSE ? NULL : t);
	}
	kmh_turn_await(t);
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
	kmh_turn_decide(NULL);
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

/* A thread, or an interrupt that it has taken and that is not over. */
static bool is_here(const struct kmh_schedule_task *t)
{
	if (in_task())
		return !t->context;
	return t->context && (t->state == KMH_SCHEDULE_RUNS || t->state == KMH_SCHEDULE_PARKED) &&
	       (t->context == KMH_SCHEDULE_SOFTIRQ) == !kmh_in_hardirq();
}

NOKPROBE_SYMBOL(is_here);

static struct kmh_schedule_task *own_thread(void)
{
	unsigned int i;

	if (READ_ONCE(kmh_schedule.open))
		return NULL;
	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		struct kmh_schedule_task *t = &kmh_schedule.tasks[i];

		if (t->task == current && is_here(t))
			return t;
	}
	return NULL;
}

NOKPROBE_SYMBOL(own_thread);

/* A scan of all slots would be nothing but gates; only the slots of the program matter. */
static bool in_play(unsigned long address, unsigned long table, size_t entry)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;

	if (address - table >= LAST_PKMAP * entry)
		return true;
	return (address - table) / entry - request->first_free < request->slots;
}

NOKPROBE_SYMBOL(in_play);

static bool is_wanted(unsigned long address)
{
	return !READ_ONCE(kmh_schedule.open) &&
	       in_play(address, (unsigned long)kmh_symbols.pkmap_count, sizeof(int)) &&
	       in_play(address, (unsigned long)kmh_pkmap_ptes, sizeof(pte_t));
}

NOKPROBE_SYMBOL(is_wanted);

/* Whether the thread waits at an access: not again and again in a loop. */
static bool counts(struct kmh_schedule_task *t, unsigned int gate)
{
	if (kmh_schedule.gates[gate].kind == KMH_GATE_ACQUIRE)
		memset(t->hits, 0, sizeof(t->hits));
	if (kmh_schedule.gates[gate].kind != KMH_GATE_ACCESS)
		return true;
	return t->hits[gate] < HITS && ++t->hits[gate];
}

static bool before_call(unsigned int gate, unsigned long argument, bool interrupts)
{
	struct kmh_schedule_task *t = own_thread();
	const struct kmh_gate *one;

	/* The switch of windows calls functions with gates; a thread that switches is at one. */
	if (!t || t->state != KMH_SCHEDULE_RUNS)
		return false;
	if (!counts(t, gate))
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
 * kmh_gate_operation() - wait in the module's own code
 * @t: the current thread, or interrupt
 * @number: of the operation
 * @kind: KMH_GATE_OPERATION, or KMH_GATE_PAUSE to give the turn away
 */
void kmh_gate_operation(struct kmh_schedule_task *t, u8 number, u8 kind)
{
	t->interrupts = !irqs_disabled();
	if (!READ_ONCE(kmh_schedule.open))
		arrive(t, kind, number, false);
}

/**
 * kmh_gate_end() - give the turn away at the end of a thread's program, or of an interrupt
 * @t: the current thread
 */
void kmh_gate_end(struct kmh_schedule_task *t)
{
	bool has_turn = READ_ONCE(kmh_schedule.turn) == t->id;
	struct kmh_schedule_task *below = NULL;

	if (t->context) {
		below = &kmh_schedule.tasks[t->program->target];
		below->interrupted = false;
	}
	/* pairs with at_rest() and kmh_interrupt_take() */
	smp_store_release(&t->state, KMH_SCHEDULE_ENDED);
	if (READ_ONCE(kmh_schedule.open) || !has_turn)
		return;
	kmh_turn_await_others(t);
	kmh_turn_decide(below);
}

/**
 * kmh_gates_begin() - make the first decision of a schedule
 *
 * The coordinator calls it; all threads are on their way to kmh_gate_start().
 */
void kmh_gates_begin(void)
{
	kmh_turn_await_others(NULL);
	kmh_turn_decide(NULL);
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
		.wanted = is_wanted,
	};

	if (!hooks.poke)
		hooks.poke = (void *)kmh_function(KMH_ARCH_POKE);
	if (!hooks.poke)
		return -EOPNOTSUPP;
	kmh_schedule.gates = gates;
	return kmh_arch_gates_arm(gates, n, &hooks);
}
