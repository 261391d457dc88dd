/* Whether the address that register @reg holds maps its page for task @t. */
static bool hm_is_live(const struct hm_task *t, const struct hm_register *reg)
{
	if (!reg->page)
		return false;
	if (!PageHighMem(reg->page->page) && reg->addr == page_address(reg->page->page))
		return true;
	if (!reg->owner)
		return reg->page->users && reg->page->kaddr == reg->addr;
	return reg->live && reg->owner == t;
}

/* A mapping that is in use translates to its page, with its protection, and shows its bytes. */
static void hm_check_mapping(struct hm_case *c, const char *words, const struct hm_page *page,
			     const char *addr, pgprot_t prot)
{
	pteval_t checked = _PAGE_RW | _PAGE_CACHE_MASK;
	pte_t entry = hm_pte(addr);
	u32 word = 0;

	addr = (const char *)((unsigned long)addr & PAGE_MASK);
	if (!hm_in_pkmap(addr) && !hm_in_window(addr))
		return;
	if (!pte_present(entry))
		hm_fail(c, words, "the entry of %#lx is not present", hm_at(addr));
	else if (pte_pfn(entry) != page_to_pfn(page->page))
		hm_fail(c, words, "%#lx maps page frame %#lx, not %#lx", hm_at(addr),
			(unsigned long)pte_pfn(entry), page_to_pfn(page->page));
	else if ((pte_flags(entry) ^ pgprot_val(prot)) & checked)
		hm_fail(c, words, "the entry of %#lx has flags %#lx, not %#lx",
			hm_at(addr), (unsigned long)pte_flags(entry),
			(unsigned long)pgprot_val(prot));
	else if (!hm_load(addr, &word))
		hm_fail(c, words, "a load from %#lx faults", hm_at(addr));
	else if (word != hm_word(page, 0))
		hm_fail(c, words, "%#lx shows %#x, not %#x", hm_at(addr), word,
			hm_word(page, 0));
}

/* All pages that kmap() has mapped, if they are few; else now and then. */
static void hm_check_pkmap(struct hm_case *c, const char *words)
{
	unsigned int i;

	if (c->n_pages > 16 && c->step % 64)
		return;
	for (i = 0; i < c->n_pages; i++)
		if (c->pages[i].users)
			hm_check_mapping(c, words, &c->pages[i], c->pages[i].kaddr, kmap_prot);
}

static int hm_depth(void)
{
#ifdef CONFIG_KMAP_LOCAL
	return current->kmap_ctrl.idx;
#else
	return this_cpu_read(__kmap_atomic_idx);
#endif
}

static int hm_window_entry(const char *addr)
{
	unsigned long entry = __virt_to_fix((unsigned long)addr) - FIX_KMAP_BEGIN;

	return hm_in_window(addr) ? entry - HM_WINDOW * raw_smp_processor_id() : -1;
}

/* What the task sees after its operation; everything that it has mapped must still be there. */
static void hm_look(struct hm_task *t, const struct hm_op *op)
{
	struct hm_register *reg = &t->c->registers[op->reg];
	const char *addr = op->addr ?: reg->addr;
	unsigned int i;

	t->seen.depth = hm_depth();
	t->seen.preempt = preempt_count() & PREEMPT_MASK;
	t->seen.pagefault = current->pagefault_disabled;
	t->seen.cpu = raw_smp_processor_id();
	t->seen.window = addr ? hm_window_entry(addr) : -1;
	t->seen.present = addr && pte_present(hm_pte(addr));
	for (i = 0; i < t->depth; i++)
		hm_check_mapping(t->c, op->words, t->nested[i]->page, t->nested[i]->addr,
				 t->nested[i]->prot);
	hm_check_pkmap(t->c, op->words);
}
