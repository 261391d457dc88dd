@@
symbol current, idx;
@@
 kmap_local_idx_push(...)
 {
	<...
-	current->kmap_ctrl.idx >= KM_MAX_IDX
+	current->kmap_ctrl.idx > KM_MAX_IDX
	...>
 }
