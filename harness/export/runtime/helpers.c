/* Every helper does to the bytes what it has done to the page. */
static char *hm_buffer(struct hm_page *page, unsigned int offset)
{
	return (char *)page_address(page->page) + offset;
}

static u8 *hm_folio_bytes(struct hm_task *t, struct hm_page *page)
{
	return hm_head(t->c, page)->bytes;
}

static void hm_zero(u8 *bytes, unsigned int start, unsigned int end)
{
	if (end > start)
		memset(bytes + start, 0, end - start);
}

static void hm_op_clear_highpage(struct hm_task *t, const struct hm_op *op)
{
	clear_highpage(op->page->page);
	hm_zero(op->page->bytes, 0, PAGE_SIZE);
}

static void hm_op_clear_user_highpage(struct hm_task *t, const struct hm_op *op)
{
	clear_user_highpage(op->page->page, 0);
	hm_zero(op->page->bytes, 0, PAGE_SIZE);
}

static void hm_op_copy_highpage(struct hm_task *t, const struct hm_op *op)
{
	copy_highpage(op->page->page, op->other->page);
	memcpy(op->page->bytes, op->other->bytes, PAGE_SIZE);
}

static void hm_op_copy_user_highpage(struct hm_task *t, const struct hm_op *op)
{
	copy_user_highpage(op->page->page, op->other->page, 0, NULL);
	memcpy(op->page->bytes, op->other->bytes, PAGE_SIZE);
}

static void hm_op_memcpy_page(struct hm_task *t, const struct hm_op *op)
{
	memcpy_page(op->page->page, op->first, op->other->page, op->second, op->length);
	memcpy(op->page->bytes + op->first, op->other->bytes + op->second, op->length);
}

static void hm_op_memset_page(struct hm_task *t, const struct hm_op *op)
{
	memset_page(op->page->page, op->first, op->byte, op->length);
	memset(op->page->bytes + op->first, op->byte, op->length);
}

static void hm_op_memzero_page(struct hm_task *t, const struct hm_op *op)
{
	memzero_page(op->page->page, op->first, op->length);
	hm_zero(op->page->bytes, op->first, op->first + op->length);
}

static void hm_op_memcpy_from_page(struct hm_task *t, const struct hm_op *op)
{
	memcpy_from_page(hm_buffer(op->page, op->first), op->other->page, op->second, op->length);
	memcpy(op->page->bytes + op->first, op->other->bytes + op->second, op->length);
}

static void hm_op_memcpy_to_page(struct hm_task *t, const struct hm_op *op)
{
	memcpy_to_page(op->page->page, op->first, hm_buffer(op->other, op->second), op->length);
	memcpy(op->page->bytes + op->first, op->other->bytes + op->second, op->length);
}

static void hm_op_zero_user_segments(struct hm_task *t, const struct hm_op *op)
{
	zero_user_segments(op->page->page, op->first, op->length, op->second, op->end);
	hm_zero(op->page->bytes, op->first, op->length);
	hm_zero(op->page->bytes, op->second, op->end);
}

static void hm_op_zero_user_segment(struct hm_task *t, const struct hm_op *op)
{
	zero_user_segment(op->page->page, op->first, op->length);
	hm_zero(op->page->bytes, op->first, op->length);
}

static void hm_op_zero_user(struct hm_task *t, const struct hm_op *op)
{
	zero_user(op->page->page, op->first, op->length);
	hm_zero(op->page->bytes, op->first, op->first + op->length);
}

static void hm_op_folio_zero_segments(struct hm_task *t, const struct hm_op *op)
{
	u8 *bytes = hm_folio_bytes(t, op->page);

	folio_zero_segments(page_folio(op->page->page), op->first, op->length, op->second,
			    op->end);
	hm_zero(bytes, op->first, op->length);
	hm_zero(bytes, op->second, op->end);
}

static void hm_op_folio_zero_segment(struct hm_task *t, const struct hm_op *op)
{
	folio_zero_segment(page_folio(op->page->page), op->first, op->length);
	hm_zero(hm_folio_bytes(t, op->page), op->first, op->length);
}

static void hm_op_folio_zero_range(struct hm_task *t, const struct hm_op *op)
{
	folio_zero_range(page_folio(op->page->page), op->first, op->length);
	hm_zero(hm_folio_bytes(t, op->page), op->first, op->first + op->length);
}

static void hm_op_memcpy_from_folio(struct hm_task *t, const struct hm_op *op)
{
	memcpy_from_folio(hm_buffer(op->page, op->first), page_folio(op->other->page),
			  op->second, op->length);
	memcpy(op->page->bytes + op->first, hm_folio_bytes(t, op->other) + op->second,
	       op->length);
}

static void hm_op_memcpy_to_folio(struct hm_task *t, const struct hm_op *op)
{
	memcpy_to_folio(page_folio(op->page->page), op->first, hm_buffer(op->other, op->second),
			op->length);
	memcpy(hm_folio_bytes(t, op->page) + op->first, op->other->bytes + op->second,
	       op->length);
}

static void hm_op_folio_zero_tail(struct hm_task *t, const struct hm_op *op)
{
	struct folio *folio = page_folio(op->page->page);
	void *addr = kmap_local_folio(folio, op->first);

	addr = folio_zero_tail(folio, op->first, addr);
	kunmap_local(addr);
	hm_zero(hm_folio_bytes(t, op->page), op->first, folio_size(folio));
}

static void hm_op_folio_fill_tail(struct hm_task *t, const struct hm_op *op)
{
	struct folio *folio = page_folio(op->page->page);
	u8 *bytes = hm_folio_bytes(t, op->page);

	folio_fill_tail(folio, op->first, hm_buffer(op->other, op->second), op->length);
	memcpy(bytes + op->first, op->other->bytes + op->second, op->length);
	hm_zero(bytes, op->first + op->length, folio_size(folio));
}

static void hm_op_memcpy_folio(struct hm_task *t, const struct hm_op *op)
{
	memcpy_folio(page_folio(op->page->page), op->first, page_folio(op->other->page),
		     op->second, op->length);
	memcpy(hm_folio_bytes(t, op->page) + op->first,
	       hm_folio_bytes(t, op->other) + op->second, op->length);
}
