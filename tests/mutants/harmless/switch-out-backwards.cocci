@@
symbol i, tsk;
@@
 __kmap_local_sched_out(...)
 {
	<...
-	for (i = 0; i < tsk->kmap_ctrl.idx; i++)
+	for (i = tsk->kmap_ctrl.idx - 1; i >= 0; i--)
	{ ... }
	...>
 }
