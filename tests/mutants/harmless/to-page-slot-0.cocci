@@
symbol base;
@@
 __kmap_to_page(...)
 {
	<...
-	base < __fix_to_virt(FIX_KMAP_BEGIN)
+	base <= __fix_to_virt(FIX_KMAP_BEGIN)
	...>
 }
