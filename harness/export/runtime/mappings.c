static void hm_mapped(struct hm_task *t, const struct hm_op *op, void *addr, pgprot_t prot)
{
	struct hm_register *reg = &t->c->registers[op->reg];
	bool direct = !PageHighMem(op->page->page) && addr == page_address(op->page->page);

	*reg = (struct hm_register) {
		.addr = addr,
		.page = op->page,
		.owner = t,
		.prot = prot,
		.live = true,
	};
	t->seen.value = (unsigned long)addr;
	if (direct)
		return;
	if (!hm_in_window(addr))
		hm_fail(t->c, op->words, "%#lx is no address of a window", hm_at(addr));
	else if (t->depth < HM_NESTED)
		t->nested[t->depth++] = reg;
}

/* The newest mapping in the page of @addr ends. */
static char *hm_unmapped(struct hm_task *t, const struct hm_op *op)
{
	struct hm_register *reg = &t->c->registers[op->reg];
	char *addr = op->is_register ? reg->addr + op->offset : op->addr + op->offset;
	unsigned int i = t->depth;

	while (i-- > 0) {
		if (((unsigned long)t->nested[i]->addr ^ (unsigned long)addr) & PAGE_MASK)
			continue;
		t->nested[i]->live = false;
		for (t->depth--; i < t->depth; i++)
			t->nested[i] = t->nested[i + 1];
		break;
	}
	return addr;
}

static void hm_op_kmap(struct hm_task *t, const struct hm_op *op)
{
	struct hm_register *reg = &t->c->registers[op->reg];
	struct hm_page *page = op->page;
	char *addr = kmap(page->page);

	*reg = (struct hm_register) { .addr = addr, .page = page, .prot = kmap_prot };
	t->seen.value = (unsigned long)addr;
	if (!PageHighMem(page->page)) {
		if (addr != page_address(page->page))
			hm_fail(t->c, op->words, "%#lx is not the page's own address",
				hm_at(addr));
		return;
	}
	if (page->users++ && addr != page->kaddr)
		hm_fail(t->c, op->words, "%#lx, and the page is at %#lx", hm_at(addr),
			hm_at(page->kaddr));
	page->kaddr = addr;
	if (!hm_in_pkmap(addr))
		hm_fail(t->c, op->words, "%#lx is no address of kmap()", hm_at(addr));
	if (page_address(page->page) != addr)
		hm_fail(t->c, op->words, "page_address() is %#lx, not %#lx",
			hm_at(page_address(page->page)), hm_at(addr));
	hm_check_mapping(t->c, op->words, page, addr, kmap_prot);
}

static void hm_op_kunmap(struct hm_task *t, const struct hm_op *op)
{
	struct hm_page *page = op->page;

	if (PageHighMem(page->page))
		page->users--;
	kunmap(page->page);
	if (page->users)
		hm_check_mapping(t->c, op->words, page, page->kaddr, kmap_prot);
}

static void hm_op_kmap_atomic(struct hm_task *t, const struct hm_op *op)
{
	t->sections++;
	hm_mapped(t, op, kmap_atomic(op->page->page), kmap_prot);
}

static void hm_op_kmap_atomic_prot(struct hm_task *t, const struct hm_op *op)
{
	t->sections++;
	hm_mapped(t, op, kmap_atomic_prot(op->page->page, op->prot), op->prot);
}

static void hm_op_kmap_atomic_pfn(struct hm_task *t, const struct hm_op *op)
{
	t->sections++;
	hm_mapped(t, op, kmap_atomic_pfn(page_to_pfn(op->page->page)), kmap_prot);
}

static void hm_op_kunmap_atomic(struct hm_task *t, const struct hm_op *op)
{
	void *addr = hm_unmapped(t, op);

	kunmap_atomic(addr);
	t->sections--;
}

static void hm_op_kmap_local_page(struct hm_task *t, const struct hm_op *op)
{
	hm_mapped(t, op, kmap_local_page(op->page->page), kmap_prot);
}

static void hm_op_kmap_local_page_prot(struct hm_task *t, const struct hm_op *op)
{
	hm_mapped(t, op, kmap_local_page_prot(op->page->page, op->prot), op->prot);
}

static void hm_op_kmap_local_pfn(struct hm_task *t, const struct hm_op *op)
{
	hm_mapped(t, op, kmap_local_pfn(page_to_pfn(op->page->page)), kmap_prot);
}

static void hm_op_kmap_local_folio(struct hm_task *t, const struct hm_op *op)
{
	struct hm_op page = *op;
	char *addr = kmap_local_folio(page_folio(op->page->page), op->first);

	page.page = hm_head(t->c, op->page) + op->first / PAGE_SIZE;
	if (offset_in_page(addr) != offset_in_page(op->first))
		hm_fail(t->c, op->words, "%#lx is not at offset %u", hm_at(addr), op->first);
	hm_mapped(t, &page, (void *)((unsigned long)addr & PAGE_MASK), kmap_prot);
	t->c->registers[op->reg].addr = addr;
}

static void hm_op_kunmap_local(struct hm_task *t, const struct hm_op *op)
{
	void *addr = hm_unmapped(t, op);

	kunmap_local(addr);
}

/* Without PAT the kernel has one way only of not caching; which one it takes is its affair. */
static void hm_op_iomap(struct hm_task *t, const struct hm_op *op)
{
	void __iomem *addr = __iomap_local_pfn_prot(page_to_pfn(op->page->page), op->prot);
	pteval_t cache = pte_flags(hm_pte((void __force *)addr)) & _PAGE_CACHE_MASK;
	pgprot_t prot = __pgprot((pgprot_val(op->prot) & ~_PAGE_CACHE_MASK) | cache);

	if (!cache && pgprot_val(op->prot) & _PAGE_CACHE_MASK)
		hm_fail(t->c, op->words, "it is cached");
	hm_mapped(t, op, (void __force *)addr, prot);
}

static void hm_op_iounmap(struct hm_task *t, const struct hm_op *op)
{
	void *addr = hm_unmapped(t, op);

	kunmap_local(addr);
}
