@@
symbol pfn;
@@
 __kmap_local_pfn_prot(...)
 {
	...
+	if (pfn_valid(pfn) && !PageHighMem(pfn_to_page(pfn)))
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
+	if (pfn_valid(pfn) && !PageHighMem(pfn_to_page(pfn)))
+		return __va(pfn << PAGE_SHIFT);
	type = E;
	...
 }
