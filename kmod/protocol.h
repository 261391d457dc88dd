/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What travels between the harness and a guest: the one definition of the wire.
 *
 * Shared by the module, the agent in the guest's userspace, and (by test, against
 * the DWARF of the built module) by harness/guest/protocol.py.  All fields are
 * little endian and naturally aligned; no structure has padding.
 * docs/wire.md tells the story.
 */
#ifndef KMAP_HARNESS_PROTOCOL_H
#define KMAP_HARNESS_PROTOCOL_H

#include <linux/types.h>

#define KMH_PROTOCOL_VERSION	3u
#define KMH_MAGIC		0x31484d4bu	/* "KMH1" */
#define KMH_DEVICE		"kmap_harness"	/* /dev/kmap_harness */

/* ---- link: frames between the host and the agent ------------------------- */

enum kmh_frame_type {
	KMH_FRAME_REQUEST = 1,	/* host to guest: one struct kmh_request */
	KMH_FRAME_RESPONSE = 2,	/* guest to host: part of the answer to seq */
	KMH_FRAME_NAK = 3,	/* guest to host: send again from seq on */
	KMH_FRAME_RESEND = 4,	/* host to guest: send the answer to seq again, from part on */
	KMH_FRAME_READY = 5,	/* guest to host: the agent is up; seq is the next it expects */
};

#define KMH_FRAME_LAST	0x8000u	/* in .part: the last part of an answer */

struct kmh_frame {
	__u32 magic;		/* KMH_MAGIC */
	__u32 seq;		/* of the request; answers carry the same */
	__u16 type;		/* enum kmh_frame_type */
	__u16 part;		/* counts the frames of one answer from 0, | KMH_FRAME_LAST */
	__u32 length;		/* of the payload that follows, bytes */
	__u32 crc;		/* CRC-32 (zlib) of the header with crc = 0, then the payload */
};

/* ---- requests: what the agent hands to the module (or does itself) ------- */

enum kmh_request_type {
	KMH_REQ_INFO = 1,	/* -> struct kmh_info */
	KMH_REQ_POOL = 2,	/* struct kmh_pool_request -> struct kmh_page[] */
	KMH_REQ_TASKS = 3,	/* struct kmh_task_request[] -> nothing */
	KMH_REQ_RUN = 4,	/* struct kmh_op[] -> observations */
	KMH_REQ_SNAPSHOT = 5,	/* nothing -> struct kmh_snapshot and its tables */
	KMH_REQ_RESET = 6,	/* release every mapping, task and page -> nothing */
	KMH_REQ_PROBES = 7,	/* u32 mask of KMH_EV_* probes to arm -> u32 armed */
	KMH_REQ_HISTORY = 8,	/* struct kmh_history_request, task requests -> struct kmh_history */
	KMH_REQ_HISTORY_LOG = 9, /* nothing -> u32 address of the log, u32 bytes */
	/* the agent's own */
	KMH_REQ_PING = 100,	/* bytes -> the same bytes */
	KMH_REQ_UNLOAD = 101,	/* remove the module */
	KMH_REQ_LOAD = 102,	/* load the module: of the image, or the bytes given */
	KMH_REQ_POWEROFF = 103,	/* leave QEMU (reboot with -no-reboot) */
	KMH_REQ_ANSWER = 104,	/* u32 n -> the answer to request n of the script */
	KMH_REQ_STOP = 105,	/* stop the machine until it has been looked at from outside */
	KMH_REQ_FILE = 106,	/* path -> what that file of the guest holds */
};

struct kmh_request {
	__u16 type;		/* enum kmh_request_type */
	__u16 reserved;
	__u32 length;		/* of the body that follows, bytes */
};

/*
 * A script is a file of requests, one behind the other, that the agent executes before it
 * opens the link: nothing from the host reaches such a guest while it works.
 */
#define KMH_SCRIPT		"/lib/kmh/script"

/* Every answer starts with this. */
struct kmh_response {
	__u16 type;		/* of the request */
	__u16 reserved;
	__s32 error;		/* 0 or a negative errno */
	__u32 length;		/* of the body that follows, bytes */
};

/* ---- facts about the kernel --------------------------------------------- */

enum kmh_generation {
	KMH_GEN_STACK = 2,	/* 2.6.37 to 5.10: per-CPU stack of kmap_atomic slots */
	KMH_GEN_LOCAL = 3,	/* 5.11 on: per-task kmap_local stack */
};

