// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is seen after an operation.  The live structures are compared with shadow
 * copies and the differences reported; nothing here maps, allocates, sleeps or faults.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/vmalloc.h>
#include <asm/highmem.h>

#include "kmh.h"

#define UNROLL		8	/* words compared per turn of the scan; every table is a multiple */
#define HASHED		offsetof(struct kmh_obs, hash)

static unsigned int buffer_kb = 6144;
module_param(buffer_kb, uint, 0444);
MODULE_PARM_DESC(buffer_kb, "room for the observations of one request, KiB");

struct kmh_work kmh_work;
u32 kmh_hash;

static u8 *buffer;
static size_t capacity;
static size_t used;
static size_t reserved;		/* for the bare observations that are still to come */

static int shadow_counts[LAST_PKMAP] __aligned(64);
static pte_t shadow_ptes[LAST_PKMAP] __aligned(64);
static pte_t *shadow_window;
static pte_t *shadow_typed;

int kmh_observe_init(void)
{
	BUILD_BUG_ON(sizeof(struct kmh_obs) != 64);
	BUILD_BUG_ON(sizeof(struct kmh_delta) != 20);
	BUILD_BUG_ON(sizeof(struct kmh_op) != 16);
	BUILD_BUG_ON(sizeof(struct kmh_frame) != 20);
	BUILD_BUG_ON(LAST_PKMAP % UNROLL);

	capacity = (size_t)buffer_kb << 10;
	buffer = vzalloc(capacity);
	shadow_window = vzalloc(kmh_window_count * sizeof(*shadow_window));
	shadow_typed = vzalloc(kmh_typed_count * sizeof(*shadow_typed));
	if (!buffer || !shadow_window || !shadow_typed) {
		kmh_observe_exit();
		return -ENOMEM;
	}
	kmh_observe_resync();
	return 0;
}

void kmh_observe_exit(void)
{
	vfree(buffer);
	vfree(shadow_window);
	vfree(shadow_typed);
}

/* The window's PTEs descend in memory as their index rises. */
static pte_t *window_pte(unsigned int i)
{
	return kmh_window_ptes - i;
}

static pte_t copy_pte(const pte_t *ptep)
{
	u64 value = kmh_pte_read(ptep);

	return __pte(value);
}

static int slot_count(unsigned int slot)
{
	return kmh_symbols.pkmap_count ? READ_ONCE(kmh_symbols.pkmap_count[slot]) : 0;
}

/**
 * kmh_observe_resync() - take the live state as the state that was reported last
 *
 * After a snapshot, which tells the host everything at once.
 */
void kmh_observe_resync(void)
{
	unsigned int i;

	for (i = 0; i < LAST_PKMAP; i++) {
		shadow_counts[i] = slot_count(i);
		shadow_ptes[i] = copy_pte(&kmh_pkmap_ptes[i]);
	}
	for (i = 0; i < kmh_window_count; i++)
		shadow_window[i] = copy_pte(window_pte(i));
	for (i = 0; i < kmh_typed_count; i++)
		shadow_typed[i] = __pte(kmh_typed_pte(i));
	kmh_probes_clear();
}

size_t kmh_observe_capacity(void)
{
	return capacity;
}

size_t kmh_observe_length(void)
{
	return used;
}

const void *kmh_observe_data(void)
{
	return buffer;
}

/**
 * kmh_observe_begin() - start the answer to a RUN request
 * @n_ops: observations to come; the caller has checked that they fit without deltas
 */
void kmh_observe_begin(unsigned int n_ops)
{
	used = 0;
	reserved = n_ops * sizeof(struct kmh_obs);
}

/**
 * kmh_page_address_allowed() - whether page_address() may be called here
 *
 * Return: false on RT with interrupts or preemption off: its bucket lock sleeps there.
 */
bool kmh_page_address_allowed(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT) || preemptible();
}

u32 kmh_page_address(struct page *page)
{
	return page && kmh_page_address_allowed() ? (u32)page_address(page) : 0;
}

static u32 page_address_of_pte(u64 pte)
{
	unsigned long pfn = (pte & PTE_PFN_MASK) >> PAGE_SHIFT;

	return pte && pfn_valid(pfn) ? kmh_page_address(pfn_to_page(pfn)) : 0;
}

/* The answer's next delta, or NULL (and the flag) where only bare observations still fit. */
static struct kmh_delta *next_delta(struct kmh_obs *obs)
{
	struct kmh_delta *delta;

