@@
symbol pkmap_map_wait;
@@
 kunmap_high(...)
 {
	<...
-	waitqueue_active(pkmap_map_wait)
+	!waitqueue_active(pkmap_map_wait)
	...>
 }
