/* SPDX-License-Identifier: GPL-2.0-only */
/* The wire: facts about the kernel, pools of pages, tasks. */
#ifndef KMAP_HARNESS_PROTOCOL_KERNEL_H
#define KMAP_HARNESS_PROTOCOL_KERNEL_H

#include <linux/types.h>

enum kmh_generation {
	KMH_GEN_STACK = 2,	/* 2.6.37 to 5.10: a stack of kmap_atomic slots for each CPU */
	KMH_GEN_LOCAL = 3,	/* 5.11 on: a stack of kmap_local slots for each task */
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
#define KMH_CFG_ATOMIC_PROT	(1u << 14)	/* kmap_atomic_prot(), kmap_atomic_pfn() exist */
#define KMH_CFG_FOLIOS		(1u << 15)	/* kmap_local_folio() exists */
#define KMH_CFG_HELPERS_LOCAL	(1u << 16)	/* page helpers map by kmap_local_page() */

#define KMH_PROTS		5	/* of enum kmh_prot: all but KMH_PROT_DEVICE */
#define KMH_FUNCTIONS		11	/* triggers that are functions, see enum kmh_trigger */

/* Evidence that this guest can give; the host reports the bits that are clear. */
#define KMH_EV_COUNTS		(1u << 0)	/* pkmap_count */
#define KMH_EV_CURSOR		(1u << 1)	/* last_pkmap_nr */
#define KMH_EV_WAITERS		(1u << 2)	/* pkmap_map_wait */
#define KMH_EV_FLUSH_SCAN	(1u << 3)	/* probe: flush_all_zero_pkmaps */
#define KMH_EV_FLUSH_RANGE	(1u << 4)	/* probe: flush_tlb_kernel_range */
#define KMH_EV_FLUSH_CPU	(1u << 5)	/* probe: one CPU flushes everything */
#define KMH_EV_INVLPG		(1u << 6)	/* probe: one CPU flushes one page */
#define KMH_EV_WAKE		(1u << 7)	/* probe: __wake_up(&pkmap_map_wait) */
#define KMH_EV_WARN		(1u << 8)	/* probe: __warn */
#define KMH_EV_PRINTK		(1u << 9)	/* probe: vprintk_emit */
#define KMH_EV_DEPTH		(1u << 10)	/* kmap_ctrl.idx or __kmap_atomic_idx */
#define KMH_EV_MIGRATE		(1u << 11)	/* current->migration_disabled */
#define KMH_EV_PREEMPT		(1u << 12)	/* preempt_count counts */
#define KMH_EV_FLUSHES	(1u << 13)	/* every flush: the host sets it (docs/wire.md) */
#define KMH_EV_PROBES		(KMH_EV_FLUSH_SCAN | KMH_EV_FLUSH_RANGE | KMH_EV_FLUSH_CPU | \
				 KMH_EV_INVLPG | KMH_EV_WAKE | KMH_EV_WARN | KMH_EV_PRINTK)

struct kmh_info {
	__u32 version;		/* KMH_PROTOCOL_VERSION */
	__u32 generation;	/* enum kmh_generation */
	__u32 config;		/* KMH_CFG_* */
	__u32 evidence;		/* KMH_EV_*, those of probes that can be placed included */
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
	__u32 pkmap_count;	/* virtual addresses of variables, 0 where not found */
	__u32 last_pkmap_nr;
	__u32 pkmap_page_table;
	__u32 pkmap_map_wait;
	__u32 page_address_htable;
	__u32 text_anchor;	/* run-time address of kunmap_high */
	__u32 swapper_pg_dir;	/* virtual address of the kernel's top page table */
	__u32 kmap_ctrl_offset;	/* in task_struct, 0 where there is none */
	__u32 step_counter;	/* virtual address of struct kmh_work */
	__u32 typed_top;	/* address of entry 0 of the typed window, the highest */
	__u32 typed_count;	/* entries of the typed window */
	__u32 window_first;	/* fixmap index of entry 0 of the window of CPU 0 */
	__u32 window_entry;	/* fixmap indices from an entry to the next: signed */
	__u32 window_cpu;	/* and to that of the next CPU: signed */
	__u32 helpers;		/* a bit for each enum kmh_helper that this kernel has */
	__u32 prot_lo[KMH_PROTS]; /* of each enum kmh_prot: PTE flags after the kernel's masks */
	__u32 prot_hi[KMH_PROTS];
	__u32 instructions[KMH_FUNCTIONS]; /* of each trigger's function; 0: it is not there */
	char release[64];	/* utsname()->release */
	char build[64];		/* utsname()->version */
};

/*
 * The host reads this from outside when the guest has fallen silent: which step is in progress,
 * and whether the module has anything to do at all.
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
	KMH_POOL_FOLIO = 5,	/* highmem, the pages of folios of KMH_FOLIO_ORDER in order */
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

/* The n-th request makes the task n; all tasks are replaced. */
struct kmh_task_request {
	__u8 cpu;		/* or KMH_TASK_UNBOUND */
	__u8 reserved[3];
};

#endif
