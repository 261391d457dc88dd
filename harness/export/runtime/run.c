static void hm_free(struct hm_case *c)
{
	/* A task that never came back still uses all of it. */
	if (c->stuck)
		return;
	while (c->n_kept) {
		c->n_kept--;
		__free_pages(c->kept[c->n_kept], compound_order(c->kept[c->n_kept]));
	}
	free_page((unsigned long)c->attributes);
	vfree(c->bytes);
	vfree(c->failures);
	vfree(c->kept);
	vfree(c->registers);
	vfree(c->pages);
	vfree(c);
}

static struct hm_case *hm_new(const char *name)
{
	struct hm_case *c = vzalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->name = name;
	c->pages = vzalloc(array_size(HM_REGISTERS, sizeof(*c->pages)));
	c->registers = vzalloc(array_size(HM_REGISTERS, sizeof(*c->registers)));
	c->kept = vzalloc(array_size(HM_REGISTERS, sizeof(*c->kept)));
	c->failures = vzalloc(array_size(HM_FAILURES, HM_WORDS));
	c->bytes = vzalloc(array_size(HM_REGISTERS / 2, PAGE_SIZE));
	c->attributes = (void *)__get_free_page(GFP_KERNEL);
	if (c->pages && c->registers && c->kept && c->failures && c->bytes && c->attributes)
		return c;
	hm_free(c);
	return NULL;
}

/* Run a case; what has failed and what the kernel lacks stands in it.  NULL: no memory. */
static struct hm_case *hm_run(const char *name, void (*fn)(struct hm_case *c))
{
	struct hm_case *c = hm_new(name);
	unsigned int i;

	if (!c)
		return NULL;
	fn(c);
	hm_stop_tasks(c);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	for (i = 0; i < c->n_pages && !c->stuck; i++)
		hm_check_page(c, &c->pages[i]);
	return c;
}
