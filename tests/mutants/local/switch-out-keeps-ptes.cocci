@@
@@
 __kmap_local_sched_out(...)
 {
	<...
-	pte_clear(...);
	...>
 }
