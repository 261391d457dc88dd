@@
symbol pkmap_count, vaddr;
@@
 kmap_high(...)
 {
	<...
-	pkmap_count[PKMAP_NR(vaddr)]++;
-	BUG_ON(pkmap_count[PKMAP_NR(vaddr)] < 2);
	unlock_kmap();
+	pkmap_count[PKMAP_NR(vaddr)]++;
	...>
 }
