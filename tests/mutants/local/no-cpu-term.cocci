@@
symbol idx;
@@
 kmap_local_calc_idx(...)
 {
	<...
-	idx + KM_MAX_IDX * smp_processor_id()
+	idx
	...>
 }

@@
@@
 \( kmap_atomic_high_prot \| kunmap_atomic_high \| kmap_atomic_prot_pfn \| iounmap_atomic \)(...)
 {
	<...
-	type + KM_TYPE_NR * smp_processor_id()
+	type
	...>
 }
