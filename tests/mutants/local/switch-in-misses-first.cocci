@@
symbol i;
@@
 __kmap_local_sched_in(...)
 {
	<...
-	i = 0
+	i = 1
	...>
 }
