/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between the kernel versions that this module is built for, each with the
 * commit or version that brought it.  This file emulates nothing: an operation that a kernel
 * lacks stays absent, and KMH_HAS_* says so.
 */
#ifndef KMAP_HARNESS_COMPAT_H
#define KMAP_HARNESS_COMPAT_H

#include <linux/highmem.h>
#include <linux/hrtimer.h>
#include <linux/sched.h>
#include <linux/uaccess.h>
#include <linux/version.h>

/*
 * kmap_local: f3ba3c710ac5 "mm/highmem: Provide kmap_local*" (5.11); Debian's 5.10-rt
 * carries it too, hence CONFIG_KMAP_LOCAL and no version.
 */
#ifdef CONFIG_KMAP_LOCAL
#define KMH_HAS_KMAP_LOCAL	1
#define KMH_WINDOW		KM_MAX_IDX
#else
#define KMH_HAS_KMAP_LOCAL	0
#define KMH_WINDOW		KM_TYPE_NR
#endif

/*
 * kmap_atomic_prot(), kmap_atomic_pfn(): 5.10 (linux/highmem.h) and 6.1 to 7.3
 * (linux/highmem-internal.h) have them; the 5.10-rt patch, an early form of the local
 * generation, does not.
 */
#if KMH_HAS_KMAP_LOCAL && LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define KMH_HAS_KMAP_ATOMIC_PROT 0
#else
#define KMH_HAS_KMAP_ATOMIC_PROT 1
#endif

/*
 * kmap_local_folio(): 53c36de0701f "mm: Add kmap_local_folio()" (5.16); folio_zero_segments() and
 * its relatives came with the same release.
 */
#define KMH_HAS_FOLIO		(LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0))

/*
 * The page helpers of linux/highmem.h.  d2c20e51e396 "mm/highmem: remove deprecated kmap_atomic"
 * (5.18) let the last of them map by kmap_local_page().  memcpy_page() and memset_page() came
 * with 5.12, memzero_page() with 5.13.  6.1 has none that copies between a folio and a buffer,
 * 7.3 has them all; they came one by one from 6.6 to 6.8.  7.3 has memcpy_folio(), and no longer
 * zero_user().  Where the release of a change is not known, kernels between those that were read
 * are taken not to have the helper.
 */
#define KMH_HELPERS_LOCAL	(LINUX_VERSION_CODE >= KERNEL_VERSION(5, 18, 0))
#define KMH_HAS_MEMCPY_PAGE	(LINUX_VERSION_CODE >= KERNEL_VERSION(5, 13, 0))
#define KMH_HAS_MEMCPY_FOLIO_BUFFER	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))
#define KMH_HAS_MEMCPY_FOLIO	(LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0))
#define KMH_HAS_ZERO_USER	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0))

/* kmap_to_page() knows kmap_local addresses since ef6e06b2ef87 (6.1). */
#define KMH_HAS_TO_PAGE_LOCAL	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0))

/* task_struct.state became __state in 2f064a59a11f "sched: Change task_struct::state" (5.14). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
#define kmh_task_state(task)	READ_ONCE((task)->state)
#else
#define kmh_task_state(task)	READ_ONCE((task)->__state)
#endif

/*
 * hrtimer_setup(): 908a1d775422 "hrtimers: Introduce hrtimer_setup() to replace hrtimer_init()"
 * (6.13); 9779489a31d7 "hrtimers: Delete hrtimer_init()" (6.15).
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void kmh_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*function)(struct hrtimer *))
{
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	timer->function = function;
}
#else
static inline void kmh_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*function)(struct hrtimer *))
{
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
}
#endif

/* in_hardirq(): "preempt: Cleanup the macro maze a bit" (5.11); 7.3 has no in_irq() left. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define kmh_in_hardirq()	in_irq()
#else
#define kmh_in_hardirq()	in_hardirq()
#endif

/*
 * preempt_count() in the layout of 5.10 to 6.12 (linux/preempt.h), which the wire uses.  7.3
 * counts disabled interrupts in bits 16 to 23 and has the hardirqs above them.
 */
static inline u32 kmh_preempt_count(void)
{
	u32 count = preempt_count();

	return (count & (PREEMPT_MASK | SOFTIRQ_MASK)) |
	       (count & HARDIRQ_MASK) >> HARDIRQ_SHIFT << 16 |
	       (count & NMI_MASK) >> NMI_SHIFT << 20;
}

/* migration_disabled: af449901b84c "sched: Add migrate_disable()" (5.11, in 5.10-rt before). */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0) || defined(CONFIG_PREEMPT_RT)
#ifdef CONFIG_SMP
#define KMH_HAS_MIGRATE		1
#define kmh_migration_disabled(task)	((task)->migration_disabled)
#endif
#endif
#ifndef KMH_HAS_MIGRATE
#define KMH_HAS_MIGRATE		0
#define kmh_migration_disabled(task)	0
#endif

/* kmap_local took the place of the per-CPU index: 5fbda3ecd14a (5.11). */
#if KMH_HAS_KMAP_LOCAL
#define kmh_depth(task, cpu)	((task)->kmap_ctrl.idx)
#else
#define kmh_depth(task, cpu)	per_cpu(__kmap_atomic_idx, cpu)
#endif

/* Slots that one mapping takes: with DEBUG_KMAP_LOCAL, a guard beside its own. */
#if KMH_HAS_KMAP_LOCAL && defined(CONFIG_DEBUG_KMAP_LOCAL)
#define KMH_INCREMENT	2
#else
#define KMH_INCREMENT	1
#endif

/* IRQ_WORK_INIT_HARD(): 7a9f50a05843 "irq_work: Cleanup" (5.11). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#define KMH_IRQ_WORK_HARD(function)	\
	{ .flags = ATOMIC_INIT(IRQ_WORK_HARD_IRQ), .func = (function) }
#else
#define KMH_IRQ_WORK_HARD(function)	IRQ_WORK_INIT_HARD(function)
#endif

/* complete_and_exit() became kthread_complete_and_exit(): cead18552660 (5.17). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 17, 0)
#define kmh_thread_exit(ready)	complete_and_exit(ready, 0)
#else
#define kmh_thread_exit(ready)	kthread_complete_and_exit(ready, 0)
#endif

/* kernel_thread() is not exported; it has a name for the thread since cf587db2ee02 (6.4). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
typedef pid_t kmh_kernel_thread_fn(int (*function)(void *), void *data, unsigned long flags);
#define kmh_kernel_thread(start, function)	\
	((start)(function, NULL, CLONE_FS | CLONE_FILES | SIGCHLD))
#else
typedef pid_t kmh_kernel_thread_fn(int (*function)(void *), void *data, const char *name,
				   unsigned long flags);
#define kmh_kernel_thread(start, function)	\
	((start)(function, NULL, NULL, CLONE_FS | CLONE_FILES | SIGCHLD))
#endif

/* on_cpu exists with SMP only; without it a task that is not current is off the CPU. */
#ifdef CONFIG_SMP
/* pairs with finish_task(): the caller sees what the task did before it left */
#define kmh_on_cpu(task)	smp_load_acquire(&(task)->on_cpu)
#else
#define kmh_on_cpu(task)	((task) == current)
#endif

#endif
