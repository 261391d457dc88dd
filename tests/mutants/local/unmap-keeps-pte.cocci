@@
@@
 kunmap_local_indexed(...)
 {
	<...
-	pte_clear(...);
	...>
 }

@@
symbol vaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	kpte_clear_flush(...);
+	flush_tlb_one_kernel(vaddr);
	...>
 }
