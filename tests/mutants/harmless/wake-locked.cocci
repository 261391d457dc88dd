@@
symbol need_wakeup, flags, pkmap_map_wait;
@@
 kunmap_high(...)
 {
	...
-	unlock_kmap_any(flags);
	if (need_wakeup)
		wake_up(pkmap_map_wait);
+	unlock_kmap_any(flags);
 }
