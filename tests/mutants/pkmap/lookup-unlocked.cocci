@@
symbol vaddr, page;
@@
 kmap_high(...)
 {
	<...
-	lock_kmap();
	vaddr = (unsigned long)page_address(page);
+	lock_kmap();
	...>
 }
