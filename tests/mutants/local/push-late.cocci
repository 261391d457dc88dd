@@
symbol idx, pfn, vaddr, pteval;
@@
 __kmap_local_pfn_prot(...)
 {
	<...
(
-	idx = arch_kmap_local_map_idx(kmap_local_idx_push(), pfn);
+	idx = arch_kmap_local_map_idx(kmap_local_idx() + KM_INCR, pfn);
|
	arch_kmap_local_post_map(vaddr, pteval);
+	kmap_local_idx_push();
)
	...>
 }
