@@
symbol flags, pkmap_count, nr, need_wakeup;
identifier page;
@@
 kunmap_high(struct page *page)
 {
	<...
(
	int need_wakeup;
+	int count = READ_ONCE(pkmap_count[PKMAP_NR((unsigned long)page_address(page))]);
|
-	--pkmap_count[nr]
+	pkmap_count[nr] = count - 1
)
	...>
 }
