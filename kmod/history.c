// SPDX-License-Identifier: GPL-2.0-only
/*
 * Concurrent histories: threads on several CPUs map and unmap at full speed, each
 * logging what it did between which stamps.
 *
 * The coordinator (the caller of write()) looks at them now and then.  Where all that
 * have not ended sleep in pkmap_map_wait, nobody is left who could wake them: that
 * ends the history, by the state of the tasks and not by a clock.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "kmh.h"

#define LOOK_US		1000

struct kmh_history_run kmh_history_run;

static struct kmh_history *journal;
static bool lost;	/* a thread could not be ended and may still write to the log */

static size_t log_size(unsigned int records)
{
	return sizeof(struct kmh_history) +
	       KMH_HISTORY_THREADS * sizeof(struct kmh_history_thread) +
	       2 * LAST_PKMAP * sizeof(struct kmh_history_slot) +
	       records * sizeof(struct kmh_history_record);
}

static int log_init(void)
{
	if (!journal)
		journal = vzalloc(log_size(KMH_HISTORY_RECORDS));
	return journal ? 0 : -ENOMEM;
}

void kmh_history_exit(void)
{
	if (!lost)
		vfree(journal);
}

/**
 * kmh_history_log() - where the log lies, for a host that reads it when the guest is dead
 * @out: address and bytes
 *
 * Return: bytes written, or -ENOMEM.
 */
int kmh_history_log(u32 *out)
{
	int error = log_init();

	if (error)
		return error;
	out[0] = (u32)journal;
	out[1] = log_size(KMH_HISTORY_RECORDS);
	return 2 * sizeof(u32);
}

static struct kmh_history_thread *threads_of(struct kmh_history *history)
{
	return (struct kmh_history_thread *)(history + 1);
}

static struct kmh_history_slot *slots_of(struct kmh_history *history)
{
	return (struct kmh_history_slot *)(threads_of(history) + history->n_threads);
}

static struct kmh_history_record *records_of(struct kmh_history *history)
{
	return (struct kmh_history_record *)(slots_of(history) + 2 * LAST_PKMAP);
}

/* ---- the state before and after, at rest ---- */

static void note_slots(struct kmh_history_slot *slots, u32 *cursor)
{
	unsigned int i;
	u64 pte;

	for (i = 0; i < LAST_PKMAP; i++) {
		pte = kmh_pte_read(&kmh_pkmap_ptes[i]);
		slots[i].count = kmh_symbols.pkmap_count ? kmh_symbols.pkmap_count[i] : 0;
		slots[i].pfn = (pte & PTE_PFN_MASK) >> PAGE_SHIFT;
	}
	*cursor = kmh_symbols.last_pkmap_nr ? *kmh_symbols.last_pkmap_nr : 0;
}

static void count_free(void)
{
	unsigned int i;

	for (i = 0; kmh_symbols.pkmap_count && i < LAST_PKMAP; i++) {
		journal->free_slots += READ_ONCE(kmh_symbols.pkmap_count[i]) == 0;
		journal->unused_slots += READ_ONCE(kmh_symbols.pkmap_count[i]) == 1;
	}
}

static void tag(u16 id)
{
	u32 *words = kmap_atomic(kmh_page(id));

	memset(words, 0, PAGE_SIZE);
	words[0] = KMH_HISTORY_TAG + id;
	kunmap_atomic(words);
}

static void pin(const struct kmh_history_request *request)
{
	unsigned int i;

	for (i = 0; i < request->pages; i++)
		tag(request->first_page + i);
	for (i = 0; i < request->pins; i++) {
		tag(request->first_pin + i);
		kmap(kmh_page(request->first_pin + i));
	}
}

static void unpin(const struct kmh_history_request *request)
{
	unsigned int i;

	for (i = 0; i < request->pins; i++)
		kunmap(kmh_page(request->first_pin + i));
}

/* ---- the threads ---- */

static int thread_create(unsigned int id, u8 cpu)
{
	struct kmh_history_task *t = &kmh_history_run.tasks[id];
	struct task_struct *task;

	if (cpu != KMH_TASK_UNBOUND && (cpu >= nr_cpu_ids || !cpu_online(cpu)))
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->id = id;
	t->random = (kmh_history_run.request->seed ^ (id + 1) * 0x9e3779b9u) ?: 1;
	t->shared = &threads_of(journal)[id];
	t->shared->cpu = cpu;
	t->records = records_of(journal) + id * journal->stride;
	task = kthread_create(kmh_history_main, t, "kmh-history/%u", id);
	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);
	if (cpu != KMH_TASK_UNBOUND)
		kthread_bind(task, cpu);
	t->task = task;
	kmh_history_run.n_tasks = id + 1;
	return 0;
}

