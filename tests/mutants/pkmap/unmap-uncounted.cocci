@@
symbol pkmap_count, nr;
@@
 kunmap_high(...)
 {
	<...
-	--pkmap_count[nr]
+	pkmap_count[nr]
	...>
 }
