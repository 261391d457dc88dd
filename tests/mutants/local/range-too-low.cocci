@@
symbol addr;
@@
 kunmap_local_indexed(...)
 {
	<...
-	addr < __fix_to_virt(FIX_KMAP_END)
+	addr < __fix_to_virt(FIX_KMAP_END + 1)
	...>
 }

@@
symbol vaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	vaddr >= __fix_to_virt(FIX_KMAP_END)
+	vaddr >= __fix_to_virt(FIX_KMAP_END + 1)
	...>
 }
