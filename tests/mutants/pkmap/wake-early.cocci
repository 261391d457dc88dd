@@
symbol need_wakeup, pkmap_map_wait, color, flags;
@@
 kunmap_high(...)
 {
	<...
(
-	lock_kmap_any(flags);
+	if (waitqueue_active(get_pkmap_wait_queue_head(color)))
+		wake_up(get_pkmap_wait_queue_head(color));
+	lock_kmap_any(flags);
|
-	if (need_wakeup)
-		wake_up(pkmap_map_wait);
)
	...>
 }
