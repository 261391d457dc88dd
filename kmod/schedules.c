// SPDX-License-Identifier: GPL-2.0-only
/*
 * One request for schedules: the coordinator (the process that wrote it) runs one after the
 * other, and puts the state back after each.
 */
#define pr_fmt(fmt) "kmap-harness: " fmt

#include <linux/kthread.h>
#include <linux/module.h>

#include "kmh_schedule.h"

static bool thread_lost;	/* a thread did not end and may still write to the run */

void kmh_schedules_exit(void)
{
	if (!thread_lost)
		kmh_schedule_log_free();
}

/* ---- a request ---- */

static void note_stuck(struct kmh_schedules *head)
{
	unsigned int i;

	for (i = 0; i < kmh_schedule.n_tasks; i++) {
		const struct kmh_schedule_task *t = &kmh_schedule.tasks[i];

		head->stuck[i] = t->gate | t->kind << 16 | READ_ONCE(t->state) << 24;
	}
}

static struct {
	unsigned int n;
	struct kmh_gate_event events[KMH_SCHEDULE_EVENTS];
} first_events;

/* Whether a replay did what the first one did. */
static bool same_events(u32 number)
{
	const struct kmh_schedule_run *run = &kmh_schedule;
	size_t length = run->n_events * sizeof(run->events[0]);

	if (!number) {
		first_events.n = run->n_events;
		memcpy(first_events.events, run->events, length);
	}
	return first_events.n == run->n_events &&
	       !memcmp(first_events.events, run->events, length);
}

/* Run a schedule.  Return: enum kmh_schedules_status, or 0 if the search may go on. */
static u32 one_schedule(struct kmh_schedules *head)
{
	u32 outcome = kmh_schedule_once();
	bool room;

	if (outcome == KMH_HISTORY_STUCK) {
		note_stuck(head);
		thread_lost = !kmh_schedule_rescue(outcome);
		return KMH_SCHEDULES_STUCK;
	}
	room = kmh_schedule_log_add(head->schedules, outcome);
	head->departed += !same_events(head->schedules);
	head->events += kmh_schedule.n_events;
	head->schedules++;
	/* Whoever waits for a lock of the one that died, or of each other, does so for ever. */
	thread_lost = outcome == KMH_HISTORY_DIED || outcome == KMH_HISTORY_DEADLOCK ||
		      !kmh_schedule_rescue(outcome);
	if (thread_lost)
		return KMH_SCHEDULES_STUCK;
	if (!kmh_schedule_can_undo()) {
		kmh_casualty = true;
		return KMH_SCHEDULES_STATE;
	}
	if (!kmh_schedule_undo())
		return KMH_SCHEDULES_STATE;
	if (kmh_schedule.too_long)
		return KMH_SCHEDULES_LONG;
	if (kmh_schedule.departed)
		return KMH_SCHEDULES_DEPARTED;
	return room ? 0 : KMH_SCHEDULES_MORE;
}

static void search(struct kmh_schedules *head)
{
	const struct kmh_schedules_request *request = kmh_schedule.request;
	bool random = request->flags & KMH_SCHEDULE_RANDOM, more = true;
	bool replay = request->flags & KMH_SCHEDULE_REPLAY;
	unsigned long start = jiffies;
	unsigned long end = start + msecs_to_jiffies(request->limit_ms);

	while (more && !head->status) {
		if (random)
			kmh_pct_begin(request, head->schedules);
		head->status = one_schedule(head);
		more = replay || random || kmh_schedule_next();
		if (!head->status && more &&
		    (head->schedules >= request->limit || time_after(jiffies, end)))
			head->status = KMH_SCHEDULES_MORE;
	}
	if (!more && (!head->status || head->status == KMH_SCHEDULES_MORE))
		head->status = KMH_SCHEDULES_COMPLETE;
	head->n_decisions = more ? kmh_schedule.n_plan : 0;
	head->longest = kmh_pct_longest();
	head->ms = jiffies_to_msecs(jiffies - start);
}

