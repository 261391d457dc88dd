@@
symbol current, pteval;
@@
 kunmap_local_indexed(...)
 {
	<...
-	current->kmap_ctrl.pteval[kmap_local_idx()] = __pte(0);
	...>
 }
