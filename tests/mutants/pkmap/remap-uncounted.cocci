@@
symbol pkmap_count, page, vaddr;
@@
 kmap_high(...)
 {
	<...
-	if (!vaddr)
+	if (!vaddr) {
		vaddr = map_new_virtual(page);
-	pkmap_count[PKMAP_NR(vaddr)]++;
+	pkmap_count[PKMAP_NR(vaddr)]++;
+	}
	...>
 }
