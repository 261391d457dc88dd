/* SPDX-License-Identifier: GPL-2.0-only */
/* How the kernel's state is observed after each operation; one section a file. */
#ifndef KMAP_HARNESS_KMH_OBSERVE_H
#define KMAP_HARNESS_KMH_OBSERVE_H

/* ---- flushed.c: page tables at the moment of a flush ---- */

void kmh_flushed_range(unsigned long start, unsigned long end);
void kmh_flushed_unmapping(unsigned long address);
void kmh_flushed_page(unsigned long address);
u8 kmh_flushed_early(void);
void kmh_flushed_clear(void);

/* ---- stale.c: translations that a CPU may still hold ---- */

struct kmh_stale {
	unsigned int reused, left;
	unsigned long reused_address, left_address;
};

int kmh_stale_init(void);
void kmh_stale_exit(void);
void kmh_stale_page(unsigned long address, bool global);
void kmh_stale_all(bool global);
void kmh_stale_start_over(void);
void kmh_stale_slot(unsigned int slot, u64 pte);
void kmh_stale_window(unsigned int i, u64 pte, const struct kmh_obs *obs);
const struct kmh_stale *kmh_stale_report(void);

/* ---- flush_sites.c: probes on the instructions that drop translations ---- */

int kmh_flush_sites(const struct kmh_flush_site *sites, unsigned int n, s32 *errors);
void kmh_flush_sites_pause(void);
void kmh_flush_sites_resume(void);
void kmh_flush_sites_exit(void);

/* ---- probes.c: counters at function entries ---- */

struct kmh_counters {
	atomic_t flush_scans;
	atomic_t flush_ranges;
	atomic_t flush_cpus;
	atomic_t flush_odd;
	atomic_t invlpgs;
	atomic_t invlpg_address;
	atomic_t wakes;
	atomic_t warns;
	atomic_t messages;
};

extern struct kmh_counters kmh_counters;
extern struct task_struct *kmh_executing;	/* inside an operation, else NULL */

u32 kmh_probes_arm(u32 mask);
u32 kmh_probes_available(void);
void kmh_probes_exit(void);
void kmh_probes_clear(void);
void kmh_marker(u32 step);

/* ---- answer.c: the buffer that observations are written to, and their chain ---- */

extern struct kmh_work kmh_work;
#define kmh_step	(kmh_work.steps)
extern u32 kmh_hash;

int kmh_answer_init(void);
void kmh_answer_exit(void);
void kmh_answer_begin(unsigned int n_ops);
struct kmh_obs *kmh_answer_observation(void);
struct kmh_delta *kmh_answer_delta(struct kmh_obs *obs);
void kmh_answer_add(struct kmh_obs *obs, u8 kind, u8 aux, u16 index, u32 a, u64 pte, u32 d);
void kmh_answer_seal(struct kmh_obs *obs);
size_t kmh_answer_length(void);
const void *kmh_answer_data(void);
size_t kmh_answer_capacity(void);

/* ---- shadow.c: the state that was reported last ---- */

int kmh_shadow_init(void);
void kmh_shadow_exit(void);
void kmh_shadow_resync(void);
void kmh_shadow_report(struct kmh_obs *obs, struct kmh_task *t);

/* ---- observe.c: one observation ---- */

void kmh_observe(struct kmh_task *t, const struct kmh_op *op, const struct kmh_outcome *out);

#endif
