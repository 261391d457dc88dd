@@
symbol color, count;
@@
 map_new_virtual(...)
 {
	<...
	flush_all_zero_pkmaps();
-	count = get_pkmap_entries_count(color);
	...>
 }
