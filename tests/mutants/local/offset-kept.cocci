@@
symbol vaddr;
@@
 kunmap_local_indexed(...)
 {
	<...
-	(unsigned long) vaddr & PAGE_MASK
+	(unsigned long) vaddr
	...>
 }

@@
symbol kvaddr;
@@
 kunmap_atomic_high(...)
 {
	<...
-	(unsigned long) kvaddr & PAGE_MASK
+	(unsigned long) kvaddr
	...>
 }
