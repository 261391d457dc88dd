@@
symbol init_mm, addr, pteval, kmap_pte, tsk;
@@
 __kmap_local_sched_in(...)
 {
	<...
-	set_pte_at(&init_mm, addr, kmap_pte, pteval);
+	set_pte_at(&init_mm, addr, kmap_pte, tsk->kmap_ctrl.pteval[0]);
	...>
 }
