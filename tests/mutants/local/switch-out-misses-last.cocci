@@
symbol i, idx, tsk;
@@
 __kmap_local_sched_out(...)
 {
	<...
-	i < tsk->kmap_ctrl.idx
+	i < tsk->kmap_ctrl.idx - 1
	...>
 }
