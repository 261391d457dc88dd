@@
symbol addr, pteval;
typedef pte_t;
@@
 kunmap_local_indexed(...)
 {
	...
+	current->kmap_ctrl.pteval[kmap_local_idx()] = __pte(0);
	pte_clear(...);
	...
-	current->kmap_ctrl.pteval[kmap_local_idx()] = __pte(0);
	...
 }
