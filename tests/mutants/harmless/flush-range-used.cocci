@@
symbol i, page, LAST_PKMAP, need_flush;
@@
 flush_all_zero_pkmaps(...)
 {
+	int first = LAST_PKMAP, end = 0;
	...
	for (...;...;...) {
	<...
-	need_flush = 1;
+	need_flush = 1;
+	first = min(first, i);
+	end = i + 1;
	...>
	}
	if (need_flush)
-		flush_tlb_kernel_range(PKMAP_ADDR(0), PKMAP_ADDR(LAST_PKMAP));
+		flush_tlb_kernel_range(PKMAP_ADDR(first), PKMAP_ADDR(end));
 }
