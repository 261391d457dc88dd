@@
@@
 \( __kmap_flush_unused \| kmap_flush_unused \)(...)
 {
	...
-	flush_all_zero_pkmaps();
	...
 }
