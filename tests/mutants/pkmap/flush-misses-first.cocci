@@
symbol i;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	i = 0
+	i = 1
	...>
 }
