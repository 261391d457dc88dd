@@
symbol flags, pkmap_count, nr;
typedef atomic_t;
@@
 kunmap_high(...)
 {
	<...
(
-	lock_kmap_any(flags);
|
-	unlock_kmap_any(flags);
|
-	--pkmap_count[nr]
+	atomic_dec_return((atomic_t *)&pkmap_count[nr])
)
	...>
 }