	if (used + sizeof(*delta) + reserved > capacity || obs->n_deltas == U16_MAX) {
		obs->flags |= KMH_OBS_OVERFLOW;
		return NULL;
	}
	delta = (struct kmh_delta *)(buffer + used);
	used += sizeof(*delta);
	obs->n_deltas++;
	return delta;
}

static void add_delta(struct kmh_obs *obs, u8 kind, u8 aux, u16 index, u32 a, u64 pte, u32 d)
{
	struct kmh_delta *delta = next_delta(obs);

	if (!delta)
		return;
	delta->kind = kind;
	delta->aux = aux;
	delta->index = index;
	delta->a = a;
	delta->b = pte;
	delta->c = pte >> 32;
	delta->d = d;
}

static void report_slot(struct kmh_obs *obs, unsigned int slot)
{
	int count = slot_count(slot);
	u64 before = kmh_pte_read(&shadow_ptes[slot]);
	u64 pte = kmh_pte_read(&kmh_pkmap_ptes[slot]);

	if (count == shadow_counts[slot] && pte == before)
		return;
	add_delta(obs, KMH_DELTA_PKMAP, 0, slot, count, pte, page_address_of_pte(pte ?: before));
	shadow_counts[slot] = count;
	shadow_ptes[slot] = copy_pte(&kmh_pkmap_ptes[slot]);
}

/* Whether UNROLL words differ: one OR chain, since branches cost most under emulation. */
static bool differs(const u32 *a, const u32 *b)
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) |
		(a[4] ^ b[4]) | (a[5] ^ b[5]) | (a[6] ^ b[6]) | (a[7] ^ b[7])) != 0;
}

#define PTES_PER_TURN	(UNROLL * sizeof(u32) / sizeof(pte_t))

static void scan_pkmap(struct kmh_obs *obs)
{
	const u32 *counts = (const u32 *)(kmh_symbols.pkmap_count ?: shadow_counts);
	const u32 *known = (const u32 *)shadow_counts;
	unsigned int slot, i, turn;
	bool changed;

	for (slot = 0; slot < LAST_PKMAP; slot += UNROLL) {
		changed = differs(counts + slot, known + slot);
		for (turn = slot; turn < slot + UNROLL; turn += PTES_PER_TURN)
			changed |= differs((const u32 *)&kmh_pkmap_ptes[turn],
					   (const u32 *)&shadow_ptes[turn]);
		for (i = slot; changed && i < slot + UNROLL; i++)
			report_slot(obs, i);
	}
}

static void scan_window(struct kmh_obs *obs)
{
	unsigned int i;
	u64 pte;

	for (i = 0; i < kmh_window_count; i++) {
		pte = kmh_pte_read(window_pte(i));
		if (pte == kmh_pte_read(&shadow_window[i]))
			continue;
		add_delta(obs, KMH_DELTA_WINDOW, 0, kmh_window_first + i, 0, pte, 0);
		shadow_window[i] = __pte(pte);
	}
}

static void scan_typed(struct kmh_obs *obs)
{
	unsigned int i;
	u64 pte;

	for (i = 0; kmh_typed_used && i < kmh_typed_count; i++) {
		pte = kmh_typed_pte(i);
		if (pte == kmh_pte_read(&shadow_typed[i]))
			continue;
		add_delta(obs, KMH_DELTA_WINDOW, 0, KMH_TYPED_FIRST + i, 0, pte, 0);
		shadow_typed[i] = __pte(pte);
	}
}

static void scan_pteval(struct kmh_obs *obs, struct kmh_task *t)
{
#if KMH_HAS_KMAP_LOCAL
	const pte_t *saved = t->task->kmap_ctrl.pteval;
	unsigned int i;
	u64 pte;

	for (i = 0; i < KMH_WINDOW; i++) {
		pte = kmh_pte_read(&saved[i]);
		if (pte == kmh_pte_read(&t->pteval[i]))
			continue;
		add_delta(obs, KMH_DELTA_PTEVAL, 0, i, 0, pte, 0);
		t->pteval[i] = __pte(pte);
	}
#endif
}

