@@
symbol kaddr;
@@
 zero_user_segments(...)
 {
	<...
-	kunmap_local(kaddr);
	...>
 }
