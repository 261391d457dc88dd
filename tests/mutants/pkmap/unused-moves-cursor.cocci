@@
@@
 \( __kmap_flush_unused \| kmap_flush_unused \)(...)
 {
	...
	flush_all_zero_pkmaps();
+	get_next_pkmap_nr(0);
	...
 }
