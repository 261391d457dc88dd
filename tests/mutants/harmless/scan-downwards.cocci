@@
symbol last_pkmap_nr, LAST_PKMAP_MASK;
@@
 get_next_pkmap_nr(...)
 {
	<...
-	(last_pkmap_nr + 1) & LAST_PKMAP_MASK
+	(last_pkmap_nr - 1) & LAST_PKMAP_MASK
	...>
 }
