@@
symbol last_pkmap_nr, color;
@@
 map_new_virtual(...)
 {
	<...
-	no_more_pkmaps(last_pkmap_nr, color)
+	1
	...>
 }
