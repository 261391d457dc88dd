@@
symbol vaddr, pkmap_count;
typedef atomic_t;
identifier page;
@@
 kmap_high(struct page *page)
 {
	unsigned long vaddr;
+	vaddr = (unsigned long)page_address(page);
+	if (vaddr && atomic_inc_return((atomic_t *)&pkmap_count[PKMAP_NR(vaddr)]))
+		return (void *)vaddr;
	...
 }
