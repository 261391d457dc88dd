@@
symbol page, pkmap_map_wait, wait;
@@
 map_new_virtual(...)
 {
	<...
	remove_wait_queue(pkmap_map_wait, &wait);
-	lock_kmap();
-	if (page_address(page))
-		return (unsigned long)page_address(page);
+	if (page_address(page)) {
+		lock_kmap();
+		return (unsigned long)page_address(page);
+	}
+	lock_kmap();
	...>
 }
