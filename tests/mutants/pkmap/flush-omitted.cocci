@@
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	flush_tlb_kernel_range(...);
+	;
	...>
 }
