@@
symbol need_flush, i;
@@
 flush_all_zero_pkmaps(...)
 {
	<...
-	need_flush = 1;
+	need_flush = i;
	...>
 }
