// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions in which a probe can ask for an interrupt, instruction by instruction.
 *
 * Their instructions are counted once, while no probe of this module has changed their text.
 * A probe is only disarmed after use: unregister_kprobe() waits for a grace period, and one wait
 * serves many probes.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <asm/insn.h>

#include "kmh.h"

#define INSTRUCTIONS_MAX	512	/* of one function */
#define PROBES_MAX		32

/*
 * The trigger of an operation, less KMH_TRIGGER_FUNCTIONS, is the index; the model's
 * enumeration of triggers has the same order.
 */
static const char * const trigger_functions[KMH_FUNCTIONS] = {
#if KMH_HAS_KMAP_LOCAL
	"__kmap_local_pfn_prot", "kunmap_local_indexed",
#else
	"kmap_atomic_high_prot", "kunmap_atomic_high",
#endif
	KMH_ARCH_FLUSH_PAGE, "__kmap_local_sched_out", "__kmap_local_sched_in",
	"kmap_high", "kunmap_high", "flush_all_zero_pkmaps",
#if KMH_HAS_KMAP_LOCAL
	"__iomap_local_pfn_prot", "kunmap_local_indexed",
#else
	"iomap_atomic_prot_pfn", "iounmap_atomic",
#endif
	"page_address",
};

static struct {
	unsigned int n_instructions;
	u16 offsets[INSTRUCTIONS_MAX];
} functions[KMH_FUNCTIONS];

static struct kprobe probes[PROBES_MAX];
static struct kprobe *registered[PROBES_MAX];
static unsigned int n_registered;
static bool armed;

/* The kernel's decoder, which it does not export. */
static void (*decoder_init)(struct insn *insn, const void *text, int room, int wide);
static void (*decoder_length)(struct insn *insn);

/* Return: the size of a function as kallsyms knows it: up to the next symbol. */
static unsigned long function_size(unsigned long address)
{
	char name[KSYM_SYMBOL_LEN], *size;
	unsigned long found;

	sprint_symbol(name, address);
	size = strrchr(name, '/');
	if (!size)
		return 0;
	size[strcspn(size, " ")] = '\0';
	return kstrtoul(size + 1, 16, &found) ? 0 : found;
}

static void count_instructions(unsigned int function)
{
	unsigned long address = kmh_function(trigger_functions[function]);
	unsigned long size = address ? function_size(address) : 0;
	unsigned long offset = 0;
	struct insn insn;

	while (offset < size && functions[function].n_instructions < INSTRUCTIONS_MAX) {
		decoder_init(&insn, (void *)(address + offset), MAX_INSN_SIZE, 0);
		decoder_length(&insn);
		if (!insn.length)
			break;
		functions[function].offsets[functions[function].n_instructions++] = offset;
		offset += insn.length;
	}
}

/**
 * kmh_trigger_init() - find the instructions of every trigger's function
 *
 * A function that is not there, or a kernel without decoder, has none.
 */
void kmh_trigger_init(void)
{
	unsigned int i;

	decoder_init = (void *)kmh_function("insn_init");
	decoder_length = (void *)kmh_function("insn_get_length");
	for (i = 0; i < KMH_FUNCTIONS && decoder_init && decoder_length; i++)
		count_instructions(i);
}

/**
 * kmh_trigger_instructions() - look up how many instructions a trigger's function has
 * @function: index of the function
 *
 * Return: their number, 0 where the function does not exist out of line.
 */
unsigned int kmh_trigger_instructions(unsigned int function)
{
	return functions[function].n_instructions;
}

/*
 * A probe with such a handler is never made a jump: the optimizer waits for all tasks while it
 * keeps the lock that the next registration needs.
 */
static void after_instruction(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
}

NOKPROBE_SYMBOL(after_instruction);

/**
 * kmh_trigger_arm() - place a probe at an instruction
 * @function: index of the function
 * @number: of the instruction, from 0
 * @handler: called there
 *
 * Called in task context, where no other probe is armed.
 *
 * Return: false where the function has no such instruction, or it cannot be probed.
 */
bool kmh_trigger_arm(unsigned int function, unsigned int number, kprobe_pre_handler_t handler)
{
	struct kprobe *probe;

	if (number >= functions[function].n_instructions)
		return false;
	if (n_registered == PROBES_MAX)
		kmh_trigger_release();
	probe = &probes[n_registered];
	*probe = (struct kprobe) {
		.symbol_name = trigger_functions[function],
		.offset = functions[function].offsets[number],
		.pre_handler = handler,
		.post_handler = after_instruction,
	};
	if (register_kprobe(probe))
		return false;
	registered[n_registered++] = probe;
	armed = true;
	return true;
}

/**
 * kmh_trigger_disarm() - disarm the probe that was placed last
 *
 * Called in task context.
 */
void kmh_trigger_disarm(void)
{
	if (armed)
		disable_kprobe(registered[n_registered - 1]);
	armed = false;
}

/**
 * kmh_trigger_release() - unregister all probes
 *
 * Called in task context; waits for a grace period.
 */
void kmh_trigger_release(void)
{
	if (n_registered)
		unregister_kprobes(registered, n_registered);
	n_registered = 0;
	armed = false;
}
