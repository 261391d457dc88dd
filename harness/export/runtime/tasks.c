static void hm_execute(struct hm_task *t, const struct hm_op *op)
{
	op->fn(t, op);
	hm_look(t, op);
}

static int hm_thread(void *data)
{
	struct hm_task *t = data;

	/* Both loads pair with the stores of who sends an operation, or the end. */
	while (!smp_load_acquire(&t->stop)) {
		/* The operation is complete before the word that it is there. */
		if (smp_load_acquire(&t->work)) {
			WRITE_ONCE(t->work, false);
			hm_execute(t, &t->op);
			complete(&t->done);
		} else if (t->sections) {
			cpu_relax();
		} else {
			set_current_state(TASK_INTERRUPTIBLE);
			if (!READ_ONCE(t->work) && !READ_ONCE(t->stop))
				schedule();
			__set_current_state(TASK_RUNNING);
		}
	}
	complete(&t->done);
	return 0;
}

/* A task on @cpu, or on any if that is negative; the machine may lack the CPU. */
static void hm_add_task(struct hm_case *c, int cpu)
{
	struct hm_task *t = &c->tasks[min_t(unsigned int, c->n_tasks, HM_TASKS - 1)];

	c->n_tasks++;
	t->c = c;
	t->cpu = cpu < 0 ? 0 : cpu;
	init_completion(&t->done);
	hm_lacks(c, t->cpu < nr_cpu_ids && cpu_online(t->cpu) && c->n_tasks <= HM_TASKS,
		 "a CPU for each task");
}

/* Start what the case declares; true if it cannot run here.  One task is the caller itself. */
static bool hm_cannot_start(struct hm_case *c)
{
	struct task_struct *thread;
	unsigned int i;

	if (c->lacks || c->n_tasks == 1) {
		set_cpus_allowed_ptr(current, cpumask_of(c->lacks ? 0 : c->tasks[0].cpu));
		return c->lacks;
	}
	for (i = 0; i < c->n_tasks; i++) {
		thread = kthread_create(hm_thread, &c->tasks[i], "hm/%u", i);
		if (hm_lacks(c, !IS_ERR(thread), "memory for a task"))
			return true;
		c->tasks[i].thread = thread;
		kthread_bind(thread, c->tasks[i].cpu);
		wake_up_process(thread);
	}
	c->away = nr_cpu_ids;
	return false;
}

/* Let @t have its CPU for itself: it may spin there. */
static void hm_leave_cpu(struct hm_case *c, const struct hm_task *t)
{
	unsigned int other = cpumask_any_but(cpu_online_mask, t->cpu);

	if (c->away != t->cpu && c->away != nr_cpu_ids)
		return;
	if (other >= nr_cpu_ids)
		return;
	c->away = other;
	set_cpus_allowed_ptr(current, cpumask_of(other));
}

/* Whether the operation before has ended, which another task may have had to make possible. */
static bool hm_has_ended(struct hm_task *t)
{
	if (!t->pending)
		return true;
	t->pending = !wait_for_completion_timeout(&t->done, HM_PATIENCE);
	if (!t->pending)
		return true;
	hm_fail(t->c, t->op.words, "it still waits, and nobody has woken it");
	t->c->stuck = true;
	t->c->over = true;
	return false;
}

static void hm_send(struct hm_task *t, const struct hm_op *op)
{
	struct hm_case *c = t->c;

	if (!hm_has_ended(t))
		return;
	hm_leave_cpu(c, t);
	t->op = *op;
	t->pending = true;
	/* Pairs with the load in hm_thread(). */
	smp_store_release(&t->work, true);
	wake_up_process(t->thread);
	if (!op->blocks) {
		hm_has_ended(t);
		return;
	}
	t->pending = !wait_for_completion_timeout(&t->done, HZ / 10 + 1);
	if (!t->pending)
		hm_fail(c, op->words, "it has not waited");
}

/* Let the task do its next operation. */
static void hm_do(struct hm_task *t, const struct hm_op *op)
{
	struct hm_case *c = t->c;

	if (c->over)
		return;
	if (!c->interrupted)
		c->step++;
	if (c->interrupted || !t->thread)
		hm_execute(t, op);
	else
		hm_send(t, op);
}

static void hm_stop_tasks(struct hm_case *c)
{
	unsigned int i;

	for (i = 0; i < min_t(unsigned int, c->n_tasks, HM_TASKS); i++) {
		struct hm_task *t = &c->tasks[i];

		if (!t->thread || !hm_has_ended(t))
			continue;
		/* Pairs with the load in hm_thread(). */
		smp_store_release(&t->stop, true);
		wake_up_process(t->thread);
		wait_for_completion(&t->done);
	}
}
