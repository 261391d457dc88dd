@@
symbol current, pteval;
@@
 kunmap_local_indexed(...)
 {
	...
+	current->kmap_ctrl.pteval[kmap_local_idx()] = __pte(0);
+	kmap_local_idx_pop();
	pte_clear(...);
	...
-	current->kmap_ctrl.pteval[kmap_local_idx()] = __pte(0);
-	kmap_local_idx_pop();
	...
 }

@@
@@
 kunmap_atomic_high(...)
 {
	<...
+	kmap_atomic_idx_pop();
	kpte_clear_flush(...);
-	kmap_atomic_idx_pop();
	...>
 }
