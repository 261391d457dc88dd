@@
symbol idx, tsk;
@@
 __kmap_local_sched_out(...)
 {
	...
	for (...;...;...) { ... }
+	tsk->kmap_ctrl.idx = 0;
 }
