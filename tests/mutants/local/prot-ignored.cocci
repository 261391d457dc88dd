@@
symbol kmap_prot, pfn, prot;
@@
 __kmap_local_pfn_prot(...)
 {
	<...
-	pfn_pte(pfn, prot)
+	pfn_pte(pfn, kmap_prot)
	...>
 }

@@
symbol page, kmap_prot, prot;
@@
 kmap_atomic_high_prot(...)
 {
	<...
-	mk_pte(page, prot)
+	mk_pte(page, kmap_prot)
	...>
 }
