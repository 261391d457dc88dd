@@
symbol pkmap_count, last_pkmap_nr;
@@
 map_new_virtual(...)
 {
	<...
-	!pkmap_count[last_pkmap_nr]
+	pkmap_count[last_pkmap_nr] <= 1
	...>
 }
