@@
symbol addr, PAGE_OFFSET;
@@
 kunmap_local_indexed(...)
 {
	<...
-	if (!kmap_high_unmap_local(addr))
-		WARN_ON_ONCE(addr < PAGE_OFFSET);
+	kmap_high_unmap_local(addr);
	...>
 }
