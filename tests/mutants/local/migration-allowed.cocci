@@
@@
 \( __kmap_local_pfn_prot \| kunmap_local_indexed \)(...)
 {
	<...
-	\( migrate_disable \| migrate_enable \)();
	...>
 }
