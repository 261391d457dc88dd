/* The page behind an operation's address, and the offset in it; NULL if that is not certain. */
static struct hm_page *hm_behind(struct hm_task *t, const struct hm_op *op, long *offset)
{
	struct hm_register *reg = &t->c->registers[op->reg];

	if (!op->is_register) {
		*offset = op->offset;
		return op->page;
	}
	*offset = op->offset + offset_in_page(reg->addr);
	return hm_is_live(t, reg) ? reg->page : NULL;
}

static char *hm_address(struct hm_task *t, const struct hm_op *op)
{
	if (op->is_register)
		return t->c->registers[op->reg].addr + op->offset;
	return op->addr + op->offset;
}

static void hm_check_fault(struct hm_task *t, const struct hm_op *op, bool faulted, bool certain)
{
	if (op->faults && !faulted)
		hm_fail(t->c, op->words, "it does not fault");
	if (!op->faults && faulted && certain)
		hm_fail(t->c, op->words, "it faults");
}

static bool hm_inside(const struct hm_page *page, long offset)
{
	return page && offset >= 0 && offset + sizeof(u32) <= PAGE_SIZE;
}

static void hm_op_read(struct hm_task *t, const struct hm_op *op)
{
	long offset;
	struct hm_page *page = hm_behind(t, op, &offset);
	bool certain = hm_inside(page, offset);
	bool faulted = !hm_load(hm_address(t, op), &t->seen.value);

	hm_check_fault(t, op, faulted, certain);
	if (certain && !faulted && t->seen.value != hm_word(page, offset))
		hm_fail(t->c, op->words, "%#x, not %#x", t->seen.value, hm_word(page, offset));
}

/* Nothing is written through an address that may map a page of somebody else. */
static void hm_op_write(struct hm_task *t, const struct hm_op *op)
{
	long offset;
	struct hm_page *page = hm_behind(t, op, &offset);
	bool certain = hm_inside(page, offset);
	bool faulted;

	if (!certain && !op->faults)
		return;
	faulted = !hm_store(hm_address(t, op), op->value);
	hm_check_fault(t, op, faulted, certain);
	if (certain && !faulted)
		memcpy(page->bytes + offset, &op->value, sizeof(op->value));
}

static void hm_op_page_address(struct hm_task *t, const struct hm_op *op)
{
	char *addr = page_address(op->page->page);

	t->seen.value = (unsigned long)addr;
	if (op->page->users && addr != op->page->kaddr)
		hm_fail(t->c, op->words, "%#lx, and the page is at %#lx", hm_at(addr),
			hm_at(op->page->kaddr));
}

/*
 * Kernels before kmap_local do not know the addresses of a window; later ones, up to 7.3, do not
 * know its first entry, unless that is a guard.
 */
static bool hm_to_page_knows(const char *addr)
{
	unsigned long first = __fix_to_virt(FIX_KMAP_BEGIN);

	if (!hm_in_window(addr))
		return true;
	if (!IS_ENABLED(CONFIG_KMAP_LOCAL))
		return false;
	return IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL) || (unsigned long)addr < first;
}

static void hm_op_kmap_to_page(struct hm_task *t, const struct hm_op *op)
{
	long offset;
	struct hm_page *page = hm_behind(t, op, &offset);
	char *addr = hm_address(t, op);
	struct page *found = kmap_to_page(addr);

	if (!page || offset < 0 || offset >= PAGE_SIZE || !hm_to_page_knows(addr))
		return;
	if (found != page->page)
		hm_fail(t->c, op->words, "it is page frame %#lx, not %#lx", page_to_pfn(found),
			page_to_pfn(page->page));
}

static void hm_op_invlpg(struct hm_task *t, const struct hm_op *op)
{
	asm volatile("invlpg (%0)" : : "r" (hm_address(t, op)) : "memory");
}