static bool ended(const struct kmh_history_task *t)
{
	/* pairs with kmh_history_main() */
	return smp_load_acquire(&t->done);
}

static bool died(const struct kmh_history_task *t)
{
	return READ_ONCE(t->task->exit_state) && !kmh_on_cpu(t->task);
}

/* Asleep in kmap for want of a slot; on RT a task that waits for a lock is in the same state. */
static bool asleep(const struct kmh_history_task *t)
{
	struct task_struct *task = t->task;

	if (READ_ONCE(t->shared->code) != KMH_HISTORY_KMAP ||
	    kmh_task_state(task) != TASK_UNINTERRUPTIBLE || READ_ONCE(task->on_rq) ||
	    kmh_on_cpu(task))
		return false;
#ifdef CONFIG_RT_MUTEXES
	if (READ_ONCE(task->pi_blocked_on))
		return false;
#endif
	return kmh_symbols.pkmap_map_wait && kmh_waits(task);
}

/* A thread that cannot end keeps its memory, and the module with it. */
static void thread_destroy(struct kmh_history_task *t)
{
	if (ended(t) || !kmh_history_run.go) {
		kthread_stop(t->task);
		put_task_struct(t->task);
		return;
	}
	if (!died(t))
		__module_get(THIS_MODULE);
	lost = true;
	kmh_casualty = true;
}

static void threads_destroy(void)
{
	unsigned int i;

	for (i = 0; i < kmh_history_run.n_tasks; i++)
		thread_destroy(&kmh_history_run.tasks[i]);
	kmh_history_run.n_tasks = 0;
}

static int threads_create(const struct kmh_task_request *requests, unsigned int count)
{
	unsigned int i;
	int error;

	for (i = 0; i < count; i++) {
		error = thread_create(i, requests[i].cpu);
		if (error) {
			threads_destroy();
			return error;
		}
	}
	for (i = 0; i < count; i++)
		wake_up_process(kmh_history_run.tasks[i].task);
	while (atomic_read(&kmh_history_run.ready) < count)
		usleep_range(20, 40);
	return 0;
}

/* ---- watching ---- */

struct tally {
	unsigned int ended;
	unsigned int asleep;
	unsigned int parked;	/* at the end of a round that cannot end while others sleep */
	unsigned int died;
	unsigned int clock;
};

static struct tally look(void)
{
	struct tally found = { .clock = atomic_read(&kmh_history_run.clock) };
	unsigned int i;

	for (i = 0; i < kmh_history_run.n_tasks; i++) {
		const struct kmh_history_task *t = &kmh_history_run.tasks[i];

		if (ended(t))
			found.ended++;
		else if (died(t))
			found.died++;
		else if (asleep(t))
			found.asleep++;
		else if (READ_ONCE(t->parked))
			found.parked++;
	}
	return found;
}

/*
 * Two looks at which as many threads sleep and no stamp was drawn between: none of them
 * was on its way, since each draws one as soon as it runs.
 */
static u32 outcome_of(const struct tally *last, const struct tally *found)
{
	unsigned int all = kmh_history_run.n_tasks;

	if (found->died)
		return KMH_HISTORY_DIED;
	if (found->ended == all)
		return KMH_HISTORY_FINISHED;
	if (found->asleep && found->ended + found->asleep + found->parked == all &&
	    last->asleep == found->asleep && last->clock == found->clock)
		return KMH_HISTORY_ASLEEP;
	return KMH_HISTORY_RUNS;
}

static u32 watch(u32 limit_ms)
{
	unsigned long limit = jiffies + msecs_to_jiffies(limit_ms);
	unsigned long end = limit + msecs_to_jiffies(kmh_patience_ms);
	struct tally last = {}, found;
	u32 outcome;

	for (;;) {
		usleep_range(LOOK_US, 2 * LOOK_US);
		found = look();
		outcome = outcome_of(&last, &found);
		if (outcome != KMH_HISTORY_RUNS)
			return outcome;
		last = found;
		if (time_after(jiffies, limit))
			WRITE_ONCE(kmh_history_run.stop, 1);
		if (time_after(jiffies, end))
			return KMH_HISTORY_STUCK;
	}
}

