@@
symbol i, addr, pteval, tsk;
@@
 __kmap_local_sched_out(...)
 {
	<...
	arch_kmap_local_post_unmap(addr);
+	tsk->kmap_ctrl.pteval[i] = __pte(0);
	...>
 }
