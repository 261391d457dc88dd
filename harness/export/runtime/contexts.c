static void hm_op_nop(struct hm_task *t, const struct hm_op *op)
{
}

static void hm_op_irq_off(struct hm_task *t, const struct hm_op *op)
{
	t->sections++;
	local_irq_disable();
}

static void hm_op_irq_on(struct hm_task *t, const struct hm_op *op)
{
	local_irq_enable();
	t->sections--;
}

static void hm_op_preempt_off(struct hm_task *t, const struct hm_op *op)
{
	t->sections++;
	preempt_disable();
}

static void hm_op_preempt_on(struct hm_task *t, const struct hm_op *op)
{
	preempt_enable();
	t->sections--;
}

static void hm_op_sleep(struct hm_task *t, const struct hm_op *op)
{
	usleep_range(op->value, op->value + 100);
}

static void hm_op_yield(struct hm_task *t, const struct hm_op *op)
{
	schedule();
}

static void hm_op_migrate(struct hm_task *t, const struct hm_op *op)
{
	set_cpus_allowed_ptr(current, cpumask_of(op->value));
	t->cpu = op->value;
}

/* A change of page attributes makes the kernel flush the unused mappings of kmap(). */
static void hm_op_flush_unused(struct hm_task *t, const struct hm_op *op)
{
	unsigned long addr = (unsigned long)t->c->attributes;

	set_memory_uc(addr, 1);
	set_memory_wb(addr, 1);
}

static void hm_in_hardirq(struct irq_work *work)
{
	struct hm_case *c = container_of(work, struct hm_case, work);

	c->block(c);
	/* Pairs with the load of the task that waits. */
	smp_store_release(&c->interrupted, false);
}

static void hm_in_softirq(struct tasklet_struct *tasklet)
{
	struct hm_case *c = container_of(tasklet, struct hm_case, tasklet);

	c->block(c);
	/* Pairs with the load of the task that waits. */
	smp_store_release(&c->interrupted, false);
}

static void hm_op_hardirq(struct hm_task *t, const struct hm_op *op)
{
	struct hm_case *c = t->c;

	c->work = IRQ_WORK_INIT_HARD(hm_in_hardirq);
	c->block = op->block;
	c->interrupted = true;
	irq_work_queue(&c->work);
	/* Pairs with the store at the end of the interrupt. */
	while (smp_load_acquire(&c->interrupted))
		cpu_relax();
}

static void hm_op_softirq(struct hm_task *t, const struct hm_op *op)
{
	struct hm_case *c = t->c;

	tasklet_setup(&c->tasklet, hm_in_softirq);
	c->block = op->block;
	c->interrupted = true;
	local_bh_disable();
	tasklet_schedule(&c->tasklet);
	local_bh_enable();
	/* Pairs with the store at the end of the interrupt. */
	while (smp_load_acquire(&c->interrupted))
		cpu_relax();
}
