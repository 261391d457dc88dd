@@
symbol last_pkmap_nr, vaddr, page, pkmap_count;
@@
 map_new_virtual(...)
 {
	<...
-	pkmap_count[last_pkmap_nr] = 1;
	set_page_address(page, (void *)vaddr);
+	pkmap_count[last_pkmap_nr] = 1;
	...>
 }
