@@
symbol page, kmap_prot;
@@
 map_new_virtual(...)
 {
	<...
-	mk_pte(page, kmap_prot)
+	mk_pte(page, __pgprot(pgprot_val(kmap_prot) | _PAGE_USER))
	...>
 }
