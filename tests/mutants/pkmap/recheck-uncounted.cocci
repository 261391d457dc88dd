@@
symbol pkmap_count, page;
@@
 map_new_virtual(...)
 {
	<...
	if (page_address(page))
+	{
+		pkmap_count[PKMAP_NR((unsigned long)page_address(page))]--;
		return (unsigned long)page_address(page);
+	}
	...>
 }
