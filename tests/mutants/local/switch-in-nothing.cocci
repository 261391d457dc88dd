@@
@@
 __kmap_local_sched_in(...)
 {
	<...
-	set_pte_at(...);
	...>
 }
