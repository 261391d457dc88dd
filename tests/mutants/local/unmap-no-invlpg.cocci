@@
symbol addr;
@@
 kunmap_local_indexed(...)
 {
	<...
-	arch_kmap_local_post_unmap(addr);
	...>
 }

@@
expression E;
symbol init_mm, vaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	kpte_clear_flush(E, vaddr);
+	pte_clear(&init_mm, vaddr, E);
	...>
 }
