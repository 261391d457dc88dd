@@
symbol page, vaddr;
@@
 map_new_virtual(...)
 {
	<...
-	set_page_address(page, (void *)vaddr);
	...>
 }
