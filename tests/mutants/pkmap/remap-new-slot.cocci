@@
symbol page, vaddr;
@@
 kmap_high(...)
 {
	<...
-	if (!vaddr)
+	if (1)
		vaddr = map_new_virtual(page);
	...>
 }
