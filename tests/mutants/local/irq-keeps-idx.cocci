@@
symbol current, idx;
@@
 kmap_local_idx_pop(...)
 {
	<...
-	current->kmap_ctrl.idx -= KM_INCR;
+	if (!in_hardirq())
+		current->kmap_ctrl.idx -= KM_INCR;
	...>
 }

@@
@@
 kunmap_atomic_high(...)
 {
	<...
-	kmap_atomic_idx_pop();
+	if (!in_irq())
+		kmap_atomic_idx_pop();
	...>
 }
