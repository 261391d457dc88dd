// SPDX-License-Identifier: GPL-2.0-only
/*
 * 32-bit x86: instructions of the kernel's text that become breakpoints.
 *
 * Behind the breakpoint the thread goes on in the module: it waits there for its turn, outside
 * of the exception, and then executes a copy of the instruction and jumps back behind it.  No
 * address in an instruction of this processor depends on where it stands.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <asm/processor-flags.h>

#include "kmh.h"

#define INT3		0xcc
#define PUSH		0x68
#define JUMP		0xe9
#define LONG		5	/* bytes of a push or a jump */
/* Bytes for one gate: push its number, jump to the wait; the copy, jump back. */
#define ROOM		32

/* The registers as the wait saves them, the gate, which becomes the place of the copy. */
struct kmh_trap_frame {
	unsigned long di, si, bp, sp, bx, dx, cx, ax, flags, gate;
};

asm(".text\n"
	".globl kmh_trap_wait\n"
	".type kmh_trap_wait, @function\n"
	"kmh_trap_wait:\n"
	"	pushfl\n"
	"	pushal\n"
	"	movl %esp, %eax\n"
	"	cld\n"
	"	call kmh_trap_before\n"
	"	popal\n"
	"	popfl\n"
	"	ret\n"
	".size kmh_trap_wait, .-kmh_trap_wait\n"
	".globl kmh_trap_rooms\n"
	".type kmh_trap_rooms, @object\n"
	"kmh_trap_rooms:\n"
	"	.fill " __stringify(KMH_SCHEDULE_GATES) " * " __stringify(32) ", 1, 0x90\n"
	".size kmh_trap_rooms, .-kmh_trap_rooms\n");

static struct {
	unsigned long site;
	struct kmh_gate gate;
	u8 number;
} traps[KMH_SCHEDULE_GATES];
static unsigned int n_traps;
static struct kmh_gate_hooks trap_hooks;

static u8 *room_of(unsigned int trap)
{
	return kmh_trap_rooms + trap * ROOM;
}

NOKPROBE_SYMBOL(room_of);

static int trap_at(unsigned long site)
{
	int low = 0, high = (int)n_traps - 1;

	while (low <= high) {
		int middle = (low + high) / 2;

		if (traps[middle].site == site)
			return middle;
		if (traps[middle].site < site)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

NOKPROBE_SYMBOL(trap_at);

static unsigned long register_of(const struct pt_regs *regs, u8 number)
{
	switch (number) {
	case 1:
		return regs->ax;
	case 2:
		return regs->cx;
	case 3:
		return regs->dx;
	case 4:
		return regs->bx;
	case 6:
		return regs->bp;
	case 7:
		return regs->si;
	case 8:
		return regs->di;
	default:
		return 0;
	}
}

NOKPROBE_SYMBOL(register_of);

static unsigned long accessed(const struct kmh_gate *gate, const struct pt_regs *regs)
{
	return gate->displacement + register_of(regs, gate->base) +
	       register_of(regs, gate->index) * gate->scale;
}

NOKPROBE_SYMBOL(accessed);

static int on_breakpoint(struct notifier_block *block, unsigned long event, void *data)
{
	struct die_args *args = data;
	struct pt_regs *regs = args->regs;
	int trap;

	if (event != DIE_INT3 || user_mode(regs))
		return NOTIFY_DONE;
	trap = trap_at(regs->ip - 1);
	if (trap < 0)
		return NOTIFY_DONE;
	regs->ip = (unsigned long)room_of(trap);
	if (!trap_hooks.wanted(accessed(&traps[trap].gate, regs)))
		regs->ip += 2 * LONG;
	return NOTIFY_STOP;
}

NOKPROBE_SYMBOL(on_breakpoint);

static struct notifier_block breakpoint_block = {
	.notifier_call = on_breakpoint,
	.priority = INT_MAX,
};

__visible noinline void kmh_trap_before(struct kmh_trap_frame *frame)
{
	unsigned int trap = frame->gate;

	trap_hooks.before(traps[trap].number, 0, frame->flags & X86_EFLAGS_IF);
	frame->gate = (unsigned long)room_of(trap) + 2 * LONG;
}

NOKPROBE_SYMBOL(kmh_trap_before);

static u8 *append_long(u8 *code, u8 opcode, u32 value)
{
	*code = opcode;
	memcpy(code + 1, &value, sizeof(value));
	return code + LONG;
}

static u8 *append_jump(u8 *code, const u8 *start, unsigned long place, unsigned long target)
{
	return append_long(code, JUMP, target - (place + (code - start) + LONG));
}

static void write_room(unsigned int trap)
{
	const struct kmh_gate *gate = &traps[trap].gate;
	unsigned long place = (unsigned long)room_of(trap);
	u8 code[ROOM], *end = code;

	end = append_long(end, PUSH, trap);
	end = append_jump(end, code, place, (unsigned long)kmh_trap_wait);
	memcpy(end, gate->code, gate->length);
	end += gate->length;
	end = append_jump(end, code, place, traps[trap].site + gate->length);
	trap_hooks.poke((void *)place, code, end - code);
}

/**
 * kmh_arch_trap_add() - make a breakpoint ready
 * @number: of the gate in the request
 * @gate: the gate, whose code the instruction is
 * @site: its address
 * @hooks: what is called there
 *
 * Gates come by rising address.
 */
void kmh_arch_trap_add(unsigned int number, const struct kmh_gate *gate, unsigned long site,
		       const struct kmh_gate_hooks *hooks)
{
	trap_hooks = *hooks;
	traps[n_traps].number = number;
	traps[n_traps].site = site;
	traps[n_traps].gate = *gate;
	n_traps++;
}

/**
 * kmh_arch_traps_begin() - listen for breakpoints
 */
void kmh_arch_traps_begin(void)
{
	if (n_traps)
		register_die_notifier(&breakpoint_block);
}

/**
 * kmh_arch_traps_end() - forget all breakpoints, none of which is in the text any more
 */
void kmh_arch_traps_end(void)
{
	if (n_traps)
		unregister_die_notifier(&breakpoint_block);
	n_traps = 0;
}

/**
 * kmh_arch_traps_place() - write the breakpoints, or take them away
 * @place: whether to write them
 *
 * All other CPUs are stopped.
 */
void kmh_arch_traps_place(bool place)
{
	static const u8 breakpoint = INT3;
	unsigned int i;

	for (i = 0; i < n_traps; i++) {
		if (place)
			write_room(i);
		trap_hooks.poke((void *)traps[i].site,
				place ? &breakpoint : traps[i].gate.code, 1);
	}
}
