@@
symbol pkmap_map_wait, wait;
@@
 map_new_virtual(...)
 {
	<...
-	__set_current_state(TASK_UNINTERRUPTIBLE);
	add_wait_queue(pkmap_map_wait, &wait);
	unlock_kmap();
+	__set_current_state(TASK_UNINTERRUPTIBLE);
	...>
 }
