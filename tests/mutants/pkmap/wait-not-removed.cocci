@@
symbol pkmap_map_wait, wait;
@@
 map_new_virtual(...)
 {
	<...
-	remove_wait_queue(pkmap_map_wait, &wait);
	...>
 }
