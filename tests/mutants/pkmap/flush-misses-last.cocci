@@
symbol LAST_PKMAP, i;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	i < LAST_PKMAP
+	i < LAST_PKMAP - 1
	...>
 }
