@@
symbol addr;
@@
 kunmap_local_indexed(...)
 {
	<...
-	arch_kmap_local_post_unmap(addr);
+	arch_kmap_local_post_unmap(addr + PAGE_SIZE);
	...>
 }

@@
expression E;
symbol vaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	kpte_clear_flush(E, vaddr);
+	kpte_clear_flush(E, vaddr + PAGE_SIZE);
	...>
 }
