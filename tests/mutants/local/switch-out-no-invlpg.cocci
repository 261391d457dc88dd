@@
symbol addr;
@@
 __kmap_local_sched_out(...)
 {
	<...
-	arch_kmap_local_post_unmap(addr);
	...>
 }
