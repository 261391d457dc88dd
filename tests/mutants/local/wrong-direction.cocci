@@
symbol idx;
@@
 kmap_get_pte(...)
 {
	<...
-	&__kmap_pte[-idx]
+	&__kmap_pte[idx]
	...>
 }

@@
symbol idx, kmap_pte;
@@
 \( kmap_atomic_high_prot \| kunmap_atomic_high \)(...)
 {
	<...
-	kmap_pte - idx
+	kmap_pte + idx
	...>
 }
