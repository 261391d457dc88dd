@@
symbol LAST_PKMAP, LAST_PKMAP_MASK, last_pkmap_nr;
@@
 get_next_pkmap_nr(...)
 {
	<...
-	(last_pkmap_nr + 1) & LAST_PKMAP_MASK
+	(last_pkmap_nr + 1) % (LAST_PKMAP + 1)
	...>
 }
