@@
expression a, b;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
+	unlock_kmap();
	flush_tlb_kernel_range(a, b);
+	lock_kmap();
	...>
 }
