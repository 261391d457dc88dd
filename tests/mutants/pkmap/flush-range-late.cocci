@@
expression E;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	flush_tlb_kernel_range(PKMAP_ADDR(0), E)
+	flush_tlb_kernel_range(PKMAP_ADDR(1), E)
	...>
 }
