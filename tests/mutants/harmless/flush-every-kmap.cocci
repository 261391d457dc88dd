@@
symbol count, color;
@@
 map_new_virtual(...)
 {
	...
	count = get_pkmap_entries_count(color);
+	flush_all_zero_pkmaps();
	for (;;) { ... }
	...
 }
