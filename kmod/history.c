// SPDX-License-Identifier: GPL-2.0-only
/*
 * Concurrent histories: threads on several CPUs map and unmap at full speed, and each logs
 * what it did between which stamps.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>

#include "kmh_history.h"

static bool thread_lost;	/* a thread did not end and may still write to the log */

void kmh_history_exit(void)
{
	if (!thread_lost)
		kmh_history_log_free();
}

/* ---- pages ---- */

/* Write the page's number into its first word, and zeros into the others. */
static void tag_page(u16 id)
{
	u32 *words = kmap_atomic(kmh_page(id));

	memset(words, 0, PAGE_SIZE);
	words[0] = KMH_HISTORY_TAG + id;
	kunmap_atomic(words);
}

static void pin_pages(const struct kmh_history_request *request)
{
	unsigned int i;

	for (i = 0; i < request->pages; i++)
		tag_page(request->first_page + i);
	for (i = 0; i < request->pins; i++) {
		tag_page(request->first_pin + i);
		kmap(kmh_page(request->first_pin + i));
	}
}

static void unpin_pages(const struct kmh_history_request *request)
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
	t->shared = kmh_history_log_thread(id);
	t->shared->cpu = cpu;
	t->records = kmh_history_log_records(id);
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
	thread_lost = true;
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
	kmh_history_log_after(outcome);
}

static int run_history(const struct kmh_history_request *request,
		       const struct kmh_task_request *requests)
{
	unsigned long start;
	u32 outcome;
	int error;
	u8 armed;

	pin_pages(request);
	/*
	 * Before any thread spins: kprobe_optimizer() lets nobody place probes until every task
	 * has slept once (synchronize_rcu_tasks(), CONFIG_OPTPROBES with PREEMPTION, 5.10 to 7.3).
	 */
	armed = kmh_history_probes_arm(request->flags);
	kmh_history_run.log->witness = !!(armed & KMH_HISTORY_WITNESS);
	error = threads_create(requests, kmh_history_run.log->n_threads);
	if (error) {
		kmh_history_probes_disarm();
		unpin_pages(request);
		return error;
	}
	kmh_history_log_before();
	start = jiffies;
	/* pairs with await_go() */
	smp_store_release(&kmh_history_run.go, 1);
	outcome = kmh_history_watch(request->limit_ms);
	kmh_history_run.log->ms = jiffies_to_msecs(jiffies - start);
	conclude(outcome);
	return outcome;
}

/* The log is frozen: what the threads do on their way out is not part of the history. */
static void finish_history(const struct kmh_history_request *request, u32 outcome)
{
	WRITE_ONCE(kmh_history_run.stop, 1);
	if (outcome == KMH_HISTORY_FINISHED || outcome == KMH_HISTORY_ASLEEP)
		unpin_pages(request);
	if (outcome == KMH_HISTORY_ASLEEP)
		kmh_history_rescue();
	kmh_history_probes_disarm();
	threads_destroy();
	kmh_shadow_resync();
}

static int check_request(const struct kmh_history_request *request, unsigned int count)
{
	if (thread_lost || kmh_casualty)
		return -EIO;
	if (!count || count > KMH_HISTORY_THREADS || !request->pages || !request->yields ||
	    !request->holds || request->holds > KMH_HISTORY_HOLDS || request->pins >= LAST_PKMAP)
		return -EINVAL;
	if (request->first_page + request->pages > kmh_n_pages ||
	    request->first_pin + request->pins > kmh_n_pages)
		return -EINVAL;
	if (request->operations > KMH_HISTORY_RECORDS / count)
		return -E2BIG;
	return kmh_history_log_init();
}

/**
 * kmh_history() - run one concurrent history
 * @data: a struct kmh_history_request, and a struct kmh_task_request for each thread
 * @length: size of @data in bytes
 * @body: set to the log
 *
 * Return: the size of the log in bytes, or a negative errno.
 */
int kmh_history(const void *data, size_t length, const void **body)
{
	const struct kmh_history_request *request = data;
	unsigned int count;
	int outcome, error;

	kmh_assert_request();
	if (length < sizeof(*request))
		return -EINVAL;
	count = (length - sizeof(*request)) / sizeof(struct kmh_task_request);
	error = check_request(request, count);
	if (error)
		return error;
	kmh_history_log_begin(request, count);
	outcome = run_history(request, (const struct kmh_task_request *)(request + 1));
	if (outcome < 0)
		return outcome;
	finish_history(request, outcome);
	*body = kmh_history_run.log;
	return kmh_history_log_length();
}
