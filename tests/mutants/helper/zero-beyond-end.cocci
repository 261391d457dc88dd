@@
symbol start1, end1, start2, end2;
@@
 zero_user_segments(...)
 {
	<...
(
-	if (start1 >= end1)
-		start1 = end1 = 0;
|
-	if (start2 >= end2)
-		start2 = end2 = 0;
)
	...>
 }
