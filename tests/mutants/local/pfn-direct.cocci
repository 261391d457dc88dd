@@
symbol pfn;
@@
 __kmap_local_pfn_prot(...)
 {
	...
+	if (pfn < max_low_pfn)
+		return __va(pfn << PAGE_SHIFT);
	migrate_disable();
	...
 }

@@
symbol pfn;
expression E;
@@
 kmap_atomic_prot_pfn(...)
 {
	...
+	if (pfn < max_low_pfn)
+		return __va(pfn << PAGE_SHIFT);
	type = E;
	...
 }
