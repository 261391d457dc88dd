/* Run a case, and say all that has failed in it. */
static void hm_test(struct kunit *test, const char *name, void (*fn)(struct hm_case *c))
{
	struct hm_case *c = hm_run(name, fn);
	const char *lacks = c ? c->lacks : "memory";
	unsigned int i;

	for (i = 0; c && i < c->n_failures; i++)
		KUNIT_FAIL(test, "%s: %s", name, c->failures[i]);
	if (c)
		hm_free(c);
	if (lacks)
		kunit_skip(test, "it needs %s", lacks);
}
