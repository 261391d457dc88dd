@@
@@
 kmap_local_fork(...)
 {
	<...
-	if (WARN_ON_ONCE(...)) memset(...);

	...>
 }
