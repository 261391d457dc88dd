@@
symbol idx, addr, kmap_pte;
@@
 kunmap_local_indexed(...)
 {
	<...
-	kmap_pte = kmap_get_pte(addr, idx);
+	kmap_pte = kmap_get_pte(addr, __virt_to_fix(addr) - FIX_KMAP_BEGIN);
	...>
 }

@@
symbol vaddr, idx, kmap_pte;
@@
 kunmap_atomic_high(...)
 {
	<...
-	kpte_clear_flush(kmap_pte - idx, vaddr);
+	kpte_clear_flush(kmap_pte - (__virt_to_fix(vaddr) - FIX_KMAP_BEGIN), vaddr);
	...>
 }
