@@
symbol current, idx;
@@
 kmap_local_idx_push(...)
 {
	<...
-	current->kmap_ctrl.idx - 1
+	0
	...>
 }

@@
@@
 kmap_atomic_high_prot(...)
 {
	<...
-	type = kmap_atomic_idx_push();
+	kmap_atomic_idx_push();
+	type = 0;
	...>
 }
