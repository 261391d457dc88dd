@@
symbol pkmap_count, i;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	pkmap_count[i] != 1
+	pkmap_count[i] != -1
	...>
 }
