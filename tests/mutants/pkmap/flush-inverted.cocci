@@
symbol need_flush;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	if (need_flush)
+	if (!need_flush)
		flush_tlb_kernel_range(...);
	...>
 }