static int check_request(const struct kmh_schedules_request *request, size_t length)
{
	size_t wanted = sizeof(*request) + request->n_gates * sizeof(struct kmh_gate) +
		request->n_decisions * sizeof(struct kmh_decision) +
		request->n_threads * sizeof(struct kmh_schedule_thread);

	if (thread_lost || kmh_casualty)
		return -EIO;
	if (length != wanted || !request->n_threads || !request->pages || !request->limit ||
	    request->n_threads > KMH_SCHEDULE_THREADS ||
	    request->n_gates > KMH_SCHEDULE_GATES || request->pages > KMH_SCHEDULE_PAGES ||
	    request->n_decisions > KMH_SCHEDULE_DECISIONS || request->cursor >= LAST_PKMAP ||
	    request->coordinator >= nr_cpu_ids || !cpu_online(request->coordinator))
		return -EINVAL;
	if (request->flags & KMH_SCHEDULE_RANDOM &&
	    (!request->length || !request->depth || request->depth > KMH_SCHEDULE_DEPTH))
		return -EINVAL;
	if (request->first_page + request->pages > kmh_n_pages ||
	    request->first_pin + request->pins > kmh_n_pages)
		return -EINVAL;
	if (!kmh_symbols.last_pkmap_nr || !kmh_symbols.pkmap_count ||
	    !kmh_symbols.pkmap_map_wait)
		return -EOPNOTSUPP;
	return kmh_schedule_log_init();
}

/* Return: the programs, which come last in the request. */
static const struct kmh_schedule_thread *
begin_run(const struct kmh_schedules_request *request, const struct kmh_gate **gates)
{
	const struct kmh_decision *decisions;

	*gates = (const struct kmh_gate *)(request + 1);
	decisions = (const struct kmh_decision *)(*gates + request->n_gates);
	memset(&kmh_schedule, 0, sizeof(kmh_schedule));
	kmh_schedule.request = request;
	kmh_schedule.open = 1;
	kmh_schedule.execute = kmh_schedule_execute;
	kmh_schedule.n_plan = request->n_decisions;
	memcpy(kmh_schedule.plan, decisions, request->n_decisions * sizeof(*decisions));
	kmh_schedule_log_begin();
	return (const struct kmh_schedule_thread *)(decisions + request->n_decisions);
}

static int run_request(const struct kmh_schedules_request *request, struct kmh_schedules *head)
{
	const struct kmh_gate *gates;
	int error = kmh_schedule_threads_start(begin_run(request, &gates), request->n_threads);

	if (!error)
		error = kmh_schedule_state_begin();
	if (!error)
		error = kmh_gates_arm(gates, request->n_gates);
	if (!error) {
		search(head);
		/* No CPU can be stopped where one waits for a lock with interrupts off. */
		if (!thread_lost) {
			kmh_arch_gates_disarm();
			kmh_interrupt_end();
		}
	}
	if (thread_lost) {
		__module_get(THIS_MODULE);
		kmh_casualty = true;
		return error;
	}
	if (kmh_schedule.n_tasks && !kmh_casualty)
		kmh_schedule_state_end();
	kmh_schedule_threads_stop();
	kmh_shadow_resync();
	return error;
}

/* The coordinator must not have the CPU of a thread. */
static int on_own_cpu(const struct kmh_schedules_request *request, struct kmh_schedules *head)
{
	cpumask_var_t before;
	int error;

	if (!alloc_cpumask_var(&before, GFP_KERNEL))
		return -ENOMEM;
	cpumask_copy(before, current->cpus_ptr);
	error = set_cpus_allowed_ptr(current, cpumask_of(request->coordinator));
	if (!error)
		error = run_request(request, head);
	set_cpus_allowed_ptr(current, before);
	free_cpumask_var(before);
	return error;
}

/**
 * kmh_schedules() - run the schedules of a program
 * @data: a struct kmh_schedules_request and its tables
 * @length: size of @data in bytes
 * @body: set to the answer
 *
 * Return: the size of the answer in bytes, or a negative errno.
 */
int kmh_schedules(const void *data, size_t length, const void **body)
{
	const struct kmh_schedules_request *request = data;
	struct kmh_schedules head = { .last_pkmap = LAST_PKMAP };
	int error;

	kmh_assert_request();
	if (length < sizeof(*request))
		return -EINVAL;
	error = check_request(request, length);
	if (error)
		return error;
	head.cursor = request->cursor;
	error = on_own_cpu(request, &head);
	return error ?: kmh_schedule_log_answer(&head, body);
}
