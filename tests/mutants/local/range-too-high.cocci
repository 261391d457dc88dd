@@
symbol addr;
@@
 kunmap_local_indexed(...)
 {
	<...
-	addr > __fix_to_virt(FIX_KMAP_BEGIN)
+	addr > __fix_to_virt(FIX_KMAP_BEGIN - 1)
	...>
 }

@@
symbol vaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	vaddr <= __fix_to_virt(FIX_KMAP_BEGIN)
+	vaddr <= __fix_to_virt(FIX_KMAP_BEGIN - 1)
	...>
 }
