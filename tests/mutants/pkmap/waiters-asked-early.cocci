@@
symbol need_wakeup, pkmap_map_wait, color, flags;
@@
 kunmap_high(...)
 {
	<...
(
-	lock_kmap_any(flags);
+	pkmap_map_wait = get_pkmap_wait_queue_head(color);
+	need_wakeup = waitqueue_active(pkmap_map_wait);
+	lock_kmap_any(flags);
|
-	need_wakeup = 0;
|
-	pkmap_map_wait = get_pkmap_wait_queue_head(color);
|
-	need_wakeup = waitqueue_active(pkmap_map_wait);
)
	...>
 }
