@@
@@
 kunmap_local_indexed(...)
 {
	<...
	kmap_local_idx_pop();
-	preempt_enable();
	...>
 }

@@
@@
 kunmap_atomic_high(...)
 {
+	preempt_disable();
	...
 }