#define KMH_CFG_PAE		(1u << 0)
#define KMH_CFG_SMP		(1u << 1)
#define KMH_CFG_RT		(1u << 2)
#define KMH_CFG_PREEMPT_COUNT	(1u << 3)
#define KMH_CFG_DEBUG_HIGHMEM	(1u << 4)
#define KMH_CFG_DEBUG_KMAP_LOCAL (1u << 5)
#define KMH_CFG_FORCE_MAP	(1u << 6)
#define KMH_CFG_HIGHPTE		(1u << 7)
#define KMH_CFG_DEBUG_ATOMIC_SLEEP (1u << 8)
#define KMH_CFG_PROVE_LOCKING	(1u << 9)
#define KMH_CFG_PTI		(1u << 10)	/* X86_FEATURE_PTI is on, at run time */
#define KMH_CFG_NX		(1u << 11)	/* _PAGE_NX is supported, at run time */
#define KMH_CFG_PAT		(1u << 12)	/* pat_enabled(), at run time */
#define KMH_CFG_TO_PAGE_LOCAL	(1u << 13)	/* kmap_to_page() knows kmap_local addresses */
#define KMH_CFG_ATOMIC_PROT	(1u << 14)	/* kmap_atomic_prot() and kmap_atomic_pfn() exist */

#define KMH_PROTS		5	/* members of enum kmh_prot */

/* Evidence that this guest can give; a bit that is clear is said, and is no divergence. */
#define KMH_EV_COUNTS		(1u << 0)	/* pkmap_count */
#define KMH_EV_CURSOR		(1u << 1)	/* last_pkmap_nr */
#define KMH_EV_WAITERS		(1u << 2)	/* pkmap_map_wait */
#define KMH_EV_FLUSH_SCAN	(1u << 3)	/* probe: flush_all_zero_pkmaps */
#define KMH_EV_FLUSH_RANGE	(1u << 4)	/* probe: flush_tlb_kernel_range */
#define KMH_EV_FLUSH_CPU	(1u << 5)	/* probe: do_flush_tlb_all */
#define KMH_EV_INVLPG		(1u << 6)	/* probe: flush_tlb_one_kernel */
#define KMH_EV_WAKE		(1u << 7)	/* probe: __wake_up(&pkmap_map_wait) */
#define KMH_EV_WARN		(1u << 8)	/* probe: __warn */
#define KMH_EV_PRINTK		(1u << 9)	/* probe: vprintk_emit */
#define KMH_EV_DEPTH		(1u << 10)	/* kmap_ctrl.idx or __kmap_atomic_idx */
#define KMH_EV_MIGRATE		(1u << 11)	/* current->migration_disabled */
#define KMH_EV_PREEMPT		(1u << 12)	/* preempt_count counts */
#define KMH_EV_PROBES		(KMH_EV_FLUSH_SCAN | KMH_EV_FLUSH_RANGE | KMH_EV_FLUSH_CPU | \
				 KMH_EV_INVLPG | KMH_EV_WAKE | KMH_EV_WARN | KMH_EV_PRINTK)

struct kmh_info {
	__u32 version;		/* KMH_PROTOCOL_VERSION */
	__u32 generation;	/* enum kmh_generation */
	__u32 config;		/* KMH_CFG_* */
	__u32 evidence;		/* KMH_EV_*: with what can be armed */
	__u32 pkmap_base;
	__u32 last_pkmap;	/* LAST_PKMAP: number of slots */
	__u32 fixaddr_top;
	__u32 fix_kmap_begin;
	__u32 fix_kmap_end;	/* inclusive */
	__u32 window;		/* KM_MAX_IDX or KM_TYPE_NR: slots of one CPU's window */
	__u32 nr_cpus;		/* CONFIG_NR_CPUS: number of windows */
	__u32 online_cpus;
	__u32 page_offset;
	__u32 high_memory;	/* first byte above the direct map */
	__u32 fixaddr_start;
	__u32 hz;
	__u32 kmap_prot_lo;	/* kmap_prot after the kernel's masks: flags of a pkmap PTE */
	__u32 kmap_prot_hi;
	__u32 highmem_pages;	/* totalhigh_pages */
	__u32 lowmem_pages;
	__u32 hash_shift;	/* bits of the page_address bucket index */
	__u32 struct_page_size;
	__u32 mem_map;		/* virtual address of the flat mem_map, or 0 */
	__u32 pkmap_count;	/* virtual addresses, 0 where not found */
	__u32 last_pkmap_nr;
	__u32 pkmap_page_table;
	__u32 pkmap_map_wait;
	__u32 page_address_htable;
	__u32 text_anchor;	/* run-time address of kunmap_high */
	__u32 swapper_pg_dir;	/* virtual address of init_mm.pgd as seen in CR3 of a kthread's mm */
	__u32 kmap_ctrl_offset;	/* in task_struct, 0 where there is none */
	__u32 step_counter;	/* virtual address of struct kmh_work */
	__u32 typed_top;	/* address of entry 0 of the typed window, the highest */
	__u32 typed_count;	/* entries of the typed window */
	__u32 prot_lo[KMH_PROTS]; /* of each enum kmh_prot: PTE flags after the kernel's masks */
	__u32 prot_hi[KMH_PROTS];
	char release[64];	/* utsname()->release */
	char build[64];		/* utsname()->version */
};

