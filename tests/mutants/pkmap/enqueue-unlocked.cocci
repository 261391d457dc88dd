@@
symbol pkmap_map_wait, wait;
@@
 map_new_virtual(...)
 {
	<...
-	add_wait_queue(pkmap_map_wait, &wait);
	unlock_kmap();
+	add_wait_queue(pkmap_map_wait, &wait);
	...>
 }
