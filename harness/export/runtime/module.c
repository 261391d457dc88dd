/* Run a case, and say all that has failed in it; 1 if anything has. */
static int hm_test(const char *name, void (*fn)(struct hm_case *c))
{
	struct hm_case *c = hm_run(name, fn);
	const char *lacks = c ? c->lacks : "memory";
	unsigned int i;
	int failed = c && c->n_failures;

	for (i = 0; c && i < c->n_failures; i++)
		pr_err("FAIL %s: %s\n", name, c->failures[i]);
	if (lacks)
		pr_info("SKIP %s: it needs %s\n", name, lacks);
	else if (!failed)
		pr_info("PASS %s\n", name);
	if (c)
		hm_free(c);
	return failed;
}
