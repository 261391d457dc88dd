// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of operations: what is known of each, beside the code that executes it.
 *
 * The flags are those of OPERATIONS in the Python model, where each flag is described; a test
 * compares the two tables.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include "kmh.h"

#define F(name)		KMH_OPF_##name

#define OP_MAP		(F(MAPS) | F(NEEDS_PAGE) | F(NEEDS_REGISTER) | F(RETURNS_ADDRESS))
#define OP_WINDOW_MAP	(OP_MAP | F(WINDOW) | F(INTERRUPTIBLE))
#define OP_ATOMIC_MAP	(OP_WINDOW_MAP | F(ATOMIC))
#define OP_LOCAL_MAP	(OP_WINDOW_MAP | F(LOCAL) | F(ONLY_LOCAL))
#define OP_WINDOW_UNMAP	(F(UNMAPS) | F(WINDOW) | F(HAS_ADDRESS) | F(INTERRUPTIBLE))
#define OP_ATOMIC_UNMAP	(OP_WINDOW_UNMAP | F(ATOMIC) | F(ANY_ADDRESS))
#define OP_LOCAL_UNMAP	(OP_WINDOW_UNMAP | F(LOCAL) | F(ANY_ADDRESS) | F(ONLY_LOCAL))
#define OP_PKMAP	(F(PKMAP) | F(NEEDS_PAGE) | F(KMAP_LOCK) | F(MIGHT_SLEEP) | \
			 F(TASK_CONTEXT) | F(INTERRUPTIBLE))
#define OP_ACCESS	(F(HAS_ADDRESS) | F(TRANSLATES) | F(INTERRUPTIBLE))
#define OP_CONTEXT	(F(TASK_CONTEXT) | F(INTERRUPTS_ON) | F(OPENS_CONTEXT))
#define OP_NOT_ATOMIC	(F(TASK_CONTEXT) | F(NEVER_ATOMIC))
#define OP_SWITCH	(OP_NOT_ATOMIC | F(INTERRUPTIBLE) | F(SWITCHES))
#define OP_WAIT		(OP_NOT_ATOMIC | F(WAITS_FOR_CPUS))
#define OP_OUTSIDE	(OP_NOT_ATOMIC | F(OUTSIDE))
#define OP_ERRAND	(OP_OUTSIDE | F(ERRAND) | F(WAITS_FOR_CPUS) | F(NEEDS_ALL_CPUS))

static const struct kmh_op_kind kmh_op_kinds[] = {
	[KMH_OP_NOP] = { F(INTERRUPTIBLE) },
	[KMH_OP_KMAP] = { OP_PKMAP | OP_MAP | F(INTERRUPTS_ON) | F(WAITS_FOR_CPUS) },
	[KMH_OP_KUNMAP] = { OP_PKMAP | F(UNMAPS) },
	[KMH_OP_KMAP_ATOMIC] = { OP_ATOMIC_MAP },
	[KMH_OP_KMAP_ATOMIC_PROT] = { OP_ATOMIC_MAP | F(WITH_PROT) },
	[KMH_OP_KMAP_ATOMIC_PFN] = { OP_ATOMIC_MAP | F(BY_PFN) },
	[KMH_OP_KUNMAP_ATOMIC] = { OP_ATOMIC_UNMAP },
	[KMH_OP_KMAP_LOCAL] = { OP_LOCAL_MAP },
	[KMH_OP_KMAP_LOCAL_PROT] = { OP_LOCAL_MAP | F(WITH_PROT) },
	[KMH_OP_KMAP_LOCAL_PFN] = { OP_LOCAL_MAP | F(BY_PFN) },
	[KMH_OP_KUNMAP_LOCAL] = { OP_LOCAL_UNMAP },
	[KMH_OP_IOMAP] = { OP_WINDOW_MAP | F(BY_PFN) | F(WITH_PROT) | F(NOT_TYPED) },
	[KMH_OP_IOUNMAP] = { OP_WINDOW_UNMAP | F(NOT_TYPED) },
	[KMH_OP_READ] = { OP_ACCESS },
	[KMH_OP_WRITE] = { OP_ACCESS },
	[KMH_OP_PAGE_ADDRESS] = { F(NEEDS_PAGE) | F(RETURNS_ADDRESS) | F(INTERRUPTIBLE) },
	[KMH_OP_KMAP_TO_PAGE] = { F(HAS_ADDRESS) | F(TRANSLATES) },
	[KMH_OP_SET_PTE] = { F(HAS_ADDRESS) },
	[KMH_OP_FLUSH_UNUSED] = { OP_WAIT | F(KMAP_LOCK) | F(SETS_ATTRIBUTES) |
				  F(INTERRUPTIBLE) | F(SWITCHES) },
	[KMH_OP_INVLPG] = { F(HAS_ADDRESS) },
	[KMH_OP_IRQ_OFF] = { F(TASK_CONTEXT) },
	[KMH_OP_IRQ_ON] = { F(TASK_CONTEXT) },
	[KMH_OP_PREEMPT_OFF] = { F(TASK_CONTEXT) },
	[KMH_OP_PREEMPT_ON] = { F(TASK_CONTEXT) },
	[KMH_OP_SLEEP] = { OP_SWITCH },
	[KMH_OP_YIELD] = { OP_SWITCH },
	[KMH_OP_HARDIRQ] = { OP_CONTEXT },
	[KMH_OP_SOFTIRQ] = { OP_CONTEXT },
	[KMH_OP_EXIT] = { OP_WAIT },
	[KMH_OP_MIGRATE] = { OP_WAIT | F(NEEDS_ALL_CPUS) },
	[KMH_OP_TYPED_MAP] = { OP_MAP | F(TYPED) },
	[KMH_OP_TYPED_UNMAP] = { F(UNMAPS) | F(TYPED) | F(HAS_ADDRESS) | F(NEEDS_REGISTER) },
	[KMH_OP_SIGNAL] = { F(TASK_CONTEXT) },
	[KMH_OP_INTERRUPT] = { OP_NOT_ATOMIC | F(SETS_ATTRIBUTES) },
	[KMH_OP_AFFINITY] = { OP_ERRAND },
	[KMH_OP_HOTPLUG] = { OP_ERRAND },
	[KMH_OP_AWAIT] = { OP_OUTSIDE },
	[KMH_OP_FORK] = { OP_OUTSIDE },
	[KMH_OP_USER] = { OP_OUTSIDE | F(NEEDS_PAGE) | F(ONLY_LOCAL) },
	[KMH_OP_KMAP_LOCAL_FOLIO] = { OP_LOCAL_MAP },
	[KMH_OP_HELPER] = { F(NEEDS_PAGE) | F(INTERRUPTIBLE) },
	[KMH_OP_WORKLOAD] = { OP_OUTSIDE | F(WAITS_FOR_CPUS) | F(NEEDS_ALL_CPUS) },
};

/**
 * kmh_op_flags() - look up what is known of an operation
 * @code: enum kmh_opcode, or any other number that a host has sent
 *
 * Return: KMH_OPF_* bits; 0 for a number that is no operation.
 */
u32 kmh_op_flags(u8 code)
{
	return code < ARRAY_SIZE(kmh_op_kinds) ? kmh_op_kinds[code].flags : 0;
}
