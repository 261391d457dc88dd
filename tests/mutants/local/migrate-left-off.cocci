@@
@@
 kunmap_local_indexed(...)
 {
	<...
-	migrate_enable();
	...>
 }
