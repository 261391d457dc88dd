@@
expression E;
@@
 kmap_local_fork(...)
 {
	<...
-	WARN_ON_ONCE(E)
+	E
	...>
 }
