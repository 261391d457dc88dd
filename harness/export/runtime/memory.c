static bool hm_load(const char *addr, u32 *value)
{
	pagefault_disable();
	__get_kernel_nofault(value, addr, u32, fault);
	pagefault_enable();
	return true;
fault:
	pagefault_enable();
	return false;
}

static bool hm_store(char *addr, u32 value)
{
	pagefault_disable();
	__put_kernel_nofault(addr, &value, u32, fault);
	pagefault_enable();
	return true;
fault:
	pagefault_enable();
	return false;
}

/* The page table entry of @addr, or none. */
static pte_t hm_pte(const char *addr)
{
	unsigned int level;
	pte_t *entry = lookup_address((unsigned long)addr, &level);

	return entry ? *entry : __pte(0);
}

static bool hm_in_pkmap(const char *addr)
{
	return (unsigned long)addr >= PKMAP_ADDR(0) &&
	       (unsigned long)addr < PKMAP_ADDR(LAST_PKMAP);
}

static bool hm_in_window(const char *addr)
{
	return (unsigned long)addr >= __fix_to_virt(FIX_KMAP_END) &&
	       (unsigned long)addr < __fix_to_virt(FIX_KMAP_BEGIN) + PAGE_SIZE;
}

static u32 hm_word(const struct hm_page *page, unsigned int offset)
{
	u32 word;

	memcpy(&word, page->bytes + offset, sizeof(word));
	return word;
}

/* Compare the whole page with what it must hold, through a mapping that is trusted. */
static void hm_check_page(struct hm_case *c, struct hm_page *page)
{
	char *addr = kmap(page->page);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE; i++) {
		if ((u8)addr[i] == page->bytes[i])
			continue;
		hm_fail(c, "at the end", "byte %u of page %u is %#x, not %#x", i,
			(unsigned int)(page - c->pages), (u8)addr[i], page->bytes[i]);
		break;
	}
	kunmap(page->page);
}

/* Pages begin as zeros. */
static void hm_fill_page(struct hm_page *page)
{
	char *addr = kmap(page->page);

	memset(addr, 0, PAGE_SIZE);
	kunmap(page->page);
}
