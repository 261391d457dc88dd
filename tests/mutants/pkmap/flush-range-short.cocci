@@
symbol LAST_PKMAP;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	PKMAP_ADDR(LAST_PKMAP)
+	PKMAP_ADDR(LAST_PKMAP - 1)
	...>
 }
