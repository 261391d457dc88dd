@@
symbol i, LAST_PKMAP;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	for (i = 0; i < LAST_PKMAP; i++)
+	for (i = LAST_PKMAP - 1; i >= 0; i--)
	{ ... }
	...>
 }
