// SPDX-License-Identifier: GPL-2.0-only
/* The threads whose order of steps is decided: each has a CPU of its own and a short program. */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>

#include "kmh_schedule.h"

static void (*flush_unused)(void);

static u16 id_of(u8 page)
{
	return kmh_schedule.request->first_page + page;
}

/* ---- records ---- */

static void begin_record(struct kmh_schedule_task *t, u8 code, u8 page)
{
	if (READ_ONCE(kmh_schedule.open))
		return;
	t->shared.page = id_of(page);
	t->shared.section = 0;
	t->shared.invoked = ++kmh_schedule.clock;
	t->shared.code = code;
}

static void add_record(struct kmh_schedule_task *t, const struct kmh_history_record *record)
{
	if (t->shared.used == KMH_SCHEDULE_RECORDS)
		kmh_schedule.too_long = true;
	else
		t->records[t->shared.used++] = *record;
}

static void end_record(struct kmh_schedule_task *t, u32 value, u8 flags)
{
	struct kmh_history_record record = {
		.invoked = t->shared.invoked,
		.ordered = t->shared.section,
		.value = value,
		.page = t->shared.page,
		.code = t->shared.code,
		.cpu = t->shared.cpu,
		.flags = flags,
	};

	if (READ_ONCE(kmh_schedule.open))
		return;
	record.returned = ++kmh_schedule.clock;
	t->shared.code = 0;
	add_record(t, &record);
}

/* ---- operations ---- */

static u8 slept_since(unsigned long left)
{
	return current->nvcsw != left ? KMH_HISTORY_SLEPT : 0;
}

static void map(struct kmh_schedule_task *t, u8 page)
{
	unsigned long left = current->nvcsw;

	begin_record(t, KMH_HISTORY_KMAP, page);
	t->mapped[page] = (unsigned long)kmap(kmh_page(id_of(page)));
	atomic_inc(&kmh_schedule.held[page]);
	end_record(t, t->mapped[page], slept_since(left));
}

static void unmap(struct kmh_schedule_task *t, u8 page)
{
	unsigned long left = current->nvcsw;

	begin_record(t, KMH_HISTORY_KUNMAP, page);
	atomic_dec(&kmh_schedule.held[page]);
	kunmap(kmh_page(id_of(page)));
	end_record(t, t->mapped[page], slept_since(left));
}

static void ask_address(struct kmh_schedule_task *t, u8 page)
{
	u32 address;

	begin_record(t, KMH_HISTORY_PAGE_ADDRESS, page);
	address = (u32)page_address(kmh_page(id_of(page)));
	end_record(t, address, 0);
}

static void read_tag(struct kmh_schedule_task *t, u8 page)
{
	struct kmh_history_record record = {
		.page = id_of(page),
		.code = KMH_HISTORY_TAG_READ,
		.cpu = t->shared.cpu,
	};

	if (READ_ONCE(kmh_schedule.open))
		return;
	record.invoked = kmh_schedule.clock;
	record.returned = kmh_schedule.clock;
	if (!kmh_load(t->mapped[page], &record.value))
		record.flags = KMH_HISTORY_FAULT;
	add_record(t, &record);
}

static void perform(struct kmh_schedule_task *t, u8 code, u8 page)
{
	switch (code) {
	case KMH_SCHEDULE_KMAP:
		map(t, page);
		break;
	case KMH_SCHEDULE_KUNMAP:
		unmap(t, page);
		break;
	case KMH_SCHEDULE_PAGE_ADDRESS:
		ask_address(t, page);
		break;
	case KMH_SCHEDULE_READ:
		read_tag(t, page);
		break;
	case KMH_SCHEDULE_FLUSH:
		flush_unused();
		break;
	}
}

/* What this CPU has translated in an earlier schedule must not show in this one. */
static void forget_translations(void)
{
	unsigned long flags;

	local_irq_save(flags);
	kmh_arch_flush_all();
	local_irq_restore(flags);
}

static void run_program(struct kmh_schedule_task *t)
{
	const struct kmh_schedule_thread *program = t->program;
	unsigned int i;

	forget_translations();
	kmh_gate_start(t);
	for (i = 0; i < program->n_ops; i++) {
		if (program->codes[i] == KMH_SCHEDULE_READ)
			kmh_gate_operation(t, i);
		else if (!READ_ONCE(kmh_schedule.open))
			kmh_schedule_event(t, KMH_GATE_OPERATION, i, false);
		perform(t, program->codes[i], program->pages[i]);
	}
	kmh_gate_end(t);
}

static int thread_main(void *data)
{
	struct kmh_schedule_task *t = data;
	u32 epoch;

	while (!READ_ONCE(kmh_schedule.stop)) {
		/* pairs with the coordinator, which has put the state back */
		epoch = smp_load_acquire(&kmh_schedule.epoch);
		if (epoch != t->epoch) {
			run_program(t);
			/* pairs with kmh_schedule_threads_rest() */
			smp_store_release(&t->epoch, epoch);
		}
		if (need_resched())
			cond_resched();
		cpu_relax();
	}
	WRITE_ONCE(t->exited, 1);
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/* ---- starting and stopping ---- */

static int thread_create(unsigned int id, const struct kmh_schedule_thread *program)
{
	struct kmh_schedule_task *t = &kmh_schedule.tasks[id];
	struct task_struct *task;

	if (program->cpu >= nr_cpu_ids || !cpu_online(program->cpu) ||
	    program->n_ops > KMH_SCHEDULE_OPS)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->id = id;
	t->program = program;
	t->epoch = kmh_schedule.epoch;
	t->state = KMH_SCHEDULE_ENDED;
	task = kthread_create(thread_main, t, "kmh-schedule/%u", id);
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	kthread_bind(task, program->cpu);
	t->task = task;
	kmh_schedule.n_tasks = id + 1;
	return 0;
}

static unsigned long flush_function(void)
{
	return kmh_function("__kmap_flush_unused") ?: kmh_function("kmap_flush_unused");
}

/**
 * kmh_schedule_threads_start() - make the threads, which wait for the first schedule
 * @programs: what each executes
 * @n: how many
 *
 * Return: 0 or a negative errno; kmh_schedule_threads_stop() must be called in both cases.
 */
int kmh_schedule_threads_start(const struct kmh_schedule_thread *programs, unsigned int n)
{
	unsigned int i;
	int error;

	if (!flush_unused)
		flush_unused = (void (*)(void))flush_function();
	if (!flush_unused)
		return -EOPNOTSUPP;
	for (i = 0; i < n; i++) {
		error = thread_create(i, &programs[i]);
		if (error)
			return error;
	}
	for (i = 0; i < n; i++)
		wake_up_process(kmh_schedule.tasks[i].task);
	return 0;
}

/**
 * kmh_schedule_threads_rest() - tell whether all threads have come to the end of the schedule
 *
 * Return: true if so.
 */
bool kmh_schedule_threads_rest(void)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		/* pairs with thread_main() */
		if (smp_load_acquire(&kmh_schedule.tasks[i].epoch) != kmh_schedule.epoch)
			return false;
	}
	return true;
}

/**
 * kmh_schedule_threads_stop() - end the threads, which are at rest
 */
void kmh_schedule_threads_stop(void)
{
	unsigned int i;

	WRITE_ONCE(kmh_schedule.stop, 1);
	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		kthread_stop(kmh_schedule.tasks[i].task);
		put_task_struct(kmh_schedule.tasks[i].task);
	}
	kmh_schedule.n_tasks = 0;
}

/**
 * kmh_schedule_flush() - drop the unused mappings
 */
void kmh_schedule_flush(void)
{
	flush_unused();
}
