// SPDX-License-Identifier: GPL-2.0-only
/*
 * Concurrent histories: threads on several CPUs map and unmap at full speed, each
 * logging what it did between which stamps.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "kmh.h"

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

/* A thread that cannot end keeps its memory, and the module with it. */
static void thread_destroy(struct kmh_history_task *t)
{
	if (kmh_history_ended(t) || !kmh_history_run.go) {
		kthread_stop(t->task);
		put_task_struct(t->task);
		return;
	}
	if (!kmh_history_died(t))
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

/* ---- one request ---- */

static void conclude(u32 outcome)
{
	WRITE_ONCE(kmh_history_run.frozen, 1);
	kmh_history_states();
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
	/*
	 * Before any thread spins: kprobe_optimizer() keeps all others from placing probes until every
	 * task has slept once (synchronize_rcu_tasks(), CONFIG_OPTPROBES with PREEMPTION, 5.10 to 7.3).
	 */
	journal->witness = !!(kmh_history_probes_arm(request->flags) & KMH_HISTORY_WITNESS);
	error = threads_create(requests, journal->n_threads);
	if (error) {
		kmh_history_probes_disarm();
		unpin(request);
		return error;
	}
	note_slots(slots_of(journal), &journal->cursor_before);
	start = jiffies;
	/* pairs with await_go() */
	smp_store_release(&kmh_history_run.go, 1);
	outcome = kmh_history_watch(request->limit_ms);
	journal->ms = jiffies_to_msecs(jiffies - start);
	conclude(outcome);
	return outcome;
}

/* The log is frozen: what the threads do on their way out is not of the history. */
static void finish(const struct kmh_history_request *request, u32 outcome)
{
	WRITE_ONCE(kmh_history_run.stop, 1);
	if (outcome == KMH_HISTORY_FINISHED || outcome == KMH_HISTORY_ASLEEP)
		unpin(request);
	if (outcome == KMH_HISTORY_ASLEEP)
		kmh_history_rescue();
	kmh_history_probes_disarm();
	threads_destroy();
	kmh_observe_resync();
}

static int check(const struct kmh_history_request *request, unsigned int count)
{
	if (lost || kmh_casualty)
		return -EIO;
	if (!count || count > KMH_HISTORY_THREADS || !request->pages || !request->yields ||
	    !request->holds || request->holds > KMH_HISTORY_HOLDS || request->pins >= LAST_PKMAP)
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
