@@
symbol pkmap_count, page, pkmap_page_table, init_mm, vaddr, nr;
@@
 kunmap_high(...)
 {
	...
	switch (--pkmap_count[nr]) {
	case 0:
		BUG();
	case 1:
+		pkmap_count[nr] = 0;
+		pte_clear(&init_mm, vaddr, &pkmap_page_table[nr]);
+		set_page_address(page, NULL);
	...
	}
	...
 }
