@@
symbol need_wakeup, pkmap_map_wait;
@@
 kunmap_high(...)
 {
	<...
-	need_wakeup = waitqueue_active(pkmap_map_wait);
	...>
 }
