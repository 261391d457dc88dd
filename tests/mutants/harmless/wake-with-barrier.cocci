@@
symbol pkmap_map_wait;
@@
 kunmap_high(...)
 {
	<...
-	waitqueue_active(pkmap_map_wait)
+	wq_has_sleeper(pkmap_map_wait)
	...>
 }
