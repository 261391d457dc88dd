@@
symbol kaddr, start2, this_end;
@@
 zero_user_segments(...)
 {
	<...
-	memset(kaddr + start2, 0, this_end - start2);
+	memset(kaddr + start2, 0, this_end - start2 - 1);
	...>
 }
