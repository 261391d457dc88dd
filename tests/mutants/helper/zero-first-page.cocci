@@
symbol page, i;
@@
 zero_user_segments(...)
 {
	<...
-	kmap_local_page(page + i)
+	kmap_local_page(page)
	...>
 }