/*
 * Read from outside when the guest has fallen silent: the step in progress, and whether the
 * module has anything to do at all.
 */
struct kmh_work {
	__u32 steps;		/* finished since the module was loaded */
	__u32 begun;		/* requests that reached the module */
	__u32 ended;		/* those of them that it has finished */
};

/* ---- pages --------------------------------------------------------------- */

enum kmh_pool_kind {
	KMH_POOL_HIGH = 1,
	KMH_POOL_LOW = 2,
	KMH_POOL_ABOVE_4G = 3,	/* pfn >= 0x100000 */
	KMH_POOL_COLLIDING = 4,	/* highmem, all in one page_address bucket */
};

/* Pages get ids in the order of allocation, over all pools, from 0. */
struct kmh_pool_request {
	__u32 kind;		/* enum kmh_pool_kind */
	__u32 count;
};

struct kmh_page {
	__u32 pfn;
	__u32 page;		/* struct page * */
	__u16 id;
	__u8 kind;		/* enum kmh_pool_kind */
	__u8 bucket;		/* of the page_address hash; 0xff for lowmem */
};

/* ---- tasks --------------------------------------------------------------- */

#define KMH_MAX_TASKS		64
#define KMH_TASK_UNBOUND	0xff
#define KMH_MAX_REGISTERS	4096
#define KMH_NO_PAGE		0xffff

/* Task n of the array gets id n; replaces the tasks there were. */
struct kmh_task_request {
	__u8 cpu;		/* or KMH_TASK_UNBOUND */
	__u8 reserved[3];
};

/* ---- operations ---------------------------------------------------------- */

/*
 * One operation of one task.  "reg" names one of KMH_MAX_REGISTERS addresses, shared
 * by all tasks: mapping operations store their result there.  An address operand is
 * (base, reg or page or value, offset), see enum kmh_base.
 */
