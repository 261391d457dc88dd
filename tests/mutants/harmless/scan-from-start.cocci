@@
symbol last_pkmap_nr, color, count, LAST_PKMAP;
@@
 map_new_virtual(...)
 {
	<...
-	last_pkmap_nr = get_next_pkmap_nr(color);
+	last_pkmap_nr = LAST_PKMAP - count;
	...>
 }
