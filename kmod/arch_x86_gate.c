// SPDX-License-Identifier: GPL-2.0-only
/*
 * 32-bit x86: calls of the kernel's text, made to go through this module.
 *
 * The displacement of a call instruction is rewritten while all other CPUs are stopped.  It
 * then leads to one common thunk, which knows the instruction by its return address.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kprobes.h>
#include <linux/stop_machine.h>
#include <linux/uaccess.h>
#include <asm/highmem.h>
#include <asm/processor-flags.h>
#include <asm/sync_core.h>

#include "kmh.h"

#define CALL		0xe8
#define CALL_LENGTH	5
#define NOP		0x90

/* What the kernel puts in place of a call of a paravirtualized unlock: movb $0, (%eax). */
static const u8 inline_release[] = { 0xc6, 0x00, 0x00 };

static struct {
	unsigned long site;
	unsigned long target;
	u8 number;		/* in the request */
	u8 length;
	u8 old[KMH_GATE_CODE];
} gates[KMH_SCHEDULE_GATES];
static unsigned int n_gates;
static bool gates_placed;
static struct kmh_gate_hooks gate_hooks;

/* The registers as the thunk saves them, the function called, and where it shall return. */
struct kmh_gate_frame {
	unsigned long di, si, bp, sp, bx, dx, cx, ax, flags, target, caller;
};

/*
 * Where something is to be done after the call, the thunk makes the call itself.  No function
 * for which that is asked has arguments on the stack.
 */
asm(".text\n"
	".globl kmh_gate_thunk\n"
	".type kmh_gate_thunk, @function\n"
	"kmh_gate_thunk:\n"
	"	pushl $0\n"
	"	pushfl\n"
	"	pushal\n"
	"	movl %esp, %eax\n"
	"	cld\n"
	"	call kmh_gate_before\n"
	"	testl %eax, %eax\n"
	"	jnz 1f\n"
	"	popal\n"
	"	popfl\n"
	"	ret\n"
	"1:	popal\n"
	"	popfl\n"
	"	call *(%esp)\n"
	"	pushfl\n"
	"	pushal\n"
	"	movl %esp, %eax\n"
	"	cld\n"
	"	call kmh_gate_after\n"
	"	popal\n"
	"	popfl\n"
	"	leal 4(%esp), %esp\n"
	"	ret\n"
	".size kmh_gate_thunk, .-kmh_gate_thunk\n"
	".globl kmh_gate_release\n"
	".type kmh_gate_release, @function\n"
	"kmh_gate_release:\n"
	"	movb $0, (%eax)\n"
	"	ret\n"
	".size kmh_gate_release, .-kmh_gate_release\n");

