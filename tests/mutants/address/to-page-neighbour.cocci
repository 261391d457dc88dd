@@
expression E;
symbol pkmap_page_table;
@@
 \( __kmap_to_page \| kmap_to_page \)(...)
 {
	<...
-	pkmap_page_table[E]
+	pkmap_page_table[(E) ^ 1]
	...>
 }
