@@
symbol LAST_PKMAP;
@@
 get_pkmap_entries_count(...)
 {
	<...
-	LAST_PKMAP
+	LAST_PKMAP / 2
	...>
 }