/* Tasks whose blocked kmap has ended: their result is part of the step that let them go. */
static void report_others(struct kmh_obs *obs, struct kmh_task *self)
{
	struct kmh_task *t;
	unsigned int i;

	for (i = 0; i < kmh_n_tasks; i++) {
		t = kmh_tasks[i];
		if (t == self)
			continue;
		if (atomic_read(&t->phase) == KMH_PHASE_FINISHED) {
			atomic_set(&t->phase, KMH_PHASE_IDLE);
			t->status = KMH_ST_OK;
			add_delta(obs, KMH_DELTA_DONE, i, 0, t->blocked_step, t->result,
				  kmh_page_address(kmh_page(t->blocked_page)));
		} else if (t->alive && !t->exits && atomic_read(&t->phase) != KMH_PHASE_DEAD &&
			   kmh_died(t)) {
			/* A sleeper dies in kmap() only: with its lock. */
			kmh_lock_lost |= atomic_read(&t->phase) == KMH_PHASE_BLOCKED;
			atomic_set(&t->phase, KMH_PHASE_DEAD);
			kmh_casualty = true;
			add_delta(obs, KMH_DELTA_DEAD, i, 0, 0, 0, 0);
		}
	}
}

/* What only the task itself can say; of a task that sleeps or is gone, what is left of it. */
static void observe_context(struct kmh_obs *obs, const struct kmh_task *t)
{
	bool self = t && t->task == current;

	if (self) {
		obs->cpu = raw_smp_processor_id();
		obs->preempt_count = kmh_preempt_count();
		obs->flags |= irqs_disabled() ? KMH_OBS_IRQS_OFF : 0;
		obs->flags |= kmh_in_hardirq() ? KMH_OBS_HARDIRQ : 0;
		obs->flags |= in_serving_softirq() ? KMH_OBS_SOFTIRQ : 0;
	} else if (t) {
		obs->cpu = task_cpu(t->task);
	}
	obs->flags |= kmh_page_address_allowed() ? 0 : KMH_OBS_NO_PAGE_ADDRESS;
	if (!t)
		return;
	obs->pagefault_disabled = t->task->pagefault_disabled;
	obs->migration_disabled = kmh_migration_disabled(t->task);
	obs->depth = kmh_depth(t->task, obs->cpu);
}

static u8 counter(const atomic_t *value)
{
	return min(atomic_read(value), 255);
}

static void observe_counters(struct kmh_obs *obs)
{
	obs->flush_scans = counter(&kmh_counters.flush_scans);
	obs->flush_ranges = counter(&kmh_counters.flush_ranges);
	obs->flush_cpus = counter(&kmh_counters.flush_cpus);
	obs->flush_dirty = kmh_flushed_early();
	obs->flush_odd = counter(&kmh_counters.flush_odd);
	obs->invlpgs = counter(&kmh_counters.invlpgs);
	obs->invlpg_address = atomic_read(&kmh_counters.invlpg_address);
	obs->wakes = counter(&kmh_counters.wakes);
	obs->warns = counter(&kmh_counters.warns);
	obs->messages = counter(&kmh_counters.messages);
	kmh_probes_clear();
}

static void observe_result(struct kmh_obs *obs, const struct kmh_op *op,
			   const struct kmh_outcome *out)
{
	u64 pte = out->address ? kmh_walk(out->address) : 0;

	obs->code = op->code;
	obs->task = op->task;
	obs->status = out->status;
	obs->value = out->value;
	obs->cycles = out->cycles;
	obs->pte_lo = pte;
	obs->pte_hi = pte >> 32;
	obs->page_address = kmh_page_address(kmh_page(op->page));
}

/**
 * kmh_observe() - append the observation of one operation to the answer
 * @t: its task, or NULL where the operation named none
 * @op: the operation
 * @out: how it ended
 *
 * Called by the task itself, in the context the operation ran in; by somebody else
 * only where the task sleeps, died, or was refused.
 */
void kmh_observe(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out)
{
	struct kmh_obs *obs = (struct kmh_obs *)(buffer + used);
	size_t start = used;

	memset(obs, 0, sizeof(*obs));
	reserved -= sizeof(*obs);
	used += sizeof(*obs);
	obs->step = kmh_step++;
	observe_result(obs, op, out);
	observe_context(obs, t);
	observe_counters(obs);
	obs->cursor = kmh_symbols.last_pkmap_nr ? READ_ONCE(*kmh_symbols.last_pkmap_nr) : 0;
	obs->waiters = kmh_waiters();
	scan_pkmap(obs);
	scan_window(obs);
	scan_typed(obs);
	if (t) {
		scan_pteval(obs, t);
		t->status = out->status;
		t->step = obs->step;
		t->last_cpu = obs->cpu;
	}
	report_others(obs, t);
	kmh_instant_report(t, obs, next_delta);
	kmh_hash = ~crc32_le(~kmh_hash, (u8 *)obs, HASHED);
	kmh_hash = ~crc32_le(~kmh_hash, buffer + start + sizeof(*obs), used - start - sizeof(*obs));
	obs->hash = kmh_hash;
	if (obs->messages)
		kmh_marker(obs->step);
}
