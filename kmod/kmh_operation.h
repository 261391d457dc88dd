/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations: what is known of each, and the code that executes it; one section a file. */
#ifndef KMAP_HARNESS_KMH_OPERATION_H
#define KMAP_HARNESS_KMH_OPERATION_H

struct kmh_outcome {
	u32 value;
	unsigned long address;	/* returned or operated on, 0 for none */
	u32 cycles;		/* TSC ticks of the kernel's function, else of the operation */
	u8 status;
	bool timed;		/* the kernel's function has been timed by itself */
};

/* Around the kernel's function alone: what the module does beside it is no cost of the kernel. */
static inline void kmh_clock_start(struct kmh_outcome *out)
{
	out->cycles = -(u32)kmh_arch_cycles();
}

static inline void kmh_clock_stop(struct kmh_outcome *out)
{
	out->cycles += (u32)kmh_arch_cycles();
	out->timed = true;
}

/* ---- op_kinds.c: the table of operations ---- */

struct kmh_op_kind {
	u32 flags;		/* KMH_OPF_* */
};

u32 kmh_op_flags(u8 code);

/* ---- mapping.c: mapping and unmapping ---- */

void kmh_execute_map(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out);
void kmh_execute_kunmap(const struct kmh_op *op, struct kmh_outcome *out);
void kmh_execute_unmap(struct kmh_task *t, const struct kmh_op *op, unsigned long address,
		       struct kmh_outcome *out);

/* ---- helper_kinds.c: the table of page helpers ---- */

struct kmh_helper_kind {
	u32 flags;		/* KMH_HELPER_* */
};

u32 kmh_helper_flags(unsigned int number);

/* ---- helper.c: functions that map pages, fill or copy them, and unmap them ---- */

u32 kmh_helpers(void);
void kmh_execute_helper(const struct kmh_op *op, struct kmh_outcome *out);

/* ---- attributes.c: attributes of a page and its aliases ---- */

void kmh_attribute(const struct kmh_op *op, struct kmh_outcome *out);

/* ---- interruption.c: what an interrupt in the middle of an operation does ---- */

#define KMH_INSTANT_LEVELS	8

enum kmh_instant_state {
	KMH_INSTANT_IDLE,
	KMH_INSTANT_ARMED,	/* for a later operation */
	KMH_INSTANT_STARTED,	/* that operation has begun */
	KMH_INSTANT_FIRED,		/* the probe has asked for the interrupt */
	KMH_INSTANT_DONE,
};

struct kmh_instant {
	struct kmh_task *task;
	u32 state;		/* enum kmh_instant_state */
	u8 trigger, context, levels, skip;
	u16 page;
	s32 offset;		/* number of the instruction, or nanoseconds */
	int cpu;		/* where the operation began */
	unsigned int n_records;
	struct kmh_delta records[KMH_INSTANT_LEVELS + 1];
};

extern struct kmh_instant kmh_instant;

void kmh_interruption_enter(void);
bool kmh_interruption_prepare(int cpu);
void kmh_interruption_end(void);

/* ---- torn.c: entries that it sees half-written ---- */

void kmh_torn_begin(const struct kmh_op *op);
void kmh_torn_look(void);
void kmh_torn_report(struct kmh_obs *obs);

/* ---- trigger.c: functions in which a probe can ask for that interrupt ---- */

void kmh_trigger_init(void);
unsigned int kmh_trigger_instructions(unsigned int function);
bool kmh_trigger_arm(unsigned int function, unsigned int number, kprobe_pre_handler_t handler);
void kmh_trigger_disarm(void);
void kmh_trigger_release(void);

/* ---- instant.c: when that interrupt comes ---- */

void kmh_instant_init(void);
void kmh_instant_reset(void);
void kmh_instant_end(void);
void kmh_instant_arm(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out);
void kmh_instant_begin(struct kmh_task *t, const struct kmh_op *op);
void kmh_instant_finish(struct kmh_task *t);
void kmh_instant_report(const struct kmh_task *t, struct kmh_obs *obs);

/* ---- outside.c: what others do to a task ---- */

void kmh_outside(const struct kmh_op *op, struct kmh_outcome *out);
void kmh_outside_reset(void);

/* ---- userspace.c: children and returns to user mode ---- */

void kmh_fork(struct kmh_outcome *out);
void kmh_leave_mapped(const struct kmh_op *op, struct kmh_outcome *out);
void kmh_return_mapped(void);
void kmh_back_from_user(void);

/* ---- workload.c: processes that use memory as programs do ---- */

void kmh_workload(const struct kmh_op *op, struct kmh_outcome *out);

/* ---- checkpoints.c: what those processes report ---- */

extern unsigned long kmh_checkpoint_time;

void kmh_checkpoints_begin(void);
void kmh_checkpoints_end(bool keep);
int kmh_checkpoints_add(const struct kmh_checkpoint *said, unsigned int left);
void kmh_checkpoints_report(struct kmh_obs *obs);
int kmh_checkpoints_register(void);
void kmh_checkpoints_unregister(void);

/* ---- ops.c: one operation ---- */

void kmh_execute(struct kmh_task *t, const struct kmh_op *op, struct kmh_outcome *out);
int kmh_ops_init(void);
void kmh_ops_reset(bool leak);
void kmh_ops_exit(void);

#endif
