@@
symbol flags;
@@
 kunmap_high(...)
 {
	<...
(
-	lock_kmap_any(flags);
|
-	unlock_kmap_any(flags);
)
	...>
 }
