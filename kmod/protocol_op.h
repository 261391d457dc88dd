/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: operations, and what is known of each. */
#ifndef KMAP_HARNESS_PROTOCOL_OP_H
#define KMAP_HARNESS_PROTOCOL_OP_H

#include <linux/types.h>

/*
 * Operations of a task.  "reg" names one of KMH_MAX_REGISTERS addresses, which all tasks
 * share: mapping operations store their result there.  An address operand is
 * (base, reg or page or value, offset), see enum kmh_base.
 */
enum kmh_opcode {
	KMH_OP_NOP = 0,			/* nothing but the observation */
	KMH_OP_KMAP = 1,		/* reg = kmap(page) */
	KMH_OP_KUNMAP = 2,		/* kunmap(page) */
	KMH_OP_KMAP_ATOMIC = 3,		/* reg = kmap_atomic(page) */
	KMH_OP_KMAP_ATOMIC_PROT = 4,	/* reg = kmap_atomic_prot(page, prot) */
	KMH_OP_KMAP_ATOMIC_PFN = 5,	/* reg = kmap_atomic_pfn(pfn of page) */
	KMH_OP_KUNMAP_ATOMIC = 6,	/* kunmap_atomic(address) */
	KMH_OP_KMAP_LOCAL = 7,		/* reg = kmap_local_page(page) */
	KMH_OP_KMAP_LOCAL_PROT = 8,	/* reg = kmap_local_page_prot(page, prot) */
	KMH_OP_KMAP_LOCAL_PFN = 9,	/* reg = kmap_local_pfn(pfn of page) */
	KMH_OP_KUNMAP_LOCAL = 10,	/* kunmap_local(address) */
	KMH_OP_IOMAP = 11,		/* reg = iomap_local_pfn_prot / iomap_atomic_prot_pfn */
	KMH_OP_IOUNMAP = 12,		/* the matching unmap(address) */
	KMH_OP_READ = 13,		/* value = 32-bit load from address; faults are caught */
	KMH_OP_WRITE = 14,		/* 32-bit store of value to address; faults are caught */
	KMH_OP_PAGE_ADDRESS = 15,	/* value = page_address(page) */
	KMH_OP_KMAP_TO_PAGE = 16,	/* value = pfn of kmap_to_page(address) */
	KMH_OP_SET_PTE = 17,		/* PTE of address = page with prot, or none; no flush */
	KMH_OP_FLUSH_UNUSED = 18,	/* make the kernel flush unused pkmaps */
	KMH_OP_INVLPG = 19,		/* drop the translation of address on this CPU */
	KMH_OP_IRQ_OFF = 20,		/* local_irq_disable() */
	KMH_OP_IRQ_ON = 21,
	KMH_OP_PREEMPT_OFF = 22,	/* preempt_disable() */
	KMH_OP_PREEMPT_ON = 23,
	KMH_OP_SLEEP = 24,		/* sleep for value microseconds: a real context switch */
	KMH_OP_YIELD = 25,		/* schedule() */
	KMH_OP_HARDIRQ = 26,		/* the next "value" operations run in a hard interrupt */
	KMH_OP_SOFTIRQ = 27,		/* ... in a softirq */
	KMH_OP_EXIT = 28,		/* the task exits as it is */
	KMH_OP_MIGRATE = 29,		/* let this task run on CPU value only */
	KMH_OP_TYPED_MAP = 30,		/* reg = kmap_atomic(page, value), typed window */
	KMH_OP_TYPED_UNMAP = 31,	/* kunmap_atomic(address, value) there */
	KMH_OP_SIGNAL = 32,		/* send SIGKILL to task value */
	KMH_OP_INTERRUPT = 33,		/* interrupt a later operation: see enum kmh_trigger */
	/* Their result is 1 where the change has to wait for a mapping. */
	KMH_OP_AFFINITY = 34,		/* let task value & 0xff run on CPU value >> 8 only */
	KMH_OP_HOTPLUG = 35,		/* CPU value & 0xff goes offline, with bit 8 online */
	KMH_OP_AWAIT = 36,		/* wait for one of these to end; value = its errno */
	/* The value describes a child: depth, saved entries << 8, window entries << 16. */
	KMH_OP_FORK = 37,
	/* The process that made the request returns to user mode with the page mapped. */
	KMH_OP_USER = 38,
	KMH_OP_KMAP_LOCAL_FOLIO = 39,	/* reg = kmap_local_folio(folio of page, value) */
	KMH_OP_HELPER = 40,		/* fill or copy pages: see enum kmh_helper */
	KMH_OP_WORKLOAD = 41,		/* processes use memory: see enum kmh_workload */
	KMH_OP_ATTRIBUTE = 42,		/* a page gets prot and loses it: KMH_ATTRIBUTE_* */
};

/*
 * The typed window of the module: value is a member of enum km_type, plus era << 8.  Its
 * entries have indices from KMH_TYPED_FIRST; address = typed_top - (entry << PAGE_SHIFT).
 * The windows of the first era come first: entry = type + KM_TYPE_NR * cpu.
 */
#define KMH_TYPED_FIRST		0x8000u
#define KMH_TYPED_ERAS		2
#define KMH_TYPES_2_6_24	13	/* KM_TYPE_NR of 2.6.24 */
#define KMH_TYPES_2_6_32	19	/* of 2.6.32 */

