static __printf(3, 4) void hm_fail(struct hm_case *c, const char *words, const char *fmt, ...)
{
	char *line;
	va_list args;
	int n;

	if (c->n_failures >= HM_FAILURES)
		return;
	line = c->failures[c->n_failures++];
	n = scnprintf(line, HM_WORDS, "step %u, %s: ", c->step, words);
	va_start(args, fmt);
	vscnprintf(line + n, HM_WORDS - n, fmt, args);
	va_end(args);
}

static void hm_want(struct hm_task *t, const char *words, const char *field, size_t offset,
		    int wanted)
{
	int seen = *(const int *)((const char *)&t->seen + offset);

	if (!t->c->over && !t->pending && seen != wanted)
		hm_fail(t->c, words, "%s is %#x, not %#x", field, seen, wanted);
}

/* Whether the case ends here, because the kernel or the machine lacks something. */
static bool hm_lacks(struct hm_case *c, bool there, const char *what)
{
	if (!there && !c->lacks)
		c->lacks = what;
	return !there;
}

/* An address as messages have it. */
static unsigned long hm_at(const void *addr)
{
	return (unsigned long)addr;
}
