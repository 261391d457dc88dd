@@
symbol pkmap_map_wait, wait;
@@
 map_new_virtual(...)
 {
	<...
-	add_wait_queue(pkmap_map_wait, &wait);
+	add_wait_queue_exclusive(pkmap_map_wait, &wait);
	...>
 }
