@@
symbol page;
@@
 __kmap_local_page_prot(...)
 {
	<...
-	!PageHighMem(page)
+	0
	...>
 }
