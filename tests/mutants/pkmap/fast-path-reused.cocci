@@
symbol vaddr, pkmap_count;
typedef atomic_t;
identifier page;
@@
 kmap_high(struct page *page)
 {
	unsigned long vaddr;
+	vaddr = (unsigned long)page_address(page);
+	if (vaddr && atomic_add_unless((atomic_t *)&pkmap_count[PKMAP_NR(vaddr)], 1, 0))
+		return (void *)vaddr;
	...
 }