static unsigned int gate_at(unsigned long site)
{
	unsigned int low = 0, high = n_gates - 1, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (gates[middle].site < site)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

NOKPROBE_SYMBOL(gate_at);

__visible noinline unsigned int kmh_gate_before(struct kmh_gate_frame *frame)
{
	unsigned int gate = gate_at(frame->caller - CALL_LENGTH);

	frame->target = gates[gate].target;
	return gate_hooks.before(gates[gate].number, frame->ax, frame->flags & X86_EFLAGS_IF);
}

NOKPROBE_SYMBOL(kmh_gate_before);

__visible noinline void kmh_gate_after(struct kmh_gate_frame *frame)
{
	unsigned int gate = gate_at(frame->caller - CALL_LENGTH);

	gate_hooks.after(gates[gate].number, frame->flags & X86_EFLAGS_IF);
}

NOKPROBE_SYMBOL(kmh_gate_after);

/* ---- the text ---- */

static unsigned long address_of(const struct kmh_gate *gate)
{
	return (unsigned long)kunmap_high + gate->offset;
}

static bool expected_code(const struct kmh_gate *gate, const u8 *code)
{
	if (gate->kind == KMH_GATE_ACCESS)
		return !memcmp(code, gate->code, gate->length);
	if (gate->flags & KMH_GATE_INLINE)
		return !memcmp(code, inline_release, sizeof(inline_release));
	return code[0] == CALL && !memcmp(code, gate->code, gate->length);
}

/**
 * kmh_arch_gate_check() - tell whether an instruction can be made to go through the module
 * @gate: what the host has found in the kernel's text
 *
 * Return: 0, -EINVAL for a gate of another form, -EILSEQ where another instruction stands.
 */
int kmh_arch_gate_check(const struct kmh_gate *gate)
{
	u8 code[KMH_GATE_CODE];

	u8 least = gate->kind == KMH_GATE_ACCESS ? 1 : CALL_LENGTH;

	if (gate->length < least || gate->length > sizeof(code))
		return -EINVAL;
	if (copy_from_kernel_nofault(code, (void *)address_of(gate), gate->length))
		return -EFAULT;
	return expected_code(gate, code) ? 0 : -EILSEQ;
}

static void note_gate(unsigned int number, const struct kmh_gate *gate)
{
	unsigned int i = n_gates++;
	s32 displacement;

	gates[i].site = address_of(gate);
	gates[i].number = number;
	gates[i].length = gate->length;
	memcpy(gates[i].old, (void *)gates[i].site, gate->length);
	memcpy(&displacement, gates[i].old + 1, sizeof(displacement));
	gates[i].target = gate->flags & KMH_GATE_INLINE ?
		(unsigned long)kmh_gate_release : gates[i].site + CALL_LENGTH + displacement;
}

/* The other CPUs wait with interrupts off, at no instruction that is rewritten. */
static int place_gates(void *unused)
{
	u8 code[KMH_GATE_CODE];
	unsigned int i;
	s32 displacement;

	for (i = 0; i < n_gates; i++) {
		memset(code, NOP, sizeof(code));
		code[0] = CALL;
		displacement = (unsigned long)kmh_gate_thunk - gates[i].site - CALL_LENGTH;
		memcpy(code + 1, &displacement, sizeof(displacement));
		gate_hooks.poke((void *)gates[i].site, code, gates[i].length);
	}
	kmh_arch_traps_place(true);
	return 0;
}

static int remove_gates(void *unused)
{
	unsigned int i;

	for (i = 0; i < n_gates; i++)
		gate_hooks.poke((void *)gates[i].site, gates[i].old, gates[i].length);
	kmh_arch_traps_place(false);
	return 0;
}

static void synchronize(void *unused)
{
	sync_core();
}

static int rewrite(int (*how)(void *unused))
{
	int error = stop_machine(how, NULL, NULL);

	on_each_cpu(synchronize, NULL, 1);
	return error;
}

/**
 * kmh_arch_gates_arm() - make calls and accesses go through the module
 * @wanted: the instructions, by rising address, each of which kmh_arch_gate_check() accepts
 * @n: how many, at most KMH_SCHEDULE_GATES
 * @hooks: what is called before and after each of them
 *
 * Return: 0 or a negative errno.
 */
int kmh_arch_gates_arm(const struct kmh_gate *wanted, unsigned int n,
		       const struct kmh_gate_hooks *hooks)
{
	unsigned int i;
	int error;

	gate_hooks = *hooks;
	n_gates = 0;
	for (i = 0; i < n; i++) {
		if (wanted[i].kind == KMH_GATE_ACCESS)
			kmh_arch_trap_add(i, &wanted[i], address_of(&wanted[i]), hooks);
		else
			note_gate(i, &wanted[i]);
	}
	kmh_arch_traps_begin();
	error = n ? rewrite(place_gates) : 0;
	gates_placed = n && !error;
	if (error)
		kmh_arch_traps_end();
	return error;
}

/**
 * kmh_arch_gates_disarm() - put the calls back
 *
 * The thunk returns at once to a task that is not one of the module's threads, and these have
 * come to their end.
 */
void kmh_arch_gates_disarm(void)
{
	if (gates_placed)
		rewrite(remove_gates);
	gates_placed = false;
	kmh_arch_traps_end();
}
