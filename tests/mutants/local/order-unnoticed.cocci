@@
symbol idx, addr;
@@
 kunmap_local_indexed(...)
 {
	<...
-	WARN_ON_ONCE(addr != __fix_to_virt(FIX_KMAP_BEGIN + idx));
	...>
 }
