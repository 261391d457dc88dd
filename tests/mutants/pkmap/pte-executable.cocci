@@
symbol page, kmap_prot;
@@
 map_new_virtual(...)
 {
	<...
-	mk_pte(page, kmap_prot)
+	mk_pte(page, PAGE_KERNEL_EXEC)
	...>
 }
