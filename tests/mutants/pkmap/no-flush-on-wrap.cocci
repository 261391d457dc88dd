@@
@@
 map_new_virtual(...)
 {
	<...
-	flush_all_zero_pkmaps();
	...>
 }
