@@
symbol pkmap_count, vaddr;
@@
 kmap_high(...)
 {
	<...
-	BUG_ON(pkmap_count[PKMAP_NR(vaddr)] < 2);
+	BUG_ON(pkmap_count[PKMAP_NR(vaddr)] < 3);
	...>
 }
