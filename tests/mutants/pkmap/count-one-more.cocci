@@
symbol pkmap_count, last_pkmap_nr;
@@
 map_new_virtual(...)
 {
	<...
-	pkmap_count[last_pkmap_nr] = 1;
+	pkmap_count[last_pkmap_nr] = 2;
	...>
 }
