@@
@@
 kmap_local_sched_in(...)
 {
	<...
-	__kmap_local_sched_in();
+	;
	...>
 }
