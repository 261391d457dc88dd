@@
symbol page;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	set_page_address(page, NULL);
	...>
 }
