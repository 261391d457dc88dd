@@
symbol pkmap_page_table, init_mm, i;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	pte_clear(&init_mm, PKMAP_ADDR(i), &pkmap_page_table[i]);
	...>
 }
