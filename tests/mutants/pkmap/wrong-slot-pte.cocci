@@
symbol pkmap_page_table, last_pkmap_nr;
@@
 map_new_virtual(...)
 {
	<...
-	&(pkmap_page_table[last_pkmap_nr])
+	&(pkmap_page_table[last_pkmap_nr ^ 1])
	...>
 }
