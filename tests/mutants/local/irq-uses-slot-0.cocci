@@
symbol current, idx;
@@
 kmap_local_idx_push(...)
 {
	<...
-	return current->kmap_ctrl.idx - 1;
+	return in_hardirq() ? 0 : current->kmap_ctrl.idx - 1;
	...>
 }

@@
expression E;
@@
 \( kmap_atomic_high_prot \| kunmap_atomic_high \)(...)
 {
	<...
	type = E;
+	if (in_irq())
+		type = 0;
	...>
 }
