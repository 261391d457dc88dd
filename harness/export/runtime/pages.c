static bool hm_suits(enum hm_kind kind, struct page *page, struct page *before)
{
	if (kind == HM_LOW)
		return !PageHighMem(page);
	if (!PageHighMem(page))
		return false;
	return kind != HM_COLLIDING || !before ||
	       hash_ptr(page, HM_HASH_ORDER) == hash_ptr(before, HM_HASH_ORDER);
}

/* A page of @kind; whatever was tried on the way is freed at the end, too. */
static struct page *hm_take(struct hm_case *c, enum hm_kind kind, struct page *before)
{
	gfp_t flags = kind == HM_LOW ? GFP_KERNEL : GFP_HIGHUSER;
	unsigned int order = kind == HM_FOLIO ? HM_ORDER : 0;
	struct page *page;

	while (c->n_kept < HM_REGISTERS) {
		page = alloc_pages(order ? flags | __GFP_COMP : flags, order);
		if (!page)
			return NULL;
		c->kept[c->n_kept++] = page;
		if (hm_suits(kind, page, before))
			return page;
	}
	return NULL;
}

static void hm_add_page(struct hm_case *c, enum hm_kind kind, struct page *page)
{
	struct hm_page *new = &c->pages[c->n_pages];

	*new = (struct hm_page) {
		.page = page,
		.bytes = c->bytes + c->n_pages * PAGE_SIZE,
		.kind = kind,
	};
	c->n_pages++;
	c->count[kind]++;
	hm_fill_page(new);
}

/* Whether the pages cannot be had: this machine has no such memory. */
static bool hm_lacks_pages(struct hm_case *c, enum hm_kind kind, unsigned int count)
{
	struct page *page = NULL, *before = NULL;
	unsigned int i, at_once = kind == HM_FOLIO ? 1 << HM_ORDER : 1;

	c->first[kind] = c->n_pages;
	for (i = 0; i < count; i++) {
		if (i % at_once == 0)
			page = hm_take(c, kind, before);
		if (hm_lacks(c, page && c->n_pages < HM_REGISTERS / 2, "pages of this kind"))
			return true;
		hm_add_page(c, kind, page + i % at_once);
		before = page;
	}
	return false;
}

/* Page @number of @kind. */
static struct hm_page *hm_page(struct hm_case *c, enum hm_kind kind, unsigned int number)
{
	if (number >= c->count[kind]) {
		hm_fail(c, "the test itself", "page %u of kind %d is not declared", number, kind);
		number = 0;
	}
	return &c->pages[c->first[kind] + number];
}

static struct hm_page *hm_high(struct hm_case *c, unsigned int number)
{
	return hm_page(c, HM_HIGH, number);
}

static struct hm_page *hm_low(struct hm_case *c, unsigned int number)
{
	return hm_page(c, HM_LOW, number);
}

static struct hm_page *hm_colliding(struct hm_case *c, unsigned int number)
{
	return hm_page(c, HM_COLLIDING, number);
}

static struct hm_page *hm_folio(struct hm_case *c, unsigned int number)
{
	return hm_page(c, HM_FOLIO, number);
}

/* The first page of a folio, from which offsets count. */
static struct hm_page *hm_head(struct hm_case *c, struct hm_page *page)
{
	struct hm_page *first = &c->pages[c->first[HM_FOLIO]];

	return page->kind == HM_FOLIO ? first + ((page - first) & ~3) : page;
}

static char *hm_direct(struct hm_page *page)
{
	return page_address(page->page);
}

static char *hm_fixmap(unsigned int entry)
{
	return (char *)__fix_to_virt(entry);
}

static char *hm_pkmap(unsigned int slot)
{
	return (char *)PKMAP_ADDR(slot);
}