enum kmh_opcode {
	KMH_OP_NOP = 0,			/* only observe */
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
	KMH_OP_SET_PTE = 17,		/* PTE of address = page with prot, or none for KMH_NO_PAGE; no flush */
	KMH_OP_FLUSH_UNUSED = 18,	/* flush of unused pkmaps, through set_memory_uc/wb of a lowmem page */
	KMH_OP_INVLPG = 19,		/* INVLPG of address on this CPU */
	KMH_OP_IRQ_OFF = 20,		/* local_irq_disable() */
	KMH_OP_IRQ_ON = 21,
	KMH_OP_PREEMPT_OFF = 22,	/* preempt_disable() */
	KMH_OP_PREEMPT_ON = 23,
	KMH_OP_SLEEP = 24,		/* sleep for value microseconds: a real context switch */
	KMH_OP_YIELD = 25,		/* schedule() */
	KMH_OP_HARDIRQ = 26,		/* the next value operations run in hardirq context on this CPU */
	KMH_OP_SOFTIRQ = 27,		/* ... in softirq context */
	KMH_OP_EXIT = 28,		/* the task exits as it is */
	KMH_OP_MIGRATE = 29,		/* set this task's allowed CPUs to value only */
	KMH_OP_TYPED_MAP = 30,		/* reg = kmap_atomic(page, value) in the module's typed window */
	KMH_OP_TYPED_UNMAP = 31,	/* kunmap_atomic(address, value) there */
	KMH_OP_SIGNAL = 32,		/* send SIGKILL to task value */
	KMH_OP_INTERRUPT = 33,		/* an operation to come is interrupted, see enum kmh_trigger */
	KMH_OP_AFFINITY = 34,		/* task value & 0xff may run on CPU value >> 8 only; value = 1: it waits for a mapping */
	KMH_OP_HOTPLUG = 35,		/* CPU value & 0xff goes offline, or with bit 8 online; value as above */
	KMH_OP_AWAIT = 36,		/* for the end of one of these; value = its errno */
	KMH_OP_FORK = 37,		/* value = depth, saved entries << 8, window entries << 16 of a child */
	KMH_OP_USER = 38,		/* the requesting process returns to user mode with the page mapped locally */
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
 * beginning, or the offset of an instruction in a function.
 */
enum kmh_context {
	KMH_CONTEXT_HARDIRQ = 0,
	KMH_CONTEXT_SOFTIRQ = 1,
	KMH_CONTEXT_TASK = 2,	/* a task of higher priority on that CPU */
};

enum kmh_trigger {
	KMH_TRIGGER_TIMER = 0,
	KMH_TRIGGER_IPI = 1,	/* of another CPU */
	KMH_TRIGGER_FUNCTIONS = 2, /* __kmap_local_pfn_prot or kmap_atomic_high_prot, and so on: instant.c */
};

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

/* ---- observations -------------------------------------------------------- */

enum kmh_status {
	KMH_ST_OK = 0,
	KMH_ST_BLOCKED = 1,	/* asleep in the pkmap wait queue; its end comes as a delta of a later step */
	KMH_ST_NOT_APPLICABLE = 2, /* this kernel has no such operation */
	KMH_ST_REFUSED = 3,	/* wrong use of the module: task busy or dead, bad id */
	KMH_ST_DIED = 4,	/* the task was killed by the kernel in this operation */
	KMH_ST_FAULT = 5,	/* READ or WRITE met a page fault that was caught */
	KMH_ST_STUCK = 6,	/* neither ended nor in the pkmap wait queue when the guest's patience ended */
	KMH_ST_BUG = 7,		/* typed window: BUG() there, nothing was changed */
	KMH_ST_INTERRUPTIBLE = 8, /* as BLOCKED, but asleep so that a signal would end it */
};

/*
 * The value of an observation that ended as STUCK: which task it was (of several that
 * should have settled, the first) and where it stood.
 */
#define KMH_STUCK_TASK		0xffu
#define KMH_STUCK_QUEUED	(1u << 8)	/* in pkmap_map_wait */
#define KMH_STUCK_ON_RQ		(1u << 9)	/* runnable */
#define KMH_STUCK_ON_CPU	(1u << 10)
#define KMH_STUCK_SIGNAL	(1u << 11)	/* a signal is pending */
#define KMH_STUCK_SLOT_FREE	(1u << 12)	/* some slot stands at 0 or 1 */
#define KMH_STUCK_STATE_SHIFT	16		/* task_struct's state: TASK_* */

#define KMH_OBS_IRQS_OFF	(1u << 0)
#define KMH_OBS_HARDIRQ		(1u << 1)
#define KMH_OBS_SOFTIRQ		(1u << 2)
#define KMH_OBS_NO_PAGE_ADDRESS	(1u << 3)	/* page_address() may not be called here (RT, hardirq) */
#define KMH_OBS_OVERFLOW	(1u << 4)	/* more deltas than fit: a snapshot must follow */

/* State after one operation: this, then n_deltas of struct kmh_delta. */
struct kmh_obs {
	__u32 step;		/* counts from 0 since the module was loaded */
	__u8 code;
	__u8 task;
	__u8 status;		/* enum kmh_status */
	__u8 cpu;		/* where it ran */
	__u32 value;		/* address, data, pfn; 0 where the operation has no result */
	__u32 pte_lo;		/* PTE of the address returned or operated on, by page walk, after the operation */
	__u32 pte_hi;
	__u32 page_address;	/* page_address(page) of the operation's page, after it */
	__u16 cursor;		/* last_pkmap_nr */
	__u8 waiters;		/* entries in pkmap_map_wait */
	__u8 flags;		/* KMH_OBS_* */
	__u32 preempt_count;	/* raw */
	__u16 pagefault_disabled;
	__u16 migration_disabled;
	__s16 depth;		/* kmap_ctrl.idx of the task, or __kmap_atomic_idx of the CPU */
	__u8 flush_scans;	/* calls of flush_all_zero_pkmaps since the last observation */
	__u8 flush_ranges;	/* calls of flush_tlb_kernel_range for exactly the pkmap area */
	__u8 flush_cpus;	/* calls of do_flush_tlb_all, over all CPUs, within those */
	__u8 flush_dirty;	/* translations not yet gone, or entries already popped, when their flush began */
	__u8 flush_odd;		/* flush_tlb_kernel_range calls that touch the pkmap area but are not exactly it */
	__u8 invlpgs;		/* calls of flush_tlb_one_kernel by this task */
	__u32 invlpg_address;	/* of the last one */
	__u8 wakes;		/* __wake_up(&pkmap_map_wait) calls */
	__u8 warns;		/* __warn() calls */
	__u8 messages;		/* printk calls; a marker line follows them on the console */
	__u8 reserved;
	__u32 cycles;		/* of the operation itself, TSC; not judged */
	__u16 n_deltas;
	__u16 reserved2;
	__u32 hash;		/* CRC-32 chain: of the previous hash, this structure up to here, the deltas */
};

enum kmh_delta_kind {
	KMH_DELTA_PKMAP = 1,	/* index = slot; a = count, b/c = PTE, d = page_address of its page (or of the page before) */
	KMH_DELTA_WINDOW = 2,	/* index = fixmap index; b/c = PTE */
	KMH_DELTA_PTEVAL = 3,	/* task = of the step; index = entry of kmap_ctrl.pteval; b/c = value */
	KMH_DELTA_DONE = 4,	/* aux = task whose blocked step ended; a = its step, b = result, d = page_address */
	KMH_DELTA_DEAD = 5,	/* aux = task that died outside its own step */
	KMH_DELTA_INTERRUPT = 6, /* aux = KMH_INTERRUPT_*; index = depth before; a = address, b/c = PTE, d = first word */
	KMH_DELTA_INTERRUPT_END = 7, /* aux = KMH_INTERRUPT_*; index = depth after all is unmapped */
};

#define KMH_INTERRUPT_HARD	(1u << 0)
#define KMH_INTERRUPT_SOFT	(1u << 1)
#define KMH_INTERRUPT_OWN	(1u << 2)	/* on top of the task whose operation it was */
#define KMH_INTERRUPT_IN_USE	(1u << 3)	/* the slot to take was in use, by b/c; nothing was mapped */

struct kmh_delta {
	__u8 kind;		/* enum kmh_delta_kind */
	__u8 aux;
	__u16 index;
	__u32 a;
	__u32 b;
	__u32 c;
	__u32 d;
};

/*
 * Everything at once, read from the live structures.  Followed by:
 *   struct kmh_slot   slots[last_pkmap]
 *   struct kmh_pte    window[n_window]   fixmap indices window_first, window_first + 1, ...
 *   struct kmh_ctrl   tasks[n_tasks], each followed by struct kmh_pte pteval[window] (local generation)
 *   u32               page_address[n_pages]
 */
struct kmh_snapshot {
	__u32 step;		/* next step */
	__u32 hash;		/* chain value, for the next step */
	__u32 cursor;
	__u32 waiters;
	__u32 last_pkmap;
	__u32 window_first;	/* a few neighbours of the windows are included on both sides */
	__u32 n_window;
	__u32 n_tasks;
	__u32 n_pages;
	__u32 pteval_entries;	/* per task; 0 in the stack generation */
	__u32 n_typed;		/* struct kmh_pte of the typed window, after the page addresses */
	__s32 cpu_depth[32];	/* __kmap_atomic_idx of each CPU (stack generation) */
};

struct kmh_slot {
	__u32 count;
	__u32 pte_lo;
	__u32 pte_hi;
};

struct kmh_pte {
	__u32 lo;
	__u32 hi;
};

struct kmh_ctrl {
	__u8 state;		/* enum kmh_status of its last operation; KMH_ST_BLOCKED while asleep */
	__u8 cpu;
	__s16 depth;
	__u32 step;		/* of its last operation */
};

/* ---- concurrent histories ------------------------------------------------ */

#define KMH_HISTORY_THREADS	16
#define KMH_HISTORY_HOLDS	8	/* mappings that one thread has at most at once */
#define KMH_HISTORY_RECORDS	0x20000	/* room for the records of all threads */
#define KMH_HISTORY_WITNESS	(1u << 0) /* note the order in which kmap_lock was held */
#define KMH_HISTORY_ROUNDS	(1u << 1) /* all threads start each round of mappings together */
#define KMH_HISTORY_NOISE	(1u << 2) /* now and then hold up a thread that is about to queue for a slot */
#define KMH_HISTORY_TAG		0x4b500000u /* first word of page id: this + id */

/*
 * Followed by struct kmh_task_request for each thread.  Pages first_pin... are mapped
 * meanwhile by nobody of the threads, so that few slots are left; the threads map and
 * unmap pages first_page... as their seed has it.
 */
struct kmh_history_request {
	__u32 seed;
	__u32 operations;	/* records that each thread makes */
	__u32 limit_ms;		/* then they are told to end */
	__u16 first_pin;
	__u16 pins;
	__u16 first_page;
	__u16 pages;
	__u8 holds;		/* at most KMH_HISTORY_HOLDS */
	__u8 flags;		/* KMH_HISTORY_* */
	__u16 yields;		/* one step in so many gives the CPU away */
};

enum kmh_history_outcome {
	KMH_HISTORY_RUNS = 0,
	KMH_HISTORY_FINISHED = 1,
	KMH_HISTORY_ASLEEP = 2,	/* all that had not ended slept in pkmap_map_wait; nobody was left to wake them */
	KMH_HISTORY_DIED = 3,	/* the kernel killed a thread */
	KMH_HISTORY_STUCK = 4,	/* a thread neither ended nor slept in the queue */
};

/*
 * The log: this, then
 *   struct kmh_history_thread threads[n_threads]
 *   struct kmh_history_slot   before[last_pkmap], after[last_pkmap]
 *   struct kmh_history_record records[n_threads][stride]
 */
struct kmh_history {
	__u32 outcome;		/* enum kmh_history_outcome */
	__u32 n_threads;
	__u32 stride;
	__u32 last_pkmap;
	__u32 clock;		/* stamps given; they count from 1 */
	__u32 foreign;		/* critical sections of kmap_lock by others than the threads */
	__u32 dropped;		/* records for which there was no room */
	__u32 cursor_before;	/* last_pkmap_nr */
	__u32 cursor_after;
	__u32 witness;		/* whether the probe was there */
	__u32 free_slots;	/* pkmap_count 0 and ... */
	__u32 unused_slots;	/* ... 1 at the moment of KMH_HISTORY_ASLEEP */
	__u32 asleep_at;	/* stamps given by then */
	__u32 ms;		/* it took */
};

enum kmh_history_state {
	KMH_HISTORY_THREAD_RUNS = 0,
	KMH_HISTORY_THREAD_ENDED = 1,
	KMH_HISTORY_THREAD_SLEPT = 2,	/* in pkmap_map_wait when all did */
	KMH_HISTORY_THREAD_DIED = 3,
};

struct kmh_history_thread {
	__u32 used;		/* records */
	__u32 invoked;		/* stamp of the operation in progress */
	__u32 section;		/* stamp of its last critical section, 0 for none */
	__u16 page;		/* of the operation in progress */
	__u8 code;		/* enum kmh_history_code, 0 between operations */
	__u8 cpu;		/* where the thread is bound, or KMH_TASK_UNBOUND */
	__u8 state;		/* enum kmh_history_state */
	__u8 reserved[3];
};

struct kmh_history_slot {
	__u32 count;		/* pkmap_count */
	__u32 pfn;		/* of its PTE, 0 for none */
};

enum kmh_history_code {
	KMH_HISTORY_KMAP = 1,	/* value = address */
	KMH_HISTORY_KUNMAP = 2,	/* value = address */
	KMH_HISTORY_PAGE_ADDRESS = 3, /* value = page_address(page) */
	KMH_HISTORY_TAG_READ = 4, /* value = first word of the page */
	KMH_HISTORY_OWN_WRITE = 5, /* value = written to the thread's own word of the page */
	KMH_HISTORY_OWN_READ = 6, /* value = read from it */
	KMH_HISTORY_LOCAL = 7,	/* value = address of a kmap_local, or kmap_atomic, and its tag is the next */
	KMH_HISTORY_SECTION = 8, /* ordered = an earlier critical section of the thread's next record */
};

#define KMH_HISTORY_SLEPT	(1u << 0)	/* the thread left its CPU of its own accord */
#define KMH_HISTORY_FAULT	(1u << 1)	/* an access met a page fault that was caught */

/*
 * Stamps are drawn from one atomic counter: they order all events of all CPUs.  Those of
 * an operation enclose it; "ordered" was drawn inside of kmap_lock, 0 without witness.
 */
struct kmh_history_record {
	__u32 invoked;
	__u32 ordered;
	__u32 returned;
	__u32 value;
	__u16 page;
	__u8 code;		/* enum kmh_history_code */
	__u8 cpu;		/* where it ended */
	__u8 flags;
	__u8 reserved[3];
};

#endif
