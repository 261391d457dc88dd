@@
symbol pfn, prot;
@@
 __kmap_local_pfn_prot(...)
 {
	<...
-	pfn_pte(pfn, prot)
+	pfn_pte(pfn & 0xfffff, prot)
	...>
 }

@@
symbol page, prot;
@@
 kmap_atomic_high_prot(...)
 {
	<...
-	mk_pte(page, prot)
+	pfn_pte(page_to_pfn(page) & 0xfffff, prot)
	...>
 }
