@@
symbol current, pteval;
@@
 __kmap_local_pfn_prot(...)
 {
	<...
-	current->kmap_ctrl.pteval[kmap_local_idx()] = pteval;
	...>
 }
