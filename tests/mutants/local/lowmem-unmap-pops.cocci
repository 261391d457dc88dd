@@
symbol vaddr, addr;
@@
 kunmap_local_indexed(const void *vaddr)
 {
	...
-	if (addr < __fix_to_virt(FIX_KMAP_END) || addr > __fix_to_virt(FIX_KMAP_BEGIN))
+	if (addr < PAGE_OFFSET)
	{ ... }
	...
 }

@@
symbol vaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	vaddr >= __fix_to_virt(FIX_KMAP_END)
+	vaddr >= PAGE_OFFSET
	...>
 }
