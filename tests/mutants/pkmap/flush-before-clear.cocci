@@
symbol LAST_PKMAP, need_flush;
@@
 flush_all_zero_pkmaps(...)
 {
	...
	flush_cache_kmaps();
+	flush_tlb_kernel_range(PKMAP_ADDR(0), PKMAP_ADDR(LAST_PKMAP));
	...
-	if (need_flush)
-		flush_tlb_kernel_range(...);
 }