static void note_states(void)
{
	unsigned int i;

	for (i = 0; i < kmh_history_run.n_tasks; i++) {
		struct kmh_history_task *t = &kmh_history_run.tasks[i];

		if (ended(t))
			t->shared->state = KMH_HISTORY_THREAD_ENDED;
		else if (died(t))
			t->shared->state = KMH_HISTORY_THREAD_DIED;
		else if (asleep(t))
			t->shared->state = KMH_HISTORY_THREAD_SLEPT;
	}
}

/* Wake the sleepers by hand until all have ended: what they do then is not logged. */
static void rescue(const struct kmh_history_request *request)
{
	unsigned long end = jiffies + msecs_to_jiffies(kmh_patience_ms);

	WRITE_ONCE(kmh_history_run.stop, 1);
	unpin(request);
	while (look().ended < kmh_history_run.n_tasks && time_before(jiffies, end)) {
		wake_up_all(kmh_symbols.pkmap_map_wait);
		usleep_range(LOOK_US, 2 * LOOK_US);
	}
}

/* ---- one request ---- */

static void conclude(u32 outcome)
{
	WRITE_ONCE(kmh_history_run.frozen, 1);
	note_states();
	journal->outcome = outcome;
	journal->clock = atomic_read(&kmh_history_run.clock);
	journal->foreign = atomic_read(&kmh_history_run.foreign);
	journal->dropped = atomic_read(&kmh_history_run.dropped);
	note_slots(slots_of(journal) + LAST_PKMAP, &journal->cursor_after);
	if (outcome != KMH_HISTORY_ASLEEP)
		return;
	journal->asleep_at = journal->clock;
	count_free();
}

static int run(const struct kmh_history_request *request, const struct kmh_task_request *requests)
{
	unsigned long start;
	u32 outcome;
	int error;

	pin(request);
	error = threads_create(requests, journal->n_threads);
	if (error) {
		unpin(request);
		return error;
	}
	journal->witness = request->flags & KMH_HISTORY_WITNESS && kmh_history_probe_arm();
	note_slots(slots_of(journal), &journal->cursor_before);
	start = jiffies;
	/* pairs with await_go() */
	smp_store_release(&kmh_history_run.go, 1);
	outcome = watch(request->limit_ms);
	journal->ms = jiffies_to_msecs(jiffies - start);
	conclude(outcome);
	return outcome;
}

/* The log is frozen: what the threads do on their way out is not of the history. */
static void finish(const struct kmh_history_request *request, u32 outcome)
{
	if (outcome == KMH_HISTORY_FINISHED)
		unpin(request);
	else if (outcome == KMH_HISTORY_ASLEEP)
		rescue(request);
	if (journal->witness)
		kmh_history_probe_disarm();
	threads_destroy();
	kmh_observe_resync();
}

static int check(const struct kmh_history_request *request, unsigned int count)
{
	if (lost || kmh_casualty)
		return -EIO;
	if (!count || count > KMH_HISTORY_THREADS || !request->pages || !request->holds ||
	    request->holds > KMH_HISTORY_HOLDS || request->pins >= LAST_PKMAP)
		return -EINVAL;
	if (request->first_page + request->pages > kmh_n_pages ||
	    request->first_pin + request->pins > kmh_n_pages)
		return -EINVAL;
	if (request->operations > KMH_HISTORY_RECORDS / count)
		return -E2BIG;
	return log_init();
}

/**
 * kmh_history() - run one concurrent history
 * @data: struct kmh_history_request and struct kmh_task_request for each thread
 * @length: bytes
 * @body: set to the log
 *
 * Return: bytes of the log, or a negative errno.
 */
int kmh_history(const void *data, size_t length, const void **body)
{
	const struct kmh_history_request *request = data;
	unsigned int count;
	int outcome, error;

	if (length < sizeof(*request))
		return -EINVAL;
	count = (length - sizeof(*request)) / sizeof(struct kmh_task_request);
	error = check(request, count);
	if (error)
		return error;
	memset(journal, 0, log_size(request->operations * count));
	journal->n_threads = count;
	journal->stride = request->operations;
	journal->last_pkmap = LAST_PKMAP;
	memset(&kmh_history_run, 0, sizeof(kmh_history_run));
	kmh_history_run.request = request;
	kmh_history_run.log = journal;
	outcome = run(request, (const struct kmh_task_request *)(request + 1));
	if (outcome < 0)
		return outcome;
	finish(request, outcome);
	*body = journal;
	return (const u8 *)(records_of(journal) + count * journal->stride) - (const u8 *)journal;
}
