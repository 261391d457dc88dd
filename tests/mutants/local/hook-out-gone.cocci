@@
@@
 kmap_local_sched_out(...)
 {
	<...
-	__kmap_local_sched_out();
+	;
	...>
 }