/*
 * INTERRUPT: in the middle of a later operation of this task (after value >> 8 others) the
 * pages from "page" on, value & 0xff of them, are mapped, read and unmapped.  reg is
 * enum kmh_context, plus enum kmh_trigger << 4; offset is nanoseconds after the operation's
 * beginning, or the number of an instruction in a function, from 0.
 */
enum kmh_context {
	KMH_CONTEXT_HARDIRQ = 0,
	KMH_CONTEXT_SOFTIRQ = 1,
	KMH_CONTEXT_TASK = 2,	/* a task of higher priority on that CPU */
};

enum kmh_trigger {
	KMH_TRIGGER_TIMER = 0,
	KMH_TRIGGER_IPI = 1,	/* of another CPU */
	KMH_TRIGGER_FUNCTIONS = 2, /* and above: an index into trigger_functions of trigger.c */
};

/*
 * The value of ATTRIBUTE.  Its page has an alias in the vmalloc area, and in lowmem one in the
 * direct map.  Every CPU has tried to store a word through both.
 */
#define KMH_ATTRIBUTE_DIRECT	(1u << 0)	/* the direct map has had the attribute */
#define KMH_ATTRIBUTE_ALIAS	(1u << 1)	/* so has the alias */
#define KMH_ATTRIBUTE_RESTORED	(1u << 2)	/* both are afterwards as they were before */
#define KMH_ATTRIBUTE_ERROR	(1u << 3)	/* the kernel has refused the change */
#define KMH_ATTRIBUTE_STORES	8	/* shift: CPUs that could by direct map; then by alias */

enum kmh_base {
	KMH_BASE_REG = 0,	/* registers[reg] + offset */
	KMH_BASE_FIXMAP = 1,	/* __fix_to_virt(reg) + offset */
	KMH_BASE_PKMAP = 2,	/* PKMAP_ADDR(reg) + offset */
	KMH_BASE_DIRECT = 3,	/* direct map address of lowmem page "page" + offset */
	KMH_BASE_ABSOLUTE = 4,	/* offset taken as the address */
};

enum kmh_prot {
	KMH_PROT_KERNEL = 0,	/* PAGE_KERNEL, = kmap_prot */
	KMH_PROT_RO = 1,	/* PAGE_KERNEL_RO */
	KMH_PROT_NOCACHE = 2,	/* PAGE_KERNEL_NOCACHE (UC-) */
	KMH_PROT_WC = 3,	/* pgprot_writecombine(PAGE_KERNEL) */
	KMH_PROT_EXEC = 4,	/* PAGE_KERNEL_EXEC */
	KMH_PROT_DEVICE = 5,	/* what iomap_create_wc() has said for a device */
};

struct kmh_op {
	__u8 code;		/* enum kmh_opcode */
	__u8 task;
	__u16 page;		/* id, or KMH_NO_PAGE */
	__u16 reg;
	__u8 prot;		/* enum kmh_prot */
	__u8 base;		/* enum kmh_base */
	__s32 offset;
	__u32 value;
};

/*
 * What is known of each operation: the flags of the table in op_kinds.c.  They do not travel.
 * OperationFlag of the Python model has the same names and bits, and describes each.
 */
#define KMH_OPF_MAPS		(1u << 0)
#define KMH_OPF_UNMAPS		(1u << 1)
#define KMH_OPF_PKMAP		(1u << 2)
#define KMH_OPF_WINDOW		(1u << 3)
#define KMH_OPF_TYPED		(1u << 4)
#define KMH_OPF_ATOMIC		(1u << 5)
#define KMH_OPF_LOCAL		(1u << 6)
#define KMH_OPF_BY_PFN		(1u << 7)
#define KMH_OPF_WITH_PROT	(1u << 8)
#define KMH_OPF_NEEDS_PAGE	(1u << 9)
#define KMH_OPF_NEEDS_REGISTER	(1u << 10)
#define KMH_OPF_HAS_ADDRESS	(1u << 11)
#define KMH_OPF_ANY_ADDRESS	(1u << 12)
#define KMH_OPF_TRANSLATES	(1u << 13)
#define KMH_OPF_RETURNS_ADDRESS	(1u << 14)
#define KMH_OPF_KMAP_LOCK	(1u << 15)
#define KMH_OPF_MIGHT_SLEEP	(1u << 16)
#define KMH_OPF_NEVER_ATOMIC	(1u << 17)
#define KMH_OPF_TASK_CONTEXT	(1u << 18)
#define KMH_OPF_INTERRUPTS_ON	(1u << 19)
#define KMH_OPF_WAITS_FOR_CPUS	(1u << 20)
#define KMH_OPF_NEEDS_ALL_CPUS	(1u << 21)
#define KMH_OPF_INTERRUPTIBLE	(1u << 22)
#define KMH_OPF_OPENS_CONTEXT	(1u << 23)
#define KMH_OPF_SETS_ATTRIBUTES	(1u << 24)
#define KMH_OPF_OUTSIDE		(1u << 25)
#define KMH_OPF_ERRAND		(1u << 26)
#define KMH_OPF_ONLY_LOCAL	(1u << 27)
#define KMH_OPF_NOT_TYPED	(1u << 28)
#define KMH_OPF_SWITCHES	(1u << 29)

#endif
