@@
symbol page;
@@
 map_new_virtual(...)
 {
	<...
-	if (page_address(page))
-		return (unsigned long)page_address(page);
	...>
 }
