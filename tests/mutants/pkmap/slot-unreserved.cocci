@@
symbol vaddr, last_pkmap_nr;
@@
 map_new_virtual(...)
 {
	<...
	vaddr = PKMAP_ADDR(last_pkmap_nr);
+	unlock_kmap();
+	lock_kmap();
	...>
 }
