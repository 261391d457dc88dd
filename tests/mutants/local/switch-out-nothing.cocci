@@
symbol i;
@@
 __kmap_local_sched_out(...)
 {
	...
	int i;
+	return;
	...
 }
