@@
symbol kaddr, page, i;
@@
 zero_user_segments(...)
 {
	<...
-	if (!kaddr)
-		kaddr = kmap_local_page(page + i);
+	if (kaddr)
+		kunmap_local(kaddr);
+	kaddr = kmap_local_page(page + i);
	...>
 }
