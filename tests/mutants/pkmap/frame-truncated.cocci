@@
symbol page, kmap_prot;
@@
 map_new_virtual(...)
 {
	<...
-	mk_pte(page, kmap_prot)
+	pfn_pte(page_to_pfn(page) & 0xfffff, kmap_prot)
	...>
 }
