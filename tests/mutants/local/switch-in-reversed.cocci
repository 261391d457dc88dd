@@
expression E;
symbol i, idx, tsk;
@@
 __kmap_local_sched_in(...)
 {
	<...
-	arch_kmap_local_map_idx(i, E)
+	arch_kmap_local_map_idx(tsk->kmap_ctrl.idx - 1 - i, E)
	...>
 }
