@@
@@
 \( __kmap_local_pfn_prot \| kmap_atomic_high_prot \)(...)
 {
	<...
-	BUG_ON(!pte_none(...));
	...>
 }
