@@
symbol last_pkmap_nr, vaddr, pkmap_count;
@@
 map_new_virtual(...)
 {
	<...
	vaddr = PKMAP_ADDR(last_pkmap_nr);
+	pkmap_count[last_pkmap_nr] = 1;
	set_pte_at(...);
-	pkmap_count[last_pkmap_nr] = 1;
	...>
 }
